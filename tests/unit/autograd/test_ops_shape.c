/* Shapes, concatenation, rows by number, reductions and the softmax family. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

/* ---- views ---- */

static void same_values(const char *what, const lt_tensor *a, const lt_tensor *b)
{
    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(lt_numel(a), lt_numel(b));
    for (int64_t i = 0; i < lt_numel(a); i++)
        check_close_to(what, i, check_at(a, i), check_at(b, i), 0.0);
}

START_TEST(reshape_views_and_copies)
{
    lt_ctx *ctx = check_open(2, NULL);
    lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, 3, SHAPE(3, 31, 4));
    lt_tensor *y = lt_reshape(ctx, x, 2, SHAPE(-1, 31));
    same_values("reshape", y, x);
    ck_assert_int_eq(lt_dim(y, 0), 12);
    ck_assert_ptr_eq(lt_data(y), lt_data(x));
    lt_tensor *strided = check_strided(ctx, x);
    same_values("reshape of strided", lt_reshape(ctx, strided, 1, SHAPE(372)), x);
    same_values("contiguous", lt_contiguous(ctx, strided), x);
    ck_assert(lt_is_contiguous(lt_contiguous(ctx, strided)));
    ck_assert_int_eq(lt_ndim(lt_reshape(ctx, lt_scalar(ctx, 1.0f), 0, NULL)), 0);
    ck_assert_int_eq(lt_numel(lt_reshape(ctx, lt_zeros(ctx, 2, SHAPE(0, 3)), 2, SHAPE(5, 0))), 0);
    check_failed(ctx, lt_reshape(ctx, x, 2, SHAPE(5, -1)), LT_ERR_SHAPE, "x is (3, 31, 4)");
    check_failed(ctx, lt_reshape(ctx, x, 2, SHAPE(-1, -1)), LT_ERR_SHAPE, "lt_reshape");
    check_failed(ctx, lt_reshape(ctx, x, 1, SHAPE(371)), LT_ERR_SHAPE, "372 elements");
    check_failed(ctx, lt_reshape(ctx, x, 7, SHAPE(1, 1, 1, 1, 1, 1, 1)), LT_ERR_SHAPE, "7 axes");
    check_close(ctx);
}
END_TEST

START_TEST(permute_values)
{
    lt_ctx *ctx = check_open(3, NULL);
    /* Large enough for the tiled, parallel copy too. */
    const int64_t shapes[3][4] = {{2, 3, 5, 4}, {1, 70, 33, 31}, {3, 40, 1, 300}};
    const int orders[6][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {3, 2, 1, 0},
                              {1, 0, 3, 2}, {2, 3, 0, 1}, {0, 1, 3, 2}};
    for (int s = 0; s < 3; s++) {
        lt_tensor *x = check_random(ctx, 3, -1.0f, 1.0f, 4, shapes[s]);
        for (int o = 0; o < 6; o++) {
            lt_tensor *y = lt_permute(ctx, x, orders[o]);
            ck_assert_ptr_eq(lt_data(y), lt_data(x));
            lt_tensor *dense = lt_contiguous(ctx, y);
            same_values("permute", dense, y);
            int64_t c[4];
            for (int64_t i = 0; i < lt_numel(y); i += 7) {
                int64_t rest = i, at = 0;
                for (int d = 3; d >= 0; d--) {
                    c[orders[o][d]] = rest % lt_dim(y, d);
                    rest /= lt_dim(y, d);
                }
                for (int d = 0; d < 4; d++)
                    at = at * shapes[s][d] + c[d];
                check_close_to("permute", i, check_at(dense, i), check_at(x, at), 0.0);
            }
        }
    }
    lt_tensor *x = lt_zeros(ctx, 2, SHAPE(2, 3));
    check_failed(ctx, lt_permute(ctx, x, (int[]){0, 0}), LT_ERR_ARGUMENT, "axes[1] is 0");
    check_failed(ctx, lt_permute(ctx, x, (int[]){0, 2}), LT_ERR_ARGUMENT, "axes[1] is 2");
    check_failed(ctx, lt_transpose(ctx, x, 0, 2), LT_ERR_ARGUMENT, "no axis 2");
    check_failed(ctx, lt_transpose(ctx, x, -3, 0), LT_ERR_ARGUMENT, "no axis -3");
    ck_assert_int_eq(lt_dim(lt_transpose(ctx, x, -1, -2), 0), 3);
    check_close(ctx);
}
END_TEST

