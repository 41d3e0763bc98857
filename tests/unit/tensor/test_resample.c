/* Filters, resizing and warps against plain loops in double precision; gradients against
 * the adjoint identity and central differences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"
#include "unit/suites.h"

static lt_ctx *ctx;

static void expect_close(const char *what, const lt_tensor *got, const double *want, double tol)
{
    ck_assert_msg(got != NULL, "%s: %s", what, lt_ctx_message(ctx));
    for (int64_t i = 0; i < lt_numel(got); i++)
        check_close_to(what, i, (double)lt_f32(got)[i], want[i], tol);
}

static double *doubles(int64_t n)
{
    double *d = calloc((size_t)n + 1, sizeof *d);
    ck_assert_ptr_nonnull(d);
    return d;
}

/* <y(x), g> = <x, gradient of x>: exact for linear maps. */
static void expect_adjoint(const char *what, lt_tensor *x, lt_tensor *y)
{
    lt_tensor *g = check_random(ctx, 99, -1, 1, lt_ndim(y), lt_shape(y));
    double left = 0, right = 0, size = 0;
    for (int64_t i = 0; i < lt_numel(y); i++) {
        left += (double)lt_f32(y)[i] * (double)lt_f32(g)[i];
        size += fabs((double)lt_f32(y)[i] * (double)lt_f32(g)[i]);
    }
    ck_assert_int_eq(lt_backward_seed(ctx, y, g), LT_OK);
    for (int64_t i = 0; i < lt_numel(x); i++)
        right += (double)lt_f32(x)[i] * (double)lt_f32(lt_grad(x))[i];
    ck_assert_msg(fabs(left - right) <= 2e-6 * (size + 1e-3), "%s: %g and %g", what, left, right);
    lt_zero_grad(x);
}

static lt_tensor *leaf(uint64_t seed, int64_t n, int64_t c, int64_t h, int64_t w)
{
    lt_tensor *x = check_random(ctx, seed, -1, 1, 4, (int64_t[]){n, c, h, w});
    lt_set_requires_grad(ctx, x, true);
    return x;
}

/* ---- upfirdn2d ---- */

typedef struct fir_case {
    int64_t n, c, h, w, kh, kw;
    int up, down, pad0, pad1;
    bool separable;
} fir_case;

/* The definition of upfirdn, step by step: insert zeros, pad or crop, filter, keep every n-th
 * value. */
static void fir_reference(const fir_case *q, const lt_tensor *x, const lt_tensor *kernel,
                          int64_t oh, int64_t ow, double *out)
{
    for (int64_t i = 0; i < q->n * q->c * oh * ow; i++) {
        const int64_t plane = i / (oh * ow), oy = i / ow % oh, ox = i % ow;
        double sum = 0;
        for (int64_t a = 0; a < q->kh; a++)
            for (int64_t b = 0; b < q->kw; b++) {
                const int64_t y = oy * q->down + a - q->pad0, z = ox * q->down + b - q->pad0;
                if (y < 0 || z < 0 || y % q->up || z % q->up)
                    continue;
                if (y / q->up >= q->h || z / q->up >= q->w)
                    continue;
                sum += (double)lt_f32(kernel)[(q->kh - 1 - a) * q->kw + q->kw - 1 - b] *
                       (double)lt_f32(x)[(plane * q->h + y / q->up) * q->w + z / q->up];
            }
        out[i] = sum;
    }
}

static lt_tensor *fir_kernel(const fir_case *q)
{
    lt_tensor *k = check_random(ctx, 5, -1, 1, 2, (int64_t[]){q->kh, q->kw});
    for (int64_t i = 0; q->separable && i < q->kh * q->kw; i++)
        lt_f32(k)[i] = (float)((1 + i / q->kw) * (2 + i % q->kw)) / 16.0f;
    return k;
}

