/* Aligned faces: the square of known landmarks, and resampling against plain loops. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/align/find.h"
#include "engine/align/surround.h"
#include "support/nn_check.h"

Suite *suite_align(void);

static lt_ctx *ctx;
static lt_rng rng;

static void setup(void)
{
    ctx = nn_context();
    rng = lt_rng_make(5, 0);
}

static void teardown(void) { lt_ctx_destroy(ctx); }

/* ---- the square ---- */

static void check_corners(const struct ce_quad *quad, const double wanted[4][2])
{
    double corner[4][2];
    ce_quad_corners(quad, corner);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++)
            ck_assert_msg(fabs(corner[i][k] - wanted[i][k]) < 1e-4, "corner %d: (%g, %g)", i,
                          corner[i][0], corner[i][1]);
}

START_TEST(square_of_known_landmarks)
{
    /* e = (20, 0), m = (0, 30): half a side is 1.8 |m| = 54, the middle 0.1 m below the eyes. */
    const float level[LT_FACE_LANDMARKS][2] = {{40, 50}, {60, 50}, {50, 66}, {44, 80}, {56, 80}};
    /* e = (40, 0), m = (0, 30): half a side is 2 |e| = 80. */
    const float wide[LT_FACE_LANDMARKS][2] = {{30, 50}, {70, 50}, {50, 66}, {44, 80}, {56, 80}};
    /* The first face turned by a quarter, so that its eyes stand one above the other. */
    const float turned[LT_FACE_LANDMARKS][2] = {{50, 40}, {50, 60}, {34, 50}, {20, 44}, {20, 56}};
    struct ce_quad quad;
    ck_assert_int_eq(ce_quad_of_face(ctx, level, &quad), LT_OK);
    check_corners(&quad, (const double[4][2]){{-4, -1}, {-4, 107}, {104, 107}, {104, -1}});
    ck_assert_double_eq_tol(ce_quad_side(&quad), 108, 1e-9);
    ck_assert_double_eq_tol(ce_eye_distance(level), 20, 1e-9);
    ck_assert_int_eq(ce_quad_of_face(ctx, wide, &quad), LT_OK);
    check_corners(&quad, (const double[4][2]){{-30, -27}, {-30, 133}, {130, 133}, {130, -27}});
    ck_assert_int_eq(ce_quad_of_face(ctx, turned, &quad), LT_OK);
    check_corners(&quad, (const double[4][2]){{101, -4}, {-7, -4}, {-7, 104}, {101, 104}});
}
END_TEST

START_TEST(landmarks_that_make_no_face_are_refused)
{
    const float one_place[LT_FACE_LANDMARKS][2] = {{5, 5}, {5, 5}, {5, 5}, {5, 5}, {5, 5}};
    const float infinite[LT_FACE_LANDMARKS][2] = {{5, INFINITY}, {9, 5}, {7, 7}, {5, 9}, {9, 9}};
    const float nan[LT_FACE_LANDMARKS][2] = {{5, 5}, {9, 5}, {7, 7}, {NAN, 9}, {9, 9}};
    struct ce_quad quad;
    ce_quad_of_face(ctx, one_place, &quad);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "make no face");
    ce_quad_of_face(ctx, infinite, &quad);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "landmarks of a face must be numbers");
    ce_quad_of_face(ctx, nan, &quad);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "landmarks of a face must be numbers");
}
END_TEST

START_TEST(the_smallest_face_grows_with_the_photo)
{
    ck_assert_double_eq(ce_align_least_face(640, 480), 20);
    ck_assert_double_eq(ce_align_least_face(3000, 2000), 50);
    ck_assert_double_eq(ce_align_least_face(6000, 4000), 100);
    ck_assert_double_eq(ce_align_least_face(16000, 6000), 100);
}
END_TEST

/* ---- resampling ---- */

static struct ce_pixels make_pixels(int width, int height)
{
    uint8_t *rgb = malloc(3 * (size_t)width * (size_t)height);
    ck_assert_ptr_nonnull(rgb);
    return (struct ce_pixels){rgb, width, height};
}

static uint8_t *bytes_of(const struct ce_pixels *p) { return (uint8_t *)(uintptr_t)p->rgb; }