START_TEST(slice_and_expand_values)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = check_random(ctx, 3, -1.0f, 1.0f, 3, SHAPE(3, 7, 5));
    lt_tensor *y = lt_slice(ctx, x, 1, 2, 3);
    for (int64_t i = 0; i < 45; i++)
        check_close_to("slice", i, check_at(y, i), check_at(x, i / 15 * 35 + (i % 15) + 10), 0.0);
    ck_assert_int_eq(lt_numel(lt_slice(ctx, x, 2, 5, 0)), 0);
    ck_assert_int_eq(lt_dim(lt_slice(ctx, x, -1, 1, 2), 2), 2);
    check_failed(ctx, lt_slice(ctx, x, 1, 5, 3), LT_ERR_ARGUMENT,
                 "3 entries from 5 on are not in axis 1 of x (3, 7, 5)");
    check_failed(ctx, lt_slice(ctx, x, 1, -1, 3), LT_ERR_ARGUMENT, "lt_slice");
    check_failed(ctx, lt_slice(ctx, x, 3, 0, 1), LT_ERR_ARGUMENT, "no axis 3");

    lt_tensor *r = check_random(ctx, 4, -1.0f, 1.0f, 2, SHAPE(3, 1));
    lt_tensor *e = lt_expand(ctx, r, 3, SHAPE(2, 3, 4));
    for (int64_t i = 0; i < 24; i++)
        check_close_to("expand", i, check_at(e, i), check_at(r, i / 4 % 3), 0.0);
    check_failed(ctx, lt_expand(ctx, r, 2, SHAPE(2, 4)), LT_ERR_SHAPE, "x is (3, 1)");
    check_failed(ctx, lt_expand(ctx, r, 1, SHAPE(3)), LT_ERR_SHAPE, "lt_expand");
    check_close(ctx);
}
END_TEST

START_TEST(concat_values)
{
    lt_ctx *ctx = check_open(2, NULL);
    lt_tensor *a = check_random(ctx, 1, -1.0f, 1.0f, 3, SHAPE(2, 3, 5));
    lt_tensor *b = check_random(ctx, 2, -1.0f, 1.0f, 3, SHAPE(2, 1, 5));
    lt_tensor *y = lt_concat(ctx, 3, (lt_tensor *[]){a, check_strided(ctx, b), a}, 1);
    ck_assert_int_eq(lt_dim(y, 1), 7);
    same_values("concat", lt_slice(ctx, y, 1, 0, 3), a);
    same_values("concat", lt_slice(ctx, y, 1, 3, 1), b);
    same_values("concat", lt_slice(ctx, y, 1, 4, 3), a);
    same_values("concat", lt_concat(ctx, 1, &a, -1), a);
    check_failed(ctx, lt_concat(ctx, 2, (lt_tensor *[]){a, b}, 2), LT_ERR_SHAPE,
                 "x[1] is (2, 1, 5) and x[0] is (2, 3, 5)");
    check_failed(ctx, lt_concat(ctx, 2, (lt_tensor *[]){a, NULL}, 1), LT_ERR_ARGUMENT, "NULL");
    check_failed(ctx, lt_concat(ctx, 0, &a, 0), LT_ERR_ARGUMENT, "0 tensors");
    check_close(ctx);
}
END_TEST