START_TEST(fir_matches_plain_loops)
{
    static const fir_case cases[] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, true},     {2, 3, 9, 7, 4, 4, 1, 1, 1, 1, true},
        {1, 2, 65, 67, 4, 4, 1, 1, 2, 1, true},   {1, 3, 16, 17, 4, 4, 2, 1, 2, 1, true},
        {2, 1, 33, 5, 4, 4, 2, 1, 2, 1, false},   {1, 2, 21, 40, 4, 4, 1, 2, 1, 1, true},
        {1, 2, 20, 41, 4, 4, 1, 2, 2, 2, false},  {1, 2, 12, 13, 3, 5, 2, 1, 3, 2, true},
        {1, 2, 12, 13, 5, 3, 2, 3, 3, 2, false},  {1, 2, 12, 13, 3, 3, 3, 2, 1, 2, true},
        {1, 2, 12, 13, 2, 2, 1, 1, -1, -2, true}, {1, 2, 12, 13, 4, 4, 2, 1, -3, -2, true},
        {1, 2, 12, 13, 4, 4, 1, 2, -2, 1, true},  {1, 1, 3, 3, 4, 4, 1, 1, 7, 6, true},
        {1, 1, 5, 4, 1, 1, 2, 2, 0, 0, true},     {1, 1, 2, 2, 12, 12, 2, 1, 9, 8, true},
    };
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const fir_case *q = &cases[i];
            const lt_scope scope = lt_scope_open(ctx);
            lt_tensor *x = leaf(3, q->n, q->c, q->h, q->w), *kernel = fir_kernel(q);
            lt_tensor *y = lt_upfirdn2d(ctx, x, kernel, q->up, q->down, q->pad0, q->pad1);
            ck_assert_msg(y != NULL, "%s", lt_ctx_message(ctx));
            ck_assert_int_eq(lt_dim(y, 2),
                             (q->h * q->up + q->pad0 + q->pad1 - q->kh) / q->down + 1);
            ck_assert_int_eq(lt_dim(y, 3),
                             (q->w * q->up + q->pad0 + q->pad1 - q->kw) / q->down + 1);
            double *want = doubles(lt_numel(y));
            fir_reference(q, x, kernel, lt_dim(y, 2), lt_dim(y, 3), want);
            expect_close("upfirdn2d", y, want, 3e-6);
            expect_adjoint("upfirdn2d", x, y);
            lt_tensor *again = lt_upfirdn2d(ctx, check_strided(ctx, x), check_strided(ctx, kernel),
                                            q->up, q->down, q->pad0, q->pad1);
            expect_close("upfirdn2d, strided", again, want, 3e-6);
            free(want);
            lt_scope_close(ctx, scope, NULL);
        }
        check_close(ctx);
    }
}
END_TEST

/* A blur writes results of 32 MB and more past the caches, by whole cache lines wherever the rows
 * begin. The values must equal those of one plane alone, which stays in the caches. */
START_TEST(large_blur)
{
    enum { PLANES = 40, SIDE = 461 };
    const fir_case q = {1, PLANES, SIDE, SIDE, 4, 4, 1, 1, 1, 1, true};
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        lt_tensor *x = check_random(ctx, 3, -1, 1, 4, (int64_t[]){1, PLANES, SIDE, SIDE}),
                  *kernel = fir_kernel(&q);
        const lt_tensor *all = lt_upfirdn2d(ctx, x, kernel, 1, 1, 1, 1);
        ck_assert_msg(all != NULL && lt_numel(all) >= 8 << 20, "%s", lt_ctx_message(ctx));
        for (int64_t c = 0; c < PLANES; c += 13) {
            const lt_tensor *one = lt_upfirdn2d(ctx, lt_slice(ctx, x, 1, c, 1), kernel, 1, 1, 1, 1);
            for (int64_t i = 0; i < lt_numel(one); i++)
                check_close_to("plane", i, (double)lt_f32(all)[c * lt_numel(one) + i],
                               (double)lt_f32(one)[i], 1e-5);
        }
        check_close(ctx);
    }
}
END_TEST

/* ---- resizing ---- */