/* A ramp: red grows along x, green along y, blue along both. */
static struct ce_pixels ramp(int width, int height, double step)
{
    const struct ce_pixels p = make_pixels(width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *at = bytes_of(&p) + 3 * (y * width + x);
            at[0] = (uint8_t)lrint(step * x);
            at[1] = (uint8_t)lrint(step * y);
            at[2] = (uint8_t)lrint(step * (x + y) / 2);
        }
    return p;
}

static struct ce_quad square_at(double x, double y, double side, double degrees)
{
    const double half = side / 2, angle = degrees * 3.14159265358979 / 180;
    return (struct ce_quad){.middle = {x, y},
                            .x = {half * cos(angle), half * sin(angle)},
                            .y = {-half * sin(angle), half * cos(angle)}};
}

/* The place in the photo of the middle of pixel (column, row) of the result. */
static void place_of(const struct ce_quad *quad, int size, int column, int row, double at[2])
{
    const double u = 2 * (column + 0.5) / size - 1, v = 2 * (row + 0.5) / size - 1;
    for (int k = 0; k < 2; k++)
        at[k] = quad->middle[k] + u * quad->x[k] + v * quad->y[k];
}

START_TEST(a_ramp_stays_a_ramp)
{
    /* Turned squares that are enlarged, kept and shrunk; the last by blocks of 2 and of 5 first. */
    static const struct {
        double side, degrees;
        int size;
    } cut[] = {{30, 10, 64}, {64, -25, 64}, {110, 45, 40}, {110, 33, 24}, {110, 80, 11}};
    const struct ce_pixels photo = ramp(200, 180, 1.25);
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        const int size = cut[i].size;
        const struct ce_quad quad = square_at(98.3, 91.7, cut[i].side, cut[i].degrees);
        uint8_t *out = malloc(3 * (size_t)(size * size));
        ck_assert_int_eq(ce_align_crop(ctx, &photo, &quad, size, out), LT_OK);
        /* At the square's edge the filter is cut off on one side. */
        for (int row = 3; row < size - 3; row++)
            for (int column = 3; column < size - 3; column++) {
                double at[2];
                place_of(&quad, size, column, row, at);
                const uint8_t *got = out + 3 * (row * size + column);
                ck_assert_double_eq_tol(got[0], 1.25 * at[0], 1.1);
                ck_assert_double_eq_tol(got[1], 1.25 * at[1], 1.1);
                ck_assert_double_eq_tol(got[2], 0.625 * (at[0] + at[1]), 1.1);
            }
        free(out);
    }
    free(bytes_of(&photo));
}
END_TEST

static struct ce_pixels noise(int width, int height)
{
    const struct ce_pixels p = make_pixels(width, height);
    for (int i = 0; i < 3 * width * height; i++)
        bytes_of(&p)[i] = (uint8_t)lt_rng_below(&rng, 256);
    return p;
}

static double linear_at(const struct ce_pixels *p, double x, double y, int k)
{
    const int j = (int)floor(x), i = (int)floor(y);
    double sum = 0;
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++)
            sum += (c ? x - j : j + 1 - x) * (r ? y - i : i + 1 - y) *
                   p->rgb[3 * ((i + r) * p->width + j + c) + k];
    return sum;
}

static double lanczos3(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : fabs(x) >= 3 ? 0 : 3 * sin(pi * x) * sin(pi * x / 3) / (pi * pi * x * x);
}

START_TEST(resampling_is_that_of_plain_loops)
{
    /* Each pixel: the sum over all samples, 4 x 4 to a pixel, with the product of both weights. */
    enum { SIZE = 9, SAMPLES = 4 * SIZE };
    const struct ce_pixels photo = noise(40, 40);
    const struct ce_quad quad = square_at(19.4, 20.9, 17, 20);
    uint8_t out[3 * SIZE * SIZE];
    ck_assert_int_eq(ce_align_crop(ctx, &photo, &quad, SIZE, out), LT_OK);
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++)
            for (int k = 0; k < 3; k++) {
                double sum = 0, weights = 0;
                for (int r = 0; r < SAMPLES; r++)
                    for (int c = 0; c < SAMPLES; c++) {
                        const double w = lanczos3((r + 0.5) / 4 - (row + 0.5)) *
                                         lanczos3((c + 0.5) / 4 - (column + 0.5));
                        double at[2];
                        place_of(&quad, SAMPLES, c, r, at);
                        weights += w;
                        sum += w == 0 ? 0 : w * linear_at(&photo, at[0], at[1], k);
                    }
                const double wanted = fmin(fmax(sum / weights, 0), 255);
                ck_assert_double_eq_tol(out[3 * (row * SIZE + column) + k], wanted, 0.51);
            }
    free(bytes_of(&photo));
}
END_TEST