START_TEST(rows_by_number)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *table = check_random(ctx, 1, -1.0f, 1.0f, 2, SHAPE(6, 5));
    lt_tensor *ids = check_ids(ctx, (int32_t[]){5, 0, 3, 3, 1, 5}, 2, SHAPE(2, 3));
    lt_tensor *y = lt_embedding(ctx, check_strided(ctx, table), ids);
    ck_assert_int_eq(lt_ndim(y), 3);
    for (int64_t i = 0; i < 30; i++)
        check_close_to("embedding", i, check_at(y, i),
                       check_at(table, lt_i32(ids)[i / 5] * 5 + i % 5), 0.0);
    lt_tensor *bad = check_ids(ctx, (int32_t[]){0, 6}, 1, SHAPE(2));
    check_failed(ctx, lt_embedding(ctx, table, bad), LT_ERR_ARGUMENT, "ids[1] is 6, outside 0..5");
    check_failed(ctx, lt_embedding(ctx, table, table), LT_ERR_DTYPE, "ids is F32, expected I32");
    check_failed(ctx, lt_embedding(ctx, table, NULL), LT_ERR_ARGUMENT, "ids is NULL");

    lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, 3, SHAPE(2, 4, 3));
    lt_tensor *at = check_ids(ctx, (int32_t[]){3, 1}, 1, SHAPE(2));
    lt_tensor *p = lt_pick(ctx, check_strided(ctx, x), at);
    ck_assert_int_eq(lt_ndim(p), 2);
    for (int64_t i = 0; i < 6; i++)
        check_close_to("pick", i, check_at(p, i),
                       check_at(x, i / 3 * 12 + lt_i32(at)[i / 3] * 3 + i % 3), 0.0);
    check_failed(ctx, lt_pick(ctx, x, check_ids(ctx, (int32_t[]){0, -1}, 1, SHAPE(2))),
                 LT_ERR_ARGUMENT, "ids[1] is -1");
    check_failed(ctx, lt_pick(ctx, x, ids), LT_ERR_SHAPE, "expected (N) for x");
    check_close(ctx);
}
END_TEST

/* All operations of this file in one differentiable expression. */
static lt_tensor *build_shapes(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    lt_tensor *x = lt_permute(ctx, leaf[0], (int[]){2, 0, 1});     /* (4, 2, 3) */
    lt_tensor *r = lt_reshape(ctx, x, 2, SHAPE(8, 3));             /* copies */
    lt_tensor *e = lt_expand(ctx, leaf[1], 2, SHAPE(8, 3));        /* (1, 3) */
    lt_tensor *c = lt_concat(ctx, 3, (lt_tensor *[]){r, e, r}, 1); /* (8, 9) */
    lt_tensor *s = lt_add(ctx, lt_slice(ctx, c, 1, 1, 4), lt_slice(ctx, c, 1, 3, 4));
    s = lt_add(ctx, s, lt_slice(ctx, c, 1, 0, 4));
    s = lt_mul(ctx, s, lt_transpose(ctx, lt_slice(ctx, lt_transpose(ctx, c, 0, 1), 0, 5, 4), 0, 1));
    lt_tensor *t = lt_embedding(ctx, leaf[2], user); /* (8, 4) */
    lt_tensor *p = lt_reshape(ctx, lt_mul(ctx, s, t), 3, SHAPE(2, 4, 4));
    lt_tensor *ids = check_ids(ctx, (int32_t[]){1, 3}, 1, SHAPE(2));
    return lt_add(ctx, lt_pick(ctx, p, ids), lt_contiguous(ctx, lt_slice(ctx, s, 0, 6, 2)));
}

START_TEST(shape_gradients)
{
    lt_ctx *ctx = check_open(2, NULL);
    lt_tensor *leaf[] = {check_random(ctx, 1, -1.0f, 1.0f, 3, SHAPE(2, 3, 4)),
                         check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(1, 3)),
                         check_random(ctx, 3, -1.0f, 1.0f, 2, SHAPE(5, 4))};
    lt_tensor *ids = check_ids(ctx, (int32_t[]){0, 1, 1, 4, 4, 4, 2, 0}, 1, SHAPE(8));
    check_grad(ctx, "shapes", build_shapes, ids, 3, leaf, (struct check_grad){.seed = 3});
    check_close(ctx);
}
END_TEST

/* ---- reductions ---- */

