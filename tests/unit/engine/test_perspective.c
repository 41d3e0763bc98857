/* Random perspective: draws, homographies, recorded points. */
#include <math.h>

#include "engine/objective/perspective.h"
#include "support/nn_check.h"
#include "support/temp_dir.h"

Suite *suite_perspective(void);

static lt_ctx *ctx;

static void setup(void) { ctx = nn_context(); }
static void teardown(void) { lt_ctx_destroy(ctx); }

START_TEST(draws)
{
    /* 30 x 21: corners move by at most 7 = 0.5 * 15 pixels sideways and 5 = 0.5 * 10 downwards. */
    lt_rng rng = lt_rng_make(3, 1);
    bool most_x = false, most_y = false;
    for (int k = 0; k < 400; k++) {
        const struct ce_perspective p = ce_perspective_draw(&rng, 30, 21, 0.5);
        static const double corner[4][2] = {{0, 0}, {29, 0}, {29, 20}, {0, 20}};
        for (int i = 0; i < 4; i++) {
            const double dx = fabs(p.end[i][0] - corner[i][0]),
                         dy = fabs(p.end[i][1] - corner[i][1]);
            ck_assert(p.start[i][0] == corner[i][0] && p.start[i][1] == corner[i][1]);
            ck_assert(dx <= 7 && dy <= 5 && dx == floor(dx) && dy == floor(dy));
            ck_assert(p.end[i][0] >= 0 && p.end[i][0] <= 29 && p.end[i][1] >= 0 &&
                      p.end[i][1] <= 20);
            most_x |= dx == 7;
            most_y |= dy == 5;
        }
    }
    ck_assert(most_x && most_y);
    lt_rng a = lt_rng_make(3, 1), b = lt_rng_make(3, 1);
    const struct ce_perspective p = ce_perspective_draw(&a, 64, 64, 0.5),
                                q = ce_perspective_draw(&b, 64, 64, 0.5);
    ck_assert_mem_eq(&p, &q, sizeof p);
}
END_TEST

START_TEST(coefficients)
{
    lt_rng rng = lt_rng_make(4, 1);
    for (int k = 0; k < 50; k++) {
        const struct ce_perspective p = ce_perspective_draw(&rng, 1024, 1024, 0.5);
        double c[8];
        ck_assert_int_eq(ce_perspective_solve(ctx, &p, c), LT_OK);
        for (int i = 0; i < 4; i++) {
            const double x = p.end[i][0], y = p.end[i][1], d = c[6] * x + c[7] * y + 1;
            ck_assert_double_eq_tol((c[0] * x + c[1] * y + c[2]) / d, p.start[i][0], 1e-7);
            ck_assert_double_eq_tol((c[3] * x + c[4] * y + c[5]) / d, p.start[i][1], 1e-7);
        }
    }
}
END_TEST

START_TEST(no_distortion)
{
    lt_rng rng = lt_rng_make(4, 1);
    const struct ce_perspective p = ce_perspective_draw(&rng, 16, 16, 0.0);
    static const double identity[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    double c[8];
    ck_assert_int_eq(ce_perspective_solve(ctx, &p, c), LT_OK);
    for (int i = 0; i < 8; i++)
        ck_assert_double_eq_tol(c[i], identity[i], 1e-12);
    lt_tensor *x = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 2, 16, 16});
    ck_assert_double_lt(nn_distance(lt_warp_perspective(ctx, x, c, true), x), 1e-5);
}
END_TEST

START_TEST(degenerate)
{
    const struct ce_perspective line = {.start = {{0, 0}, {1, 0}, {1, 1}, {0, 1}},
                                        .end = {{0, 0}, {1, 0}, {2, 0}, {3, 0}}};
    double c[8];
    ck_assert_int_eq(ce_perspective_solve(ctx, &line, c), LT_ERR_NUMERIC);
    nn_assert_failed(ctx, LT_ERR_NUMERIC, "(3,0)");
}
END_TEST

/* On an image of 8 pixels some draws give no homography. They are drawn again, and all other draws
 * are used as they come. */
START_TEST(random_maps)
{
    lt_rng rng = lt_rng_make(5, 1), a = lt_rng_make(6, 1), b = a;
    double c[8], d[8];
    int without = 0;
    for (int k = 0; k < 10000; k++) {
        const struct ce_perspective p = ce_perspective_draw(&rng, 8, 8, 0.5);
        without += ce_perspective_solve(ctx, &p, c) != LT_OK;
        lt_ctx_clear(ctx);
    }
    ck_assert_int_gt(without, 0);
    rng = lt_rng_make(5, 1);
    for (int k = 0; k < 10000; k++)
        ck_assert_int_eq(ce_perspective_random(ctx, &rng, 8, 0.5, c), LT_OK);
    const struct ce_perspective p = ce_perspective_draw(&a, 128, 128, 0.5);
    ck_assert_int_eq(ce_perspective_solve(ctx, &p, c), LT_OK);
    ck_assert_int_eq(ce_perspective_random(ctx, &b, 128, 0.5, d), LT_OK);
    ck_assert_mem_eq(c, d, sizeof c);
    ck_assert_int_eq(ce_perspective_random(ctx, &rng, 1, 0.5, c), LT_ERR_NUMERIC);
    nn_assert_failed(ctx, LT_ERR_NUMERIC, "no projective map");
}
END_TEST

static void save(const char *name, int64_t copies, lt_dtype type)
{
    float value[2 * 3 * 16];
    lt_params *file = NULL;
    lt_params_create(ctx, &file);
    for (int i = 0; i < 2 * 3 * 16; i++)
        value[i] = (float)i;
    lt_tensor *points =
        lt_from_copy(ctx, LT_F32, 5, (const int64_t[]){6 / copies, copies, 2, 4, 2}, value);
    lt_params_add(ctx, file, "perspective.points", lt_cast(ctx, points, type));
    ck_assert_int_eq(lt_params_save(ctx, file, temp_path(name), LT_F32), LT_OK);
    lt_params_free(file);
}

START_TEST(recorded)
{
    temp_dir_make();
    static const lt_dtype type[] = {LT_F32, LT_I32, LT_I64};
    save("p.safetensors", 3, type[_i]);
    lt_tensor *points = ce_perspective_load(ctx, temp_path("p.safetensors"), 3);
    nn_assert_ok(ctx);
    const struct ce_perspective p = ce_perspective_at(points, 1, 2);
    ck_assert_double_eq(p.start[0][0], 5 * 16);
    ck_assert_double_eq(p.start[3][1], 5 * 16 + 7);
    ck_assert_double_eq(p.end[0][0], 5 * 16 + 8);
    ck_assert_double_eq(p.end[2][1], 5 * 16 + 13);
    ck_assert_ptr_null(ce_perspective_load(ctx, temp_path("p.safetensors"), 8));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "expected (*, 8, 2, 4, 2)");
    ck_assert_ptr_null(ce_perspective_load(ctx, temp_path("none.safetensors"), 3));
    nn_assert_failed(ctx, LT_ERR_IO, "none.safetensors");
    temp_dir_remove();
}
END_TEST

Suite *suite_perspective(void)
{
    Suite *suite = suite_create("perspective");
    TCase *tests = tcase_create("perspective");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, draws);
    tcase_add_test(tests, coefficients);
    tcase_add_test(tests, no_distortion);
    tcase_add_test(tests, degenerate);
    tcase_add_test(tests, random_maps);
    tcase_add_loop_test(tests, recorded, 0, 3);
    suite_add_tcase(suite, tests);
    return suite;
}