START_TEST(fine_patterns_do_not_alias)
{
    /* Stripes one pixel wide turn into grey at every scale. */
    const struct ce_pixels photo = make_pixels(300, 300);
    for (int i = 0; i < 300 * 300; i++)
        memset(bytes_of(&photo) + 3 * i, i % 2 ? 255 : 0, 3);
    for (int size = 16; size <= 64; size += 16) {
        const struct ce_quad quad = square_at(150, 150, 200, 0);
        uint8_t *out = malloc(3 * (size_t)(size * size));
        ck_assert_int_eq(ce_align_crop(ctx, &photo, &quad, size, out), LT_OK);
        for (int i = 0; i < 3 * size * size; i++)
            ck_assert_int_le(abs(out[i] - 127), 12);
        free(out);
    }
    free(bytes_of(&photo));
}
END_TEST

/* ---- the border ---- */

static int64_t mirrored(int64_t i, int64_t n)
{
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * (n - 1) - i;
    return n > 1 ? i : 0;
}

/* The mean over a Gaussian of `sigma` around a pixel of the mirrored picture. */
static double gaussian_at(const struct ce_region *r, int64_t x, int64_t y, double sigma, int k)
{
    const int64_t radius = (int64_t)(4 * sigma + 0.5);
    double sum = 0, weights = 0;
    for (int64_t i = -radius; i <= radius; i++)
        for (int64_t j = -radius; j <= radius; j++) {
            const double w = exp(-0.5 * (double)(i * i + j * j) / (sigma * sigma));
            weights += w;
            sum +=
                w *
                r->rgb[mirrored(y + i, r->height) * r->stride + 3 * mirrored(x + j, r->width) + k];
        }
    return sum / weights;
}

START_TEST(the_border_is_mirrored_and_blurred)
{
    /* A square with sides of 100 pixels that reaches 20 beyond the left edge: the padding is
     * max(20 + border 10, 0.3 x 100) = 30 wide, the Gaussian's deviation 2. */
    const struct ce_pixels photo = noise(160, 150);
    const struct ce_region region = {photo.rgb, 3 * 160, 160, 150};
    const struct ce_bounds bounds = {{-20, 20}, {80, 120}};
    struct ce_surround s;
    ck_assert_int_eq(ce_surround_open(ctx, &region, &bounds, 100, 10, &s), LT_OK);
    ck_assert(s.padded);
    for (int k = 0; k < 4; k++)
        ck_assert_double_eq(s.pad[k], 30);
    for (int x = -25; x < 40; x += 5) {
        const int y = 70;
        const double far = -x / 30.0, soft = fmin(fmax(3 * far + 1, 0), 1),
                     flat = fmin(fmax(far, 0), 1);
        float got[3];
        ce_surround_at(&s, x, y, got);
        for (int k = 0; k < 3; k++) {
            const double sharp = region.rgb[y * region.stride + 3 * mirrored(x, 160) + k];
            double wanted = sharp + (gaussian_at(&region, x, y, 2, k) - sharp) * soft;
            wanted += ((double)s.median[k] - wanted) * flat;
            ck_assert_msg(fabs((double)got[k] - wanted) < 0.05, "x %d: %g, expected %g", x,
                          (double)got[k], wanted);
        }
    }
    for (int k = 0; k < 3; k++)
        ck_assert_double_eq_tol((double)s.median[k], 127, 3);
    ce_surround_close(&s);
    free(bytes_of(&photo));
}
END_TEST