/* Sum of x over the axes of the mask, at element `o` of the kept shape. */
static double naive_sum(const lt_tensor *x, unsigned axes, int64_t o)
{
    double sum = 0.0;
    for (int64_t i = 0; i < lt_numel(x); i++) {
        int64_t rest = i, at = 0, step = 1;
        for (int d = lt_ndim(x) - 1; d >= 0; d--) {
            const int64_t c = rest % lt_dim(x, d);
            rest /= lt_dim(x, d);
            if (axes >> d & 1u)
                continue;
            at += c * step;
            step *= lt_dim(x, d);
        }
        if (at == o)
            sum += check_at(x, i);
    }
    return sum;
}

struct reduce_case {
    unsigned axes;
    bool keep, mean;
};

static lt_tensor *build_reduce(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct reduce_case *r = user;
    return (r->mean ? lt_mean : lt_sum)(ctx, leaf[0], r->axes, r->keep);
}

START_TEST(reductions)
{
    lt_ctx *ctx = check_open(1 + _i % 3, check_isa[_i % CHECK_ISAS]);
    lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, 4, SHAPE(3, 5, 2, 7));
    struct reduce_case r = {.axes = (unsigned)_i, .keep = _i % 2, .mean = _i % 3 == 0};
    const unsigned axes = _i ? (unsigned)_i : 15u;
    lt_tensor *y = build_reduce(ctx, &x, &r);
    lt_tensor *z = build_reduce(ctx, (lt_tensor *[]){check_strided(ctx, x)}, &r);
    int64_t count = 1;
    int left = 0;
    for (int d = 0; d < 4; d++) {
        if (axes >> d & 1u)
            count *= lt_dim(x, d);
        else
            left++;
    }
    ck_assert_int_eq(lt_ndim(y), r.keep ? 4 : left);
    for (int64_t o = 0; o < lt_numel(y); o++) {
        check_close_to("reduction", o, check_at(y, o),
                       naive_sum(x, axes, o) / (r.mean ? (double)count : 1.0), 2e-6);
        check_close_to("reduction", o, check_at(z, o), check_at(y, o), 0.0);
    }
    check_grad(ctx, "reduction", build_reduce, &r, 1, &x, (struct check_grad){.step = 0.1});
    check_close(ctx);
}
END_TEST

/* Sizes that take each of the parallel paths; bits must not depend on threads. */
START_TEST(large_reductions)
{
    const struct {
        int64_t shape[3];
        unsigned axes;
    } cases[] = {{{3, 100000, 1}, 7u}, {{3, 50000, 1}, 2u}, {{400, 300, 2}, 6u},
                 {{300, 3, 200}, 1u},  {{20, 300, 33}, 5u}, {{5, 600, 70}, 2u}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        static float first[70 * 600];
        for (int threads = 1; threads <= 3; threads++) {
            lt_ctx *ctx = check_open(threads, NULL);
            lt_tensor *x = check_random(ctx, k, 0.0f, 1.0f, 3, cases[k].shape);
            lt_tensor *y = lt_sum(ctx, x, cases[k].axes, false);
            if (threads == 1) {
                memcpy(first, lt_f32(y), (size_t)lt_numel(y) * 4);
                const int64_t last = lt_numel(y) - 1;
                check_close_to("large sum", last, check_at(y, last),
                               naive_sum(x, cases[k].axes, last), 2e-7);
            }
            ck_assert_int_eq(memcmp(first, lt_f32(y), (size_t)lt_numel(y) * 4), 0);
            check_close(ctx);
        }
    }
}
END_TEST

START_TEST(reduction_edges)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *empty = lt_zeros(ctx, 2, SHAPE(0, 3));
    ck_assert(lt_item(lt_sum(ctx, empty, 0, false)) == 0.0f);
    ck_assert_int_eq(lt_numel(lt_sum(ctx, empty, 1u, false)), 3);
    ck_assert_int_eq(lt_numel(lt_sum(ctx, empty, 2u, true)), 0);
    ck_assert(isnan(lt_item(lt_mean(ctx, empty, 0, false))));
    ck_assert(lt_item(lt_sum(ctx, lt_scalar(ctx, 3.0f), 0, false)) == 3.0f);
    check_failed(ctx, lt_sum(ctx, empty, 4u, false), LT_ERR_ARGUMENT, "mask 0x4");
    check_failed(ctx, lt_mean(ctx, NULL, 0, false), LT_ERR_ARGUMENT, "lt_mean: argument x is NULL");
    check_failed(ctx, lt_softmax(ctx, lt_scalar(ctx, 1.0f)), LT_ERR_SHAPE, "no rows");
    check_close(ctx);
}
END_TEST

