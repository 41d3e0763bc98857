/* Normalisations and losses. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

/* ---- layer norm ---- */

static lt_tensor *build_layer_norm(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    (void)user;
    return lt_layer_norm(ctx, leaf[0], leaf[1], leaf[2], 1e-5f);
}

START_TEST(layer_norm_values_and_gradients)
{
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    const int64_t shapes[][3] = {{1, 1, 3}, {2, 3, 31}, {2, 2, 33}, {3, 5, 70}, {3, 100, 300}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t n = shapes[s][2];
        lt_tensor *x = check_random(ctx, s, -1.0f, 3.0f, 3, shapes[s]);
        lt_tensor *w = check_random(ctx, 7, 0.5f, 1.5f, 1, &n);
        lt_tensor *b = check_random(ctx, 8, -1.0f, 1.0f, 1, &n);
        lt_tensor *y = lt_layer_norm(ctx, check_strided(ctx, x), w, b, 1e-5f);
        ck_assert_ptr_nonnull(y);
        for (int64_t r = 0; r < shapes[s][0] * shapes[s][1]; r++) {
            double mean = 0.0, var = 0.0;
            for (int64_t i = 0; i < n; i++)
                mean += check_at(x, r * n + i) / (double)n;
            for (int64_t i = 0; i < n; i++)
                var += pow(check_at(x, r * n + i) - mean, 2.0) / (double)n;
            for (int64_t i = 0; i < n; i++)
                check_close_to("layer_norm", r * n + i, check_at(y, r * n + i),
                               (check_at(x, r * n + i) - mean) / sqrt(var + (double)1e-5f) *
                                       check_at(w, i) +
                                   check_at(b, i),
                               3e-6);
        }
        check_grad(ctx, "layer_norm", build_layer_norm, NULL, 3, (lt_tensor *[]){x, w, b},
                   (struct check_grad){.step = 1e-2, .samples = 24, .seed = s});
    }
    check_close(ctx);
}
END_TEST

/* ---- batch norm ---- */

struct batch {
    lt_tensor *mean, *var;
};

static lt_tensor *build_batch_norm(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct batch *b = user;
    return lt_batch_norm(ctx, leaf[0], b->mean, b->var, leaf[1], leaf[2], 1e-5f);
}