START_TEST(a_wide_border_is_blurred_as_smoothly)
{
    /* A deviation of 12 pixels: the blurred picture is computed in cells of 4 pixels. */
    const struct ce_pixels photo = ramp(400, 300, 0.6);
    const struct ce_region region = {photo.rgb, 3 * 400, 400, 300};
    const struct ce_bounds bounds = {{-300, -100}, {300, 500}};
    struct ce_surround s;
    ck_assert_int_eq(ce_surround_open(ctx, &region, &bounds, 600, 60, &s), LT_OK);
    ck_assert_double_eq(s.cell, 4);
    for (int x = -60; x <= 0; x += 12) {
        const double flat = -x / 360.0;
        float got[3];
        ce_surround_at(&s, x, 150, got);
        for (int k = 0; k < 3; k++) {
            const double soft = gaussian_at(&region, x, 150, 12, k);
            ck_assert_double_eq_tol((double)got[k], soft + ((double)s.median[k] - soft) * flat,
                                    0.3);
        }
    }
    ce_surround_close(&s);
    free(bytes_of(&photo));
}
END_TEST

START_TEST(nothing_is_padded_away_from_the_edges)
{
    const struct ce_pixels photo = noise(120, 120);
    const struct ce_region region = {photo.rgb, 3 * 120, 120, 120};
    struct ce_surround s;
    float got[3];
    ck_assert_int_eq(
        ce_surround_open(ctx, &region, &(struct ce_bounds){{10, 10}, {110, 110}}, 100, 10, &s),
        LT_OK);
    ck_assert(!s.padded);
    ce_surround_at(&s, 31, 17, got);
    for (int k = 0; k < 3; k++)
        ck_assert_float_eq(got[k], (float)photo.rgb[3 * (17 * 120 + 31) + k]);
    ce_surround_close(&s);
    free(bytes_of(&photo));
}
END_TEST

START_TEST(any_square_of_any_photo_is_cut)
{
    static const int sides[][2] = {{1, 1}, {1, 40}, {2, 3}, {30, 20}, {3000, 2}};
    static const double squares[][4] = {{0, 0, 2, 0},
                                        {10, 10, 60, 15},
                                        {-500, 40, 2000, 70},
                                        {15, 10, 1e6, 45},
                                        {15, 10, 5000, 200}};
    uint8_t out[3 * 32 * 32];
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        const struct ce_pixels photo = make_pixels(sides[i][0], sides[i][1]);
        memset(bytes_of(&photo), 90, 3 * (size_t)(sides[i][0] * sides[i][1]));
        for (size_t k = 0; k < sizeof squares / sizeof squares[0]; k++) {
            const double *q = squares[k];
            const struct ce_quad quad = square_at(q[0], q[1], q[2], q[3]);
            ck_assert_msg(ce_align_crop(ctx, &photo, &quad, 32, out) == LT_OK, "%s",
                          lt_ctx_message(ctx));
            /* A picture of one colour has that colour everywhere. */
            for (size_t b = 0; b < sizeof out; b++)
                ck_assert_int_eq(out[b], 90);
        }
        free(bytes_of(&photo));
    }
}
END_TEST

START_TEST(a_face_outside_of_the_photo_is_refused)
{
    const struct ce_pixels photo = noise(30, 20);
    const struct ce_quad quad = square_at(1e6, -1e6, 50, 0);
    uint8_t out[3 * 8 * 8];
    ck_assert_int_eq(ce_align_crop(ctx, &photo, &quad, 8, out), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "lies outside of the photo, which has 30 x 20");
    free(bytes_of(&photo));
}
END_TEST

Suite *suite_align(void)
{
    Suite *s = suite_create("align");
    TCase *c = tcase_create("align");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, square_of_known_landmarks);
    tcase_add_test(c, landmarks_that_make_no_face_are_refused);
    tcase_add_test(c, the_smallest_face_grows_with_the_photo);
    tcase_add_test(c, a_ramp_stays_a_ramp);
    tcase_add_test(c, resampling_is_that_of_plain_loops);
    tcase_add_test(c, fine_patterns_do_not_alias);
    tcase_add_test(c, the_border_is_mirrored_and_blurred);
    tcase_add_test(c, a_wide_border_is_blurred_as_smoothly);
    tcase_add_test(c, nothing_is_padded_away_from_the_edges);
    tcase_add_test(c, any_square_of_any_photo_is_cut);
    tcase_add_test(c, a_face_outside_of_the_photo_is_refused);
    suite_add_tcase(s, c);
    return s;
}