/* ---- softmax, log-softmax, logsumexp ---- */

static lt_tensor *build_soft(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    switch (*(const int *)user) {
    case 0: return lt_softmax(ctx, leaf[0]);
    case 1: return lt_log_softmax(ctx, leaf[0]);
    default: return lt_logsumexp(ctx, leaf[0]);
    }
}

START_TEST(softmax_family)
{
    lt_ctx *ctx = check_open(2, check_isa[_i]);
    const int64_t sizes[][2] = {{1, 1}, {3, 3}, {2, 31}, {5, 33}, {7, 70}, {3, 1500}, {600, 80}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t n = sizes[s][1];
        lt_tensor *x = check_random(ctx, s, -8.0f, 8.0f, 2, sizes[s]);
        lt_tensor *p = lt_softmax(ctx, check_strided(ctx, x)), *l = lt_log_softmax(ctx, x);
        lt_tensor *lse = lt_logsumexp(ctx, x);
        ck_assert_int_eq(lt_ndim(lse), 1);
        for (int64_t r = 0; r < sizes[s][0]; r++) {
            double sum = 0.0;
            for (int64_t i = 0; i < n; i++)
                sum += exp(check_at(x, r * n + i));
            check_close_to("logsumexp", r, check_at(lse, r), log(sum), 1e-6);
            for (int64_t i = 0; i < n; i++) {
                const double v = check_at(x, r * n + i);
                check_close_to("softmax", i, check_at(p, r * n + i), exp(v) / sum, 1e-6);
                check_close_to("log_softmax", i, check_at(l, r * n + i), v - log(sum), 1e-6);
            }
        }
    }
    lt_tensor *x = check_random(ctx, 9, -2.0f, 2.0f, 3, SHAPE(2, 3, 33));
    for (int kind = 0; kind < 3; kind++)
        check_grad(ctx, "softmax family", build_soft, &kind, 1, &x,
                   (struct check_grad){.step = 2e-2});
    check_close(ctx);
}
END_TEST

START_TEST(softmax_extremes)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = lt_from_copy(ctx, LT_F32, 2, SHAPE(2, 3),
                                (float[]){1e4f, -INFINITY, 1e4f, -1e30f, 1e30f, 0.0f});
    lt_tensor *p = lt_softmax(ctx, x), *lse = lt_logsumexp(ctx, x);
    const double expected[] = {0.5, 0, 0.5, 0, 1, 0};
    for (int64_t i = 0; i < 6; i++)
        check_close_to("softmax", i, check_at(p, i), expected[i], 0.0);
    check_close_to("logsumexp", 0, check_at(lse, 0), 1e4 + log(2.0), 1e-7);
    lt_tensor *none = lt_full(ctx, 1, SHAPE(40), -INFINITY);
    ck_assert(lt_item(lt_logsumexp(ctx, none)) == -INFINITY);
    lt_f32(none)[37] = NAN;
    ck_assert(isnan(lt_item(lt_logsumexp(ctx, none))));
    check_close(ctx);
}
END_TEST

Suite *suite_ops_shape(void);

Suite *suite_ops_shape(void)
{
    Suite *s = suite_create("ops_shape");
    TCase *t = tcase_create("shape");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, reshape_views_and_copies);
    tcase_add_test(t, permute_values);
    tcase_add_test(t, slice_and_expand_values);
    tcase_add_test(t, concat_values);
    tcase_add_test(t, rows_by_number);
    tcase_add_test(t, shape_gradients);
    tcase_add_loop_test(t, reductions, 0, 16);
    tcase_add_test(t, large_reductions);
    tcase_add_test(t, reduction_edges);
    tcase_add_loop_test(t, softmax_family, 0, CHECK_ISAS);
    tcase_add_test(t, softmax_extremes);
    suite_add_tcase(s, t);
    return s;
}