START_TEST(batch_norm_values_and_gradients)
{
    lt_ctx *ctx = check_open(1 + _i, NULL);
    const struct {
        int ndim;
        int64_t shape[4];
    } cases[] = {{2, {3, 7}}, {3, {2, 3, 5}}, {4, {2, 3, 33, 31}}, {4, {2, 3, 130, 70}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const int64_t *c = &cases[k].shape[1];
        lt_tensor *x = check_random(ctx, 1, -1.0f, 2.0f, cases[k].ndim, cases[k].shape);
        struct batch b = {check_random(ctx, 2, -1.0f, 1.0f, 1, c),
                          check_random(ctx, 3, 0.2f, 2.0f, 1, c)};
        lt_tensor *w = check_random(ctx, 4, 0.5f, 1.5f, 1, c);
        lt_tensor *bias = check_random(ctx, 5, -1.0f, 1.0f, 1, c);
        const int64_t size = lt_numel(x) / cases[k].shape[0] / *c;
        for (int with = 0; with < 2; with++) {
            lt_tensor *y = lt_batch_norm(ctx, check_strided(ctx, x), b.mean, b.var, with ? w : NULL,
                                         with ? bias : NULL, 1e-5f);
            ck_assert_ptr_nonnull(y);
            for (int64_t i = 0; i < lt_numel(x); i++) {
                const int64_t ch = i / size % *c;
                const double v = (check_at(x, i) - check_at(b.mean, ch)) /
                                 sqrt(check_at(b.var, ch) + (double)1e-5f);
                check_close_to("batch_norm", i, check_at(y, i),
                               with ? v * check_at(w, ch) + check_at(bias, ch) : v, 2e-6);
            }
            check_grad(ctx, "batch_norm", build_batch_norm, &b, 3,
                       (lt_tensor *[]){x, with ? w : NULL, with ? bias : NULL},
                       (struct check_grad){.step = 0.05, .samples = 12});
        }
        check_failed(ctx, lt_batch_norm(ctx, x, b.mean, x, w, bias, 0.1f), LT_ERR_SHAPE, "var is");
        check_failed(ctx, lt_batch_norm(ctx, x, b.mean, b.var, x, bias, 0.1f), LT_ERR_SHAPE,
                     "weight is");
    }
    lt_tensor *scalar = lt_scalar(ctx, 1.0f);
    check_failed(ctx, lt_batch_norm(ctx, scalar, NULL, NULL, NULL, NULL, 0.1f), LT_ERR_SHAPE,
                 "expected (N, C, ...)");
    check_close(ctx);
}
END_TEST

/* ---- unit rows and pixel norm ---- */

static lt_tensor *build_l2(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return lt_l2_normalize(ctx, leaf[0], *(const float *)user);
}

START_TEST(l2_normalize_values_and_gradients)
{
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    const int64_t shapes[][2] = {{1, 1}, {3, 3}, {5, 31}, {2, 70}, {300, 129}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t n = shapes[s][1];
        float eps = 1e-12f;
        lt_tensor *x = check_random(ctx, s, 0.2f, 2.0f, 2, shapes[s]);
        for (int64_t i = 0; i < lt_numel(x); i += 2)
            lt_f32(x)[i] *= -1.0f;
        lt_tensor *y = lt_l2_normalize(ctx, check_strided(ctx, x), eps);
        for (int64_t i = 0; i < lt_numel(x); i++) {
            double norm = 0.0;
            for (int64_t j = 0; j < n; j++)
                norm += pow(check_at(x, i / n * n + j), 2.0);
            check_close_to("l2_normalize", i, check_at(y, i), check_at(x, i) / sqrt(norm), 1e-6);
        }
        if (n > 1)
            check_grad(ctx, "l2_normalize", build_l2, &eps, 1, &x,
                       (struct check_grad){.step = 5e-3, .samples = 24});
        eps = 1e3f; /* shorter than eps: only scaled */
        check_grad(ctx, "l2_normalize, short", build_l2, &eps, 1, &x,
                   (struct check_grad){.step = 0.1, .samples = 24});
    }
    lt_tensor *zero = lt_l2_normalize(ctx, lt_zeros(ctx, 1, SHAPE(4)), 1e-12f);
    ck_assert(check_at(zero, 2) == 0.0);
    check_close(ctx);
}
END_TEST

static lt_tensor *build_pixel(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return lt_pixel_norm(ctx, leaf[0], *(const int *)user);
}

START_TEST(pixel_norm_values_and_gradients)
{
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    const int64_t shapes[][3] = {{2, 3, 5}, {1, 18, 33}, {3, 31, 1}, {2, 7, 300}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        lt_tensor *x = check_random(ctx, s, 0.3f, 2.0f, 3, shapes[s]);
        for (int64_t i = 0; i < lt_numel(x); i += 3)
            lt_f32(x)[i] *= -1.0f;
        for (int axis = 0; axis < 3; axis++) {
            lt_tensor *y = lt_pixel_norm(ctx, check_strided(ctx, x), axis);
            ck_assert_ptr_nonnull(y);
            int64_t inner = 1;
            for (int d = axis + 1; d < 3; d++)
                inner *= shapes[s][d];
            const int64_t count = shapes[s][axis];
            for (int64_t i = 0; i < lt_numel(x); i++) {
                const int64_t base = i / (inner * count) * inner * count + i % inner;
                double mean = 0.0;
                for (int64_t j = 0; j < count; j++)
                    mean += pow(check_at(x, base + j * inner), 2.0) / (double)count;
                check_close_to("pixel_norm", i, check_at(y, i), check_at(x, i) / sqrt(mean + 1e-8),
                               1e-6);
            }
            if (count > 1)
                check_grad(ctx, "pixel_norm", build_pixel, &axis, 1, &x,
                           (struct check_grad){.step = 5e-3, .samples = 24});
        }
    }
    /* An axis of one element leaves the sign, as in CF-CLIP's text mapper. */
    lt_tensor *one = lt_from_copy(ctx, LT_F32, 2, SHAPE(1, 3), (float[]){-2.0f, 0.5f, 1e-4f});
    lt_tensor *sign = lt_pixel_norm(ctx, one, 0);
    check_close_to("pixel_norm", 0, check_at(sign, 0), -1.0, 1e-6);
    check_close_to("pixel_norm", 2, check_at(sign, 2), sqrt(0.5), 1e-6);
    check_failed(ctx, lt_pixel_norm(ctx, one, 2), LT_ERR_ARGUMENT, "no axis 2");
    check_close(ctx);
}
END_TEST

START_TEST(norm_errors)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = lt_zeros(ctx, 2, SHAPE(2, 3)), *w = lt_zeros(ctx, 1, SHAPE(4));
    check_failed(ctx, lt_layer_norm(ctx, x, w, w, 1e-5f), LT_ERR_SHAPE,
                 "weight (4,) and bias (4,), expected (D) for x (..., D) (2, 3)");
    check_failed(ctx, lt_layer_norm(ctx, x, NULL, w, 1e-5f), LT_ERR_ARGUMENT, "weight is NULL");
    check_failed(ctx, lt_l2_normalize(ctx, lt_scalar(ctx, 1.0f), 0.1f), LT_ERR_SHAPE, "no rows");
    check_close(ctx);
}
END_TEST