static double cubic(double x, double a)
{
    x = fabs(x);
    if (x <= 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

enum { PLAIN, ANTIALIAS, AREA };

/* Weight of input j in output i of one axis. */
static double axis_weight(int kind, int64_t in, int64_t out, int64_t i, int64_t j)
{
    const double scale = (double)in / (double)out;
    if (kind == AREA) {
        const int64_t low = i * in / out, high = ((i + 1) * in + out - 1) / out;
        return j >= low && j < high ? 1.0 / (double)(high - low) : 0.0;
    }
    if (kind == PLAIN) {
        const double at = scale * ((double)i + 0.5) - 0.5;
        double sum = 0;
        for (int64_t t = (int64_t)floor(at) - 1; t <= (int64_t)floor(at) + 2; t++) {
            const int64_t pixel = t < 0 ? 0 : t >= in ? in - 1 : t;
            if (pixel == j)
                sum += cubic(at - (double)t, -0.75);
        }
        return sum;
    }
    const double widen = fmax(scale, 1.0), centre = scale * ((double)i + 0.5);
    double sum = 0;
    for (int64_t t = 0; t < in; t++) {
        /* The window is cut to whole pixels before it is made to sum to 1. */
        if (t < (int64_t)(centre - 2 * widen + 0.5) || t >= (int64_t)(centre + 2 * widen + 0.5))
            continue;
        sum += cubic(((double)t + 0.5 - centre) / widen, -0.5);
    }
    if (j < (int64_t)(centre - 2 * widen + 0.5) || j >= (int64_t)(centre + 2 * widen + 0.5))
        return 0;
    return cubic(((double)j + 0.5 - centre) / widen, -0.5) / sum;
}

static lt_tensor *resize(int kind, lt_tensor *x, int64_t h, int64_t w)
{
    return kind == AREA ? lt_resize_area(ctx, x, h, w)
                        : lt_resize_bicubic(ctx, x, h, w, kind == ANTIALIAS);
}

START_TEST(resize_matches_plain_loops)
{
    static const int64_t sizes[][4] = {{1, 1, 3, 2},   {5, 7, 5, 7},   {32, 32, 24, 20},
                                       {33, 40, 7, 9}, {8, 9, 21, 30}, {64, 3, 10, 1},
                                       {2, 3, 70, 41}, {70, 70, 1, 1}};
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        for (int kind = PLAIN; kind <= AREA; kind++) {
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                const int64_t h = sizes[s][0], w = sizes[s][1], oh = sizes[s][2], ow = sizes[s][3];
                const lt_scope scope = lt_scope_open(ctx);
                lt_tensor *x = leaf(4, 2, 3, h, w), *y = resize(kind, x, oh, ow);
                ck_assert_msg(y != NULL, "%s", lt_ctx_message(ctx));
                double *want = doubles(lt_numel(y)), *rows = doubles(oh * h),
                       *cols = doubles(ow * w);
                for (int64_t i = 0; i < oh * h; i++)
                    rows[i] = axis_weight(kind, h, oh, i / h, i % h);
                for (int64_t i = 0; i < ow * w; i++)
                    cols[i] = axis_weight(kind, w, ow, i / w, i % w);
                for (int64_t i = 0; i < lt_numel(y); i++)
                    for (int64_t a = 0; a < h; a++)
                        for (int64_t b = 0; b < w; b++)
                            want[i] += rows[i / ow % oh * h + a] * cols[i % ow * w + b] *
                                       (double)lt_f32(x)[(i / (oh * ow) * h + a) * w + b];
                expect_close("resize", y, want, 2e-6);
                expect_adjoint("resize", x, y);
                expect_close("resize, strided", resize(kind, check_strided(ctx, x), oh, ow), want,
                             2e-6);
                free(want);
                free(rows);
                free(cols);
                lt_scope_close(ctx, scope, NULL);
            }
        }
        check_close(ctx);
    }
}
END_TEST

/* ---- warps ---- */

