/* Convolution, transposed convolution, the fused layer tail and max pooling, against
 * plain loops in double precision and central differences. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "suites.h"
#include "tensor/rng.h"

Suite *suite_conv(void);

static lt_ctx *ctx;
static lt_rng rng;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    rng = lt_rng_make(7, 1);
}

static void tear_down(void)
{
    lt_ctx_destroy(ctx);
    ctx = NULL;
}

static lt_tensor *random_tensor(int ndim, const int64_t *shape, bool wants_grad)
{
    lt_tensor *t = lt_empty(ctx, LT_F32, ndim, shape);
    ck_assert_ptr_nonnull(t);
    lt_fill_normal(ctx, t, &rng, 0.0f, 1.0f);
    lt_set_requires_grad(ctx, t, wants_grad);
    return t;
}

static double *doubles(int64_t n)
{
    double *d = calloc((size_t)n + 1, sizeof *d);
    ck_assert_ptr_nonnull(d);
    return d;
}

/* Largest difference relative to the largest magnitude (at least 1). */
static double difference(const float *got, const double *want, int64_t n)
{
    double worst = 0, size = 1;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - want[i]);
        if (!(d <= worst)) worst = d;
        size = fmax(size, fabs(want[i]));
    }
    return worst / size;
}

static void expect_close(const lt_tensor *got, const double *want, double tol, const char *what)
{
    ck_assert_msg(got != NULL, "%s: %s", what, lt_ctx_message(ctx));
    const double d = difference(lt_f32(got), want, lt_numel(got));
    ck_assert_msg(d <= tol, "%s differs by %g", what, d);
}

typedef struct conv_case {
    int64_t n, c, h, w, o, kh, kw;
    int stride, pad;
    bool up, scale, bias;
} conv_case;

/* One output at a time: forward in y, and with gy the gradients, all in double. */
static void conv_reference(const conv_case *q, int64_t oh, int64_t ow, const float *x,
                           const float *s, const float *w, const float *b, const float *gy,
                           double *y, double *gx, double *gs, double *gw, double *gb)
{
    const int64_t out_size = oh * ow;
    for (int64_t i = 0; i < q->n * q->o * out_size; i++) {
        const int64_t o = i / out_size % q->o;
        if (b) y[i] = (double)b[o];
        gb[o] += (double)gy[i];
    }
    /* Small-side position (sy, sx) and kernel place (i, j) meet big-side pixel (by, bx). */
    const int64_t sh = q->up ? q->h : oh, sw = q->up ? q->w : ow;
    const int64_t bh = q->up ? oh : q->h, bw = q->up ? ow : q->w;
    for (int64_t n = 0; n < q->n; n++)
        for (int64_t o = 0; o < q->o; o++)
            for (int64_t c = 0; c < q->c; c++)
                for (int64_t i = 0; i < q->kh; i++)
                    for (int64_t j = 0; j < q->kw; j++) {
                        const int64_t wi = ((o * q->c + c) * q->kh + i) * q->kw + j;
                        const double f = s ? (double)s[n * q->c + c] : 1.0;
                        double for_weight = 0, for_scale = 0;
                        for (int64_t sy = 0; sy < sh; sy++) {
                            const int64_t by = sy * q->stride + i - q->pad;
                            if (by < 0 || by >= bh) continue;
                            for (int64_t sx = 0; sx < sw; sx++) {
                                const int64_t bx = sx * q->stride + j - q->pad;
                                if (bx < 0 || bx >= bw) continue;
                                const int64_t in = (n * q->c + c) * q->h * q->w +
                                                   (q->up ? sy * sw + sx : by * bw + bx);
                                const int64_t out = (n * q->o + o) * out_size +
                                                    (q->up ? by * bw + bx : sy * sw + sx);
                                const double v = (double)x[in], g = (double)gy[out];
                                y[out] += (double)w[wi] * v * f;
                                gx[in] += (double)w[wi] * f * g;
                                for_scale += (double)w[wi] * v * g;
                                for_weight += v * f * g;
                            }
                        }
                        gw[wi] += for_weight;
                        if (s) gs[n * q->c + c] += for_scale;
                    }
}

static lt_tensor *convolve(const conv_case *q, lt_tensor *x, lt_tensor *s, lt_tensor *w,
                           lt_tensor *b)
{
    return q->up ? lt_conv_transpose2d(ctx, x, s, w, b, q->stride, q->pad)
                 : lt_conv2d(ctx, x, s, w, b, q->stride, q->pad);
}