/* ---- losses ---- */

static lt_tensor *build_loss(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return (*(const int *)user ? lt_l1_loss : lt_mse_loss)(ctx, leaf[0], leaf[1]);
}

START_TEST(mse_and_l1)
{
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    const int64_t shapes[][2] = {{1, 1}, {3, 31}, {2, 33}, {300, 170}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        lt_tensor *a = check_random(ctx, 1, -1.0f, 1.0f, 2, shapes[s]);
        lt_tensor *b = check_random(ctx, 2, -1.0f, 1.0f, 2, shapes[s]);
        double square = 0.0, absolute = 0.0;
        for (int64_t i = 0; i < lt_numel(a); i++) {
            if (fabs(check_at(a, i) - check_at(b, i)) < 0.02)
                lt_f32(a)[i] += 0.1f;
            square += pow(check_at(a, i) - check_at(b, i), 2.0);
            absolute += fabs(check_at(a, i) - check_at(b, i));
        }
        const double n = (double)lt_numel(a);
        lt_tensor *strided = check_strided(ctx, b);
        check_close_to("mse", 0, (double)lt_item(lt_mse_loss(ctx, a, strided)), square / n, 1e-6);
        check_close_to("l1", 0, (double)lt_item(lt_l1_loss(ctx, a, strided)), absolute / n, 1e-6);
        if (lt_numel(a) < 1000)
            for (int kind = 0; kind < 2; kind++)
                check_grad(ctx, "difference loss", build_loss, &kind, 2, (lt_tensor *[]){a, b},
                           (struct check_grad){.step = 5e-3, .tolerance = 1e-2});
    }
    lt_tensor *a = lt_zeros(ctx, 1, SHAPE(3));
    check_failed(ctx, lt_mse_loss(ctx, a, lt_scalar(ctx, 1.0f)), LT_ERR_SHAPE, "lt_mse_loss");
    check_failed(ctx, lt_l1_loss(ctx, a, NULL), LT_ERR_ARGUMENT, "b is NULL");
    check_close(ctx);
}
END_TEST

static lt_tensor *build_cross_entropy(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return lt_cross_entropy(ctx, leaf[0], user);
}

START_TEST(cross_entropy)
{
    lt_ctx *ctx = check_open(2, NULL);
    const int64_t n = 5, k = 33;
    lt_tensor *x = check_random(ctx, 1, -3.0f, 3.0f, 2, SHAPE(n, k));
    lt_tensor *t = check_ids(ctx, (int32_t[]){0, -1, 32, 7, -1}, 1, SHAPE(n));
    double sum = 0.0;
    for (int64_t r = 0; r < n; r++) {
        double e = 0.0;
        for (int64_t i = 0; i < k; i++)
            e += exp(check_at(x, r * k + i));
        if (lt_i32(t)[r] >= 0)
            sum += log(e) - check_at(x, r * k + lt_i32(t)[r]);
    }
    check_close_to("cross entropy", 0,
                   (double)lt_item(lt_cross_entropy(ctx, check_strided(ctx, x), t)), sum / 3.0,
                   1e-6);
    check_grad(ctx, "cross entropy", build_cross_entropy, t, 1, &x,
               (struct check_grad){.step = 3e-2, .samples = 165});
    lt_i32(t)[1] = 33;
    check_failed(ctx, lt_cross_entropy(ctx, x, t), LT_ERR_ARGUMENT,
                 "target[1] is 33, outside -1..32");
    lt_tensor *none = check_ids(ctx, (int32_t[]){-1, -1, -1, -1, -1}, 1, SHAPE(n));
    check_failed(ctx, lt_cross_entropy(ctx, x, none), LT_ERR_ARGUMENT, "no row");
    check_failed(ctx, lt_cross_entropy(ctx, x, check_ids(ctx, (int32_t[]){1}, 1, SHAPE(1))),
                 LT_ERR_SHAPE, "target is (1,), expected (N) for logits (N, K) (5, 33)");
    check_close(ctx);
}
END_TEST