static void warp_reference(const lt_tensor *x, const double q[8], bool mask, double *out)
{
    const int64_t h = lt_dim(x, 2), w = lt_dim(x, 3);
    for (int64_t i = 0; i < lt_numel(x); i++) {
        const double px = (double)(i % w) + 0.5, py = (double)(i / w % h) + 0.5;
        const double d = q[6] * px + q[7] * py + 1;
        const double sx = (q[0] * px + q[1] * py + q[2]) / d - 0.5,
                     sy = (q[3] * px + q[4] * py + q[5]) / d - 0.5;
        double value = 0, ones = 0;
        const bool near = sx > -2 && sx < (double)w + 1 && sy > -2 &&
                          sy < (double)h + 1; /* others have no neighbour inside */
        const int64_t top = near ? (int64_t)fmax(0, sy - 1) : h,
                      left = near ? (int64_t)fmax(0, sx - 1) : w;
        for (int64_t y = top; y < h && y < top + 4; y++)
            for (int64_t z = left; z < w && z < left + 4; z++) {
                const double part =
                    fmax(0, 1 - fabs(sx - (double)z)) * fmax(0, 1 - fabs(sy - (double)y));
                value += part * (double)lt_f32(x)[i / (h * w) * h * w + y * w + z];
                ones += part;
            }
        out[i] = mask ? value * ones : value;
    }
}

START_TEST(warp_matches_plain_loops)
{
    static const double coeffs[][8] = {
        {1, 0, 0, 0, 1, 0, 0, 0},
        {1, 0, 0.25, 0, 1, -0.5, 0, 0},
        {0.9, 0.2, -1.3, -0.1, 1.2, 2.1, 0.004, -0.003},
        {2.5, 0, -9, 0.3, 2.2, -8, 0, 0.01},
        {1, 0, 500, 0, 1, 0, 0, 0},
        {1, 0, 0, 0, 1, 0, -0.1, 0}, /* D changes its sign inside the image */
    };
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        for (size_t i = 0; i < sizeof coeffs / sizeof *coeffs; i++) {
            for (int mask = 0; mask < 2; mask++) {
                const lt_scope scope = lt_scope_open(ctx);
                lt_tensor *x = leaf(6, 2, 3, 17, 20),
                          *y = lt_warp_perspective(ctx, x, coeffs[i], mask);
                double *want = doubles(lt_numel(x));
                warp_reference(x, coeffs[i], mask, want);
                expect_close("warp", y, want, 2e-6);
                expect_adjoint("warp", x, y);
                expect_close("warp, strided",
                             lt_warp_perspective(ctx, check_strided(ctx, x), coeffs[i], mask), want,
                             2e-6);
                free(want);
                lt_scope_close(ctx, scope, NULL);
            }
        }
        check_close(ctx);
    }
}
END_TEST

/* More planes than are warped together, and tiles that see more of the image than fits the patch
 * buffer: shrunk, rotated, and across the horizon. */
START_TEST(warps_that_see_much)
{
    static const double coeffs[][8] = {
        {3, 0.2, -100, -0.3, 3.1, -90, 0, 0},
        {0.1, 4, -30, -4, 0.2, 190, 0, 0},
        {1, 0, 0, 0, 1, 0, -0.021, 0.001},
        {9, 0, -300, 0, 1, 0, 0, 0},
    };
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        for (size_t i = 0; i < sizeof coeffs / sizeof *coeffs; i++) {
            const lt_scope scope = lt_scope_open(ctx);
            lt_tensor *x = leaf(6, 1, 5, 90, 101),
                      *y = lt_warp_perspective(ctx, x, coeffs[i], i % 2);
            double *want = doubles(lt_numel(x));
            warp_reference(x, coeffs[i], i % 2, want);
            expect_close("warp", y, want, 2e-6);
            expect_adjoint("warp", x, y);
            free(want);
            lt_scope_close(ctx, scope, NULL);
        }
        check_close(ctx);
    }
}
END_TEST

/* A tile that lies just outside of the image gives zeros, whatever the work space held before. */
START_TEST(warps_beside_the_image)
{
    static const double across[8] = {1, 0, -16.5, 0, 1, 0, 0, 0},
                        down[8] = {1, 0, 0, 0, 1, -16.5, 0, 0}, none[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1, check_isa[isa]);
        const int64_t shape[4] = {1, 3, 16, 16};
        lt_tensor *x = leaf(6, 1, 3, 16, 16), *nan = lt_full(ctx, 4, shape, NAN);
        for (int i = 0; i < 2; i++) {
            ck_assert_ptr_nonnull(lt_warp_perspective(ctx, nan, none, true));
            lt_tensor *y = lt_warp_perspective(ctx, x, i ? down : across, true);
            for (int64_t j = 0; j < lt_numel(y); j++)
                ck_assert(lt_f32(y)[j] == 0.0f);
            expect_adjoint("beside", x, y);
        }
        check_close(ctx);
    }
}
END_TEST