static void check_case(const conv_case *q)
{
    char name[160];
    snprintf(name, sizeof name, "%s x (%d,%d,%d,%d) w (%d,%d,%d,%d) stride %d pad %d scale %d bias %d threads %d",
             q->up ? "up" : "conv", (int)q->n, (int)q->c, (int)q->h, (int)q->w, (int)q->o, (int)q->c,
             (int)q->kh, (int)q->kw, q->stride, q->pad, q->scale, q->bias, lt_ctx_threads(ctx));
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = random_tensor(4, (int64_t[]){q->n, q->c, q->h, q->w}, true);
    lt_tensor *w = random_tensor(4, (int64_t[]){q->o, q->c, q->kh, q->kw}, true);
    lt_tensor *s = q->scale ? random_tensor(2, (int64_t[]){q->n, q->c}, true) : NULL;
    lt_tensor *b = q->bias ? random_tensor(1, (int64_t[]){q->o}, true) : NULL;
    lt_tensor *y = convolve(q, x, s, w, b);
    ck_assert_msg(y != NULL, "%s: %s", name, lt_ctx_message(ctx));
    lt_tensor *gy = random_tensor(4, lt_shape(y), false);

    double *ry = doubles(lt_numel(y)), *rx = doubles(lt_numel(x)), *rw = doubles(lt_numel(w));
    double *rs = doubles(q->n * q->c), *rb = doubles(q->o);
    conv_reference(q, lt_dim(y, 2), lt_dim(y, 3), lt_f32(x), s ? lt_f32(s) : NULL, lt_f32(w),
                   b ? lt_f32(b) : NULL, lt_f32(gy), ry, rx, rs, rw, rb);
    expect_close(y, ry, 3e-6, name);
    ck_assert_int_eq(lt_backward_seed(ctx, y, gy), LT_OK);
    expect_close(lt_grad(x), rx, 3e-6, name);
    expect_close(lt_grad(w), rw, 3e-6, name);
    if (s) expect_close(lt_grad(s), rs, 1e-5, name);
    if (b) expect_close(lt_grad(b), rb, 3e-6, name);
    free(ry);
    free(rx);
    free(rw);
    free(rs);
    free(rb);
    lt_scope_close(ctx, scope, NULL);
}

START_TEST(matches_plain_loops)
{
    static const conv_case cases[] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 0, false, false, false},
        {2, 3, 5, 7, 4, 3, 3, 1, 1, false, true, true},
        {3, 31, 4, 4, 33, 3, 3, 1, 1, false, true, false},
        {1, 33, 8, 8, 31, 3, 3, 1, 1, false, false, true},
        {2, 3, 16, 16, 9, 3, 3, 1, 1, false, true, true},
        {1, 5, 17, 19, 3, 3, 3, 1, 0, false, false, false},
        {1, 3, 70, 33, 8, 5, 5, 1, 2, false, true, false},
        {1, 3, 33, 70, 8, 4, 4, 1, 1, false, false, true},
        {2, 3, 31, 31, 7, 3, 3, 2, 1, false, true, true},
        {1, 4, 64, 64, 8, 3, 3, 2, 0, false, false, false},
        {1, 3, 40, 36, 5, 4, 4, 2, 1, false, true, false},
        {1, 3, 45, 47, 5, 1, 1, 2, 0, false, true, false},
        {2, 33, 17, 23, 3, 1, 1, 1, 0, false, true, true},
        {1, 3, 20, 20, 3, 1, 1, 1, 2, false, false, true},
        {2, 3, 24, 16, 12, 8, 8, 8, 0, false, true, true},
        {1, 2, 23, 21, 3, 5, 3, 3, 1, false, false, false},
        {1, 1, 2, 300, 2, 1, 3, 1, 0, false, false, false},
        {1, 2, 6, 260, 3, 3, 3, 1, 1, false, true, false},
        {3, 32, 4, 4, 16, 3, 3, 2, 0, true, true, true},
        {1, 31, 8, 8, 33, 3, 3, 2, 0, true, true, false},
        {2, 3, 16, 16, 5, 3, 3, 2, 0, true, false, false},
        {1, 3, 33, 31, 8, 3, 3, 2, 1, true, true, true},
        {1, 3, 18, 21, 4, 4, 4, 2, 1, true, false, true},
        {1, 3, 18, 70, 4, 5, 5, 1, 2, true, true, false},
        {2, 5, 9, 9, 3, 4, 4, 4, 0, true, true, false},
        {2, 5, 20, 18, 3, 2, 2, 2, 0, true, false, true},
        {1, 2, 7, 6, 3, 1, 1, 2, 0, true, false, true},
        {1, 2, 7, 6, 3, 3, 5, 3, 1, true, true, false},
        {1, 2, 1, 1, 3, 2, 2, 3, 0, true, true, false},
        {1, 300, 5, 5, 200, 3, 3, 1, 1, false, true, false},
        {1, 130, 20, 20, 140, 3, 3, 1, 1, false, true, false},
        {2, 140, 17, 18, 130, 3, 3, 2, 0, true, true, false},
    };
    for (int threads = 1; threads <= 3; threads++) {
        lt_ctx_set_threads(ctx, threads);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(&cases[i]);
    }
}
END_TEST

START_TEST(matches_plain_loops_at_random)
{
    static const int64_t channels[] = {1, 2, 3, 8, 31, 33}, kernels[] = {1, 2, 3, 4, 5};
    for (int i = 0; i < 150; i++) {
        conv_case q = {
            .n = 1 + (int64_t)lt_rng_below(&rng, 3),
            .c = channels[lt_rng_below(&rng, 6)], .o = channels[lt_rng_below(&rng, 6)],
            .h = 5 + (int64_t)lt_rng_below(&rng, 30), .w = 5 + (int64_t)lt_rng_below(&rng, 65),
            .kh = kernels[lt_rng_below(&rng, 5)], .kw = kernels[lt_rng_below(&rng, 5)],
            .stride = 1 + (int)lt_rng_below(&rng, 3), .pad = (int)lt_rng_below(&rng, 3),
            .up = lt_rng_below(&rng, 2), .scale = lt_rng_below(&rng, 2), .bias = lt_rng_below(&rng, 2),
        };
        lt_ctx_set_threads(ctx, 1 + i % 3);
        check_case(&q);
    }
}
END_TEST

Suite *suite_conv(void)
{
    Suite *suite = suite_create("conv");
    TCase *tc = tcase_create("conv");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, matches_plain_loops);
    tcase_add_test(tc, matches_plain_loops_at_random);
    suite_add_tcase(suite, tc);
    return suite;
}