struct nce {
    float temperature;
};

static lt_tensor *build_nce(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return lt_info_nce(ctx, leaf[0], leaf[1], leaf[2], ((struct nce *)user)->temperature, NULL);
}

static double cosine(const lt_tensor *a, int64_t i, const lt_tensor *b, int64_t j)
{
    const int64_t d = lt_dim(a, 1);
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (int64_t e = 0; e < d; e++) {
        const double x = check_at(a, i * d + e), y = check_at(b, j * d + e);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

START_TEST(info_nce)
{
    const struct {
        int64_t b, d, k;
    } cases[] = {{1, 3, 1}, {8, 31, 79}, {33, 70, 3}, {2, 5, 0}};
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const int64_t b = cases[c].b, d = cases[c].d, k = cases[c].k;
        struct nce nce = {.temperature = c == 1 ? 0.1f : 0.5f};
        const double t = (double)nce.temperature;
        lt_tensor *q = check_random(ctx, 1, -1.0f, 1.0f, 2, SHAPE(b, d));
        lt_tensor *p = check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(b, d));
        lt_tensor *n = check_random(ctx, 3, -1.0f, 1.0f, 2, SHAPE(k, d));
        lt_tensor *rows = NULL;
        lt_tensor *loss = lt_info_nce(ctx, check_strided(ctx, q), p, n, nce.temperature, &rows);
        ck_assert_ptr_nonnull(loss);
        double mean = 0.0;
        for (int64_t i = 0; i < b; i++) {
            const double own = cosine(q, i, p, i) / t;
            double sum = exp(own);
            for (int64_t j = 0; j < k; j++)
                sum += exp(cosine(q, i, n, j) / t);
            check_close_to("info_nce row", i, check_at(rows, i), log(sum) - own, 2e-5);
            mean += (log(sum) - own) / (double)b;
        }
        check_close_to("info_nce", 0, (double)lt_item(loss), mean, 1e-5);
        check_grad(ctx, "info_nce", build_nce, &nce, 3, (lt_tensor *[]){q, p, n},
                   (struct check_grad){.step = 2e-2, .tolerance = 1e-2, .samples = 32});
    }
    lt_tensor *q = lt_zeros(ctx, 2, SHAPE(2, 3)), *n = lt_zeros(ctx, 2, SHAPE(4, 5));
    check_failed(ctx, lt_info_nce(ctx, q, q, n, 0.1f, NULL), LT_ERR_SHAPE,
                 "query (2, 3), positive (2, 3), negatives (4, 5)");
    lt_tensor *rows = q;
    check_failed(ctx, lt_info_nce(ctx, q, q, q, 0.0f, &rows), LT_ERR_ARGUMENT, "temperature is 0");
    ck_assert_ptr_null(rows);
    check_close(ctx);
}
END_TEST

Suite *suite_ops_norm(void);

Suite *suite_ops_norm(void)
{
    Suite *s = suite_create("ops_norm");
    TCase *t = tcase_create("norm");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, layer_norm_values_and_gradients, 0, CHECK_ISAS);
    tcase_add_loop_test(t, batch_norm_values_and_gradients, 0, 3);
    tcase_add_loop_test(t, l2_normalize_values_and_gradients, 0, CHECK_ISAS);
    tcase_add_loop_test(t, pixel_norm_values_and_gradients, 0, CHECK_ISAS);
    tcase_add_test(t, norm_errors);
    tcase_add_loop_test(t, mse_and_l1, 0, CHECK_ISAS);
    tcase_add_test(t, cross_entropy);
    tcase_add_loop_test(t, info_nce, 0, CHECK_ISAS);
    suite_add_tcase(s, t);
    return s;
}