/* The warp and resize in one pass gives the values and gradients of the two operations. Sizes that
 * are reduced less take two passes inside. */
START_TEST(warp_and_resize)
{
    static const double coeffs[][8] = {
        {1, 0, 0, 0, 1, 0, 0, 0},
        {0.9, 0.2, -1.3, -0.1, 1.2, 2.1, 0.004, -0.003},
        {1.1, 0, -9, 0.3, 1.2, -8, 0, 0.001},
        {1, 0, 500, 0, 1, 0, 0, 0},
        {1, 0, 0, 0, 1, 0, -0.02, 0},
    };
    static const int64_t sizes[][4] = {{17, 20, 4, 5}, {70, 65, 17, 16}, {33, 160, 7, 33},
                                       {97, 64, 1, 1}, {40, 40, 10, 10}, {40, 40, 11, 10},
                                       {5, 4, 1, 2}};
    for (int isa = 0; isa < CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa, check_isa[isa]);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (size_t i = 0; i < 2 * sizeof coeffs / sizeof *coeffs; i++) {
                const lt_scope scope = lt_scope_open(ctx);
                const int64_t *z = sizes[k], count = 2 * 3 * z[2] * z[3];
                const double *q = coeffs[i / 2];
                lt_tensor *x = leaf(6 + i, 2, 3, z[0], z[1]),
                          *y = lt_warp_resize(ctx, x, q, i % 2, z[2], z[3]);
                ck_assert_msg(y != NULL, "%s", lt_ctx_message(ctx));
                lt_tensor *plain = lt_resize_bicubic(ctx, lt_warp_perspective(ctx, x, q, i % 2),
                                                     z[2], z[3], false);
                double *want = doubles(count);
                for (int64_t j = 0; j < count; j++)
                    want[j] = (double)lt_f32(plain)[j];
                expect_close("warp and resize", y, want, 2e-6);
                expect_adjoint("warp and resize", x, y);
                free(want);
                lt_scope_close(ctx, scope, NULL);
            }
        check_close(ctx);
    }
}
END_TEST

/* The number of threads does not change a bit. */
START_TEST(threads_agree)
{
    static const double coeffs[8] = {0.9, 0.2, -1.3, -0.1, 1.2, 2.1, 0.004, -0.003};
    ctx = check_open(1, NULL);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = leaf(8, 1, 3, 70, 65), *first[5] = {NULL};
    lt_tensor *kernel = check_random(ctx, 9, 0, 1, 2, (int64_t[]){4, 4});
    for (int threads = 1; threads <= 3; threads++) {
        lt_ctx_set_threads(ctx, threads);
        for (int op = 0; op < 5; op++) {
            lt_tensor *y = op == 0   ? lt_warp_perspective(ctx, x, coeffs, true)
                           : op == 1 ? lt_resize_bicubic(ctx, x, 33, 41, false)
                           : op == 2 ? lt_resize_area(ctx, x, 33, 41)
                           : op == 3 ? lt_warp_resize(ctx, x, coeffs, true, 17, 16)
                                     : lt_upfirdn2d(ctx, x, kernel, 2, 1, 2, 1);
            lt_tensor *g = check_random(ctx, 10, -1, 1, 4, lt_shape(y));
            ck_assert_int_eq(lt_backward_seed(ctx, y, g), LT_OK);
            if (threads == 1)
                first[op] = lt_clone(ctx, lt_grad(x));
            else
                ck_assert_mem_eq(lt_f32(first[op]), lt_f32(lt_grad(x)),
                                 (size_t)lt_numel(x) * sizeof(float));
            lt_zero_grad(x);
        }
    }
    lt_scope_close(ctx, scope, NULL);
    check_close(ctx);
}
END_TEST

static lt_tensor *build_resample(lt_ctx *c, lt_tensor *const *leaves, void *user)
{
    static const double coeffs[8] = {0.9, 0.2, -1.3, -0.1, 1.2, 2.1, 0.004, -0.003};
    const lt_tensor *kernel = user;
    lt_tensor *x = lt_warp_perspective(c, leaves[0], coeffs, true);
    x = lt_upfirdn2d(c, x, kernel, 2, 1, 2, 1);
    x = lt_resize_bicubic(c, x, 13, 11, false);
    x = lt_resize_bicubic(c, x, 9, 8, true);
    return lt_resize_area(c, x, 4, 5);
}

START_TEST(gradients_by_differences)
{
    ctx = check_open(2, NULL);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *kernel = check_random(ctx, 2, 0, 1, 2, (int64_t[]){4, 4});
    lt_tensor *leaves[1] = {check_random(ctx, 1, -1, 1, 4, (int64_t[]){2, 3, 9, 10})};
    check_grad(ctx, "resample", build_resample, kernel, 1, leaves, (struct check_grad){0});
    lt_scope_close(ctx, scope, NULL);
    check_close(ctx);
}
END_TEST

START_TEST(resample_errors)
{
    const double bad[8] = {1, 0, NAN, 0, 1, 0, 0, 0};
    ctx = check_open(1, NULL);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_zeros(ctx, 4, (int64_t[]){1, 3, 5, 5}),
              *k = lt_zeros(ctx, 2, (int64_t[]){4, 4});
    lt_tensor *v = lt_zeros(ctx, 1, (int64_t[]){4});
    check_failed(ctx, lt_upfirdn2d(ctx, v, k, 1, 1, 0, 0), LT_ERR_SHAPE,
                 "upfirdn2d: argument x is (4,)");
    check_failed(ctx, lt_upfirdn2d(ctx, x, v, 1, 1, 0, 0), LT_ERR_SHAPE,
                 "kernel is (4,), expected (kH, kW)");
    check_failed(ctx, lt_upfirdn2d(ctx, x, k, 0, 1, 0, 0), LT_ERR_ARGUMENT, "up is 0");
    check_failed(ctx, lt_upfirdn2d(ctx, x, k, 1, 1, -1, -1), LT_ERR_SHAPE,
                 "too large for x (1, 3, 5, 5)");
    check_failed(ctx, lt_resize_bicubic(ctx, v, 2, 2, false), LT_ERR_SHAPE,
                 "resize_bicubic: argument x is (4,)");
    check_failed(ctx, lt_resize_bicubic(ctx, x, 0, 2, false), LT_ERR_ARGUMENT, "size is 0 x 2");
    check_failed(ctx, lt_resize_area(ctx, x, 2, -1), LT_ERR_ARGUMENT, "size is 2 x -1");
    check_failed(ctx, lt_resize_area(ctx, lt_cast(ctx, x, LT_BF16), 2, 2), LT_ERR_DTYPE,
                 "x is BF16");
    check_failed(ctx, lt_warp_perspective(ctx, v, bad, false), LT_ERR_SHAPE,
                 "warp_perspective: argument x is (4,)");
    check_failed(ctx, lt_warp_perspective(ctx, x, bad, false), LT_ERR_NUMERIC,
                 "coefficient 2 is not finite");
    lt_scope_close(ctx, scope, NULL);
    check_close(ctx);
}
END_TEST

Suite *suite_resample(void)
{
    Suite *suite = suite_create("resample");
    TCase *tc = tcase_create("resample");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, fir_matches_plain_loops);
    tcase_add_test(tc, large_blur);
    tcase_add_test(tc, resize_matches_plain_loops);
    tcase_add_test(tc, warp_matches_plain_loops);
    tcase_add_test(tc, warps_that_see_much);
    tcase_add_test(tc, warps_beside_the_image);
    tcase_add_test(tc, warp_and_resize);
    tcase_add_test(tc, threads_agree);
    tcase_add_test(tc, gradients_by_differences);
    tcase_add_test(tc, resample_errors);
    suite_add_tcase(suite, tc);
    return suite;
}
