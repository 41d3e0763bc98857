/* Matrix products, linear layers and attention. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

/* ---- matmul ---- */

static const struct product {
    int batch_a, batch_b; /* leading axes */
    int64_t a[4], b[4];   /* their sizes */
    int64_t m, k, n;
} products[] = {
    {0, 0, {0}, {0}, 1, 1, 1},      {0, 0, {0}, {0}, 3, 31, 33},
    {0, 0, {0}, {0}, 1, 70, 3},     {0, 0, {0}, {0}, 33, 1, 1},
    {1, 1, {3}, {3}, 5, 7, 4},      {1, 0, {3}, {0}, 5, 7, 4}, /* one b for all */
    {0, 1, {0}, {3}, 5, 7, 4},      {2, 2, {2, 1}, {1, 3}, 3, 4, 5},
    {2, 1, {2, 3}, {1}, 3, 1, 5},   {1, 2, {2}, {5, 1}, 2, 3, 4},
    {1, 1, {40}, {40}, 17, 20, 19}, /* enough for threads */
    {0, 0, {0}, {0}, 130, 90, 120}, {1, 1, {2}, {2}, 3, 0, 4},
    {1, 1, {0}, {0}, 3, 2, 4},
};
enum { PRODUCTS = sizeof products / sizeof *products };

struct trans {
    bool a, b;
};

static lt_tensor *operand(lt_ctx *ctx, uint64_t seed, int batch, const int64_t *size, int64_t rows,
                          int64_t cols, bool trans)
{
    int64_t shape[LT_MAX_DIMS];
    memcpy(shape, size, (size_t)batch * sizeof *shape);
    shape[batch] = trans ? cols : rows;
    shape[batch + 1] = trans ? rows : cols;
    return check_random(ctx, seed, -1.0f, 1.0f, batch + 2, shape);
}

/* The index of the matrix of t that takes part in matrix `index` of the product `out`. */
static int64_t matrix_of(const lt_tensor *t, const lt_tensor *out, int64_t index)
{
    int64_t at = 0, step = 1;
    for (int d = 3; d <= lt_ndim(out); d++) {
        const int64_t c = index % lt_dim(out, -d);
        index /= lt_dim(out, -d);
        if (d > lt_ndim(t))
            continue;
        at += lt_dim(t, -d) == 1 ? 0 : c * step;
        step *= lt_dim(t, -d);
    }
    return at;
}

static void check_product(const lt_tensor *y, const lt_tensor *a, const lt_tensor *b,
                          struct trans t)
{
    ck_assert_ptr_nonnull(y);
    const int64_t m = lt_dim(y, -2), n = lt_dim(y, -1), k = lt_dim(a, t.a ? -2 : -1);
    for (int64_t i = 0; i < lt_numel(y); i++) {
        const int64_t c = i % n, r = i / n % m, matrix = i / n / m;
        const int64_t at_a = matrix_of(a, y, matrix) * m * k;
        const int64_t at_b = matrix_of(b, y, matrix) * k * n;
        double sum = 0.0;
        for (int64_t l = 0; l < k; l++)
            sum += check_at(a, at_a + (t.a ? l * m + r : r * k + l)) *
                   check_at(b, at_b + (t.b ? c * k + l : l * n + c));
        check_close_to("matmul", i, check_at(y, i), sum, 1e-5);
    }
}

static lt_tensor *build_matmul(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct trans *t = user;
    return lt_matmul(ctx, leaf[0], leaf[1], t->a, t->b);
}

/* The leaves' transposes, taken as views. */
static lt_tensor *build_matmul_views(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct trans *t = user;
    return lt_matmul(ctx, lt_transpose(ctx, leaf[0], -1, -2), lt_transpose(ctx, leaf[1], -1, -2),
                     !t->a, !t->b);
}

START_TEST(matmul_values_and_gradients)
{
    const struct product *p = &products[_i / 4];
    struct trans t = {.a = _i & 1, .b = _i & 2};
    lt_ctx *ctx = check_open(1 + _i % 3, NULL);
    lt_tensor *a = operand(ctx, 1, p->batch_a, p->a, p->m, p->k, t.a);
    lt_tensor *b = operand(ctx, 2, p->batch_b, p->b, p->k, p->n, t.b);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *y = lt_matmul(ctx, a, b, t.a, t.b);
    check_product(y, a, b, t);
    check_product(lt_matmul(ctx, check_strided(ctx, a), check_strided(ctx, b), t.a, t.b), a, b, t);
    check_product(build_matmul_views(ctx, (lt_tensor *[]){a, b}, &t), a, b, t);
    lt_scope_close(ctx, scope, NULL);
    const struct check_grad how = {.step = 0.1, .samples = 10, .seed = (uint64_t)_i};
    check_grad(ctx, "matmul", build_matmul, &t, 2, (lt_tensor *[]){a, b}, how);
    check_grad(ctx, "matmul of views", build_matmul_views, &t, 2, (lt_tensor *[]){a, b}, how);
    check_close(ctx);
}
END_TEST

START_TEST(matmul_of_slices_and_repeats)
{
    lt_ctx *ctx = check_open(2, NULL);
    lt_tensor *wide = check_random(ctx, 1, -1.0f, 1.0f, 3, SHAPE(2, 6, 20));
    lt_tensor *a = lt_slice(ctx, wide, 2, 3, 9), *b = lt_slice(ctx, wide, 2, 0, 9);
    check_product(lt_matmul(ctx, a, b, false, true), a, b, (struct trans){false, true});
    lt_tensor *row = check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(1, 9));
    lt_tensor *rep = lt_expand(ctx, row, 3, SHAPE(2, 4, 9));
    check_product(lt_matmul(ctx, a, rep, false, true), a, rep, (struct trans){false, true});
    lt_tensor *col = lt_expand(ctx, lt_transpose(ctx, row, 0, 1), 2, SHAPE(9, 5));
    check_product(lt_matmul(ctx, a, col, false, false), a, col, (struct trans){false, false});
    check_close(ctx);
}
END_TEST

START_TEST(matmul_errors)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *a = lt_zeros(ctx, 2, SHAPE(2, 3)), *v = lt_zeros(ctx, 1, SHAPE(3));
    lt_tensor *c = lt_zeros(ctx, 3, SHAPE(2, 3, 2)), *d = lt_zeros(ctx, 3, SHAPE(3, 2, 3));
    check_failed(ctx, lt_matmul(ctx, a, a, false, false), LT_ERR_SHAPE,
                 "a (2, 3) and b (2, 3) do not multiply");
    check_failed(ctx, lt_matmul(ctx, a, v, false, false), LT_ERR_SHAPE, "b (3,)");
    check_failed(ctx, lt_matmul(ctx, c, d, false, false), LT_ERR_SHAPE, "do not multiply");
    check_failed(ctx, lt_matmul(ctx, a, NULL, false, false), LT_ERR_ARGUMENT, "argument b is NULL");
    check_failed(ctx, lt_linear(ctx, a, a, v), LT_ERR_SHAPE, "bias is (3,), expected (O)");
    check_failed(ctx, lt_linear(ctx, v, c, NULL), LT_ERR_SHAPE, "w is (2, 3, 2)");
    check_failed(ctx, lt_linear(ctx, lt_zeros(ctx, 1, SHAPE(2)), a, NULL), LT_ERR_SHAPE,
                 "expected (O, D) for x (..., D) (2,)");
    check_close(ctx);
}
END_TEST

/* ---- linear ---- */

static lt_tensor *build_linear(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    (void)user;
    return lt_linear(ctx, leaf[0], leaf[1], leaf[2]);
}

static lt_tensor *build_linear_strided(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    (void)user;
    return lt_linear(ctx, lt_transpose(ctx, leaf[0], 0, 1), leaf[1], leaf[2]);
}

START_TEST(linear_values_and_gradients)
{
    lt_ctx *ctx = check_open(1 + _i, NULL);
    const struct {
        int ndim;
        int64_t shape[3], outs;
    } cases[] = {{1, {31}, 3},         {2, {3, 33}, 70}, {3, {2, 31, 7}, 5},
                 {3, {4, 50, 64}, 96}, {2, {1, 1}, 1},   {2, {0, 3}, 2}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const int64_t ins = cases[k].shape[cases[k].ndim - 1], outs = cases[k].outs;
        lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, cases[k].ndim, cases[k].shape);
        lt_tensor *w = check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(outs, ins));
        lt_tensor *b = check_random(ctx, 3, -1.0f, 1.0f, 1, &outs);
        for (int with = 0; with < 2; with++) {
            lt_tensor *y = lt_linear(ctx, check_strided(ctx, x), w, with ? b : NULL);
            ck_assert_int_eq(lt_ndim(y), cases[k].ndim);
            for (int64_t i = 0; i < lt_numel(y); i++) {
                double sum = with ? check_at(b, i % outs) : 0.0;
                for (int64_t l = 0; l < ins; l++)
                    sum += check_at(x, i / outs * ins + l) * check_at(w, i % outs * ins + l);
                check_close_to("linear", i, check_at(y, i), sum, 1e-5);
            }
            check_grad(ctx, "linear", build_linear, NULL, 3, (lt_tensor *[]){x, w, with ? b : NULL},
                       (struct check_grad){.step = 0.1, .samples = 16});
            if (cases[k].ndim == 3 && cases[k].shape[0] == 2)
                check_grad(ctx, "linear, strided", build_linear_strided, NULL, 3,
                           (lt_tensor *[]){x, w, with ? b : NULL},
                           (struct check_grad){.step = 0.1, .samples = 16});
        }
    }
    check_close(ctx);
}
END_TEST

START_TEST(frozen_weights_get_no_gradient)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, 2, SHAPE(3, 4));
    lt_tensor *w = check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(5, 4));
    lt_tensor *b = check_random(ctx, 3, -1.0f, 1.0f, 1, SHAPE(5));
    lt_set_requires_grad(ctx, x, true);
    ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_linear(ctx, x, w, b), 0, false)), LT_OK);
    ck_assert_ptr_nonnull(lt_grad(x));
    ck_assert_ptr_null(lt_grad(w));
    ck_assert_ptr_null(lt_grad(b));
    check_close(ctx);
}
END_TEST

/* A weight in 16 bits gives, bit for bit, what its float32 values give. */
START_TEST(weights_in_16_bits)
{
    static const lt_dtype types[] = {LT_F16, LT_BF16};
    lt_ctx *ctx = check_open(2, check_isa[_i]);
    const int32_t ids[] = {4, 0, 4};
    for (int k = 0; k < 2; k++) {
        lt_tensor *x = check_random(ctx, 1, -1.0f, 1.0f, 2, SHAPE(3, 37)), *result[2], *gx[2];
        lt_tensor *b = check_random(ctx, 3, -1.0f, 1.0f, 1, SHAPE(5));
        lt_tensor *half =
            lt_cast(ctx, check_random(ctx, 2, -1.0f, 1.0f, 2, SHAPE(5, 37)), types[k]);
        lt_tensor *w[2] = {half, lt_cast(ctx, half, LT_F32)}, *row[2];
        lt_set_requires_grad(ctx, x, true);
        for (int i = 0; i < 2; i++) {
            result[i] = lt_linear(ctx, x, w[i], b);
            ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_square(ctx, result[i]), 0, false)),
                             LT_OK);
            gx[i] = lt_clone(ctx, lt_grad(x));
            lt_zero_grad(x);
            row[i] = lt_embedding(ctx, w[i], check_ids(ctx, ids, 1, SHAPE(3)));
        }
        ck_assert_mem_eq(lt_f32(result[0]), lt_f32(result[1]), 15 * sizeof(float));
        ck_assert_mem_eq(lt_f32(gx[0]), lt_f32(gx[1]), 3 * 37 * sizeof(float));
        ck_assert_mem_eq(lt_f32(row[0]), lt_f32(row[1]), 3 * 37 * sizeof(float));
        ck_assert_int_eq(lt_set_requires_grad(ctx, half, true), LT_ERR_DTYPE);
        lt_ctx_clear(ctx);
    }
    check_close(ctx);
}
END_TEST

/* ---- attention ---- */

struct attention {
    int64_t n, length, width;
    int heads;
    bool causal;
};

/* out[i] of one head: softmax over j of scale q_i . k_j, times v_j. */
static void check_attention(const lt_tensor *y, const lt_tensor *qkv, const struct attention *c)
{
    ck_assert_ptr_nonnull(y);
    const int64_t l = c->length, w = c->width, d = w / c->heads;
    double *p = malloc((size_t)l * sizeof *p);
    ck_assert_ptr_nonnull(p);
    for (int64_t s = 0; s < c->n; s++) {
        for (int64_t h = 0; h < c->heads; h++) {
            const int64_t base = s * l * 3 * w + h * d;
            for (int64_t i = 0; i < l; i++) {
                const int64_t seen = c->causal ? i + 1 : l;
                double sum = 0.0;
                for (int64_t j = 0; j < seen; j++) {
                    double dot = 0.0;
                    for (int64_t e = 0; e < d; e++)
                        dot += check_at(qkv, base + i * 3 * w + e) *
                               check_at(qkv, base + j * 3 * w + w + e);
                    p[j] = exp(dot / sqrt((double)d));
                    sum += p[j];
                }
                for (int64_t e = 0; e < d; e++) {
                    double v = 0.0;
                    for (int64_t j = 0; j < seen; j++)
                        v += p[j] / sum * check_at(qkv, base + j * 3 * w + 2 * w + e);
                    const int64_t at = (s * l + i) * w + h * d + e;
                    check_close_to("attention", at, check_at(y, at), v, 2e-6);
                }
            }
        }
    }
    free(p);
}

static lt_tensor *build_attention(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct attention *c = user;
    return lt_attention(ctx, leaf[0], c->heads, c->causal);
}

START_TEST(attention_values_and_gradients)
{
    static const struct attention cases[] = {
        {1, 1, 1, 1, false},   {2, 3, 4, 2, false},  {1, 7, 6, 3, true}, {3, 31, 33, 3, true},
        {2, 50, 64, 2, false}, {2, 33, 40, 4, true}, {0, 3, 4, 2, false}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct attention c = cases[k];
        static float first[2 * 50 * 64];
        for (int threads = 1; threads <= 3; threads++) {
            lt_ctx *ctx = check_open(threads, check_isa[_i]);
            lt_tensor *qkv =
                check_random(ctx, k, -1.5f, 1.5f, 3, SHAPE(c.n, c.length, 3 * c.width));
            lt_tensor *y = lt_attention(ctx, check_strided(ctx, qkv), c.heads, c.causal);
            ck_assert_ptr_nonnull(y);
            if (threads == 1) {
                check_attention(y, qkv, &c);
                memcpy(first, lt_f32(y), (size_t)lt_numel(y) * 4);
                check_grad(ctx, "attention", build_attention, &c, 1, &qkv,
                           (struct check_grad){.step = 2e-2, .samples = 32, .seed = k});
            }
            ck_assert_int_eq(memcmp(first, lt_f32(y), (size_t)lt_numel(y) * 4), 0);
            check_close(ctx);
        }
    }
}
END_TEST

/* Attention over sequences of different lengths, an empty one among them, gives each sequence the
 * result that it has alone. */
static lt_tensor *build_ragged(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return lt_attention_ragged(ctx, leaf[0], user, 2, true);
}

START_TEST(ragged_attention)
{
    enum { N = 5, WIDTH = 12 };
    static const int32_t at[N + 1] = {0, 7, 7, 8, 20, 53};
    lt_ctx *ctx = check_open(1 + _i, check_isa[_i]);
    lt_tensor *starts = check_ids(ctx, at, 1, SHAPE(N + 1));
    lt_tensor *qkv = check_random(ctx, 9, -1.5f, 1.5f, 2, SHAPE(at[N], 3 * WIDTH));
    for (int causal = 0; causal < 2; causal++) {
        lt_tensor *y = lt_attention_ragged(ctx, check_strided(ctx, qkv), starts, 2, causal);
        ck_assert_msg(y != NULL, "%s", lt_ctx_message(ctx));
        for (int i = 0; i < N; i++) {
            const int64_t rows = at[i + 1] - at[i];
            lt_tensor *one = lt_contiguous(ctx, lt_slice(ctx, qkv, 0, at[i], rows));
            one = lt_attention(ctx, lt_reshape(ctx, one, 3, SHAPE(1, rows, 3 * WIDTH)), 2, causal);
            for (int64_t k = 0; k < rows * WIDTH; k++)
                check_close_to("ragged", k, check_at(y, at[i] * WIDTH + k), check_at(one, k), 1e-7);
        }
    }
    check_grad(ctx, "ragged attention", build_ragged, starts, 1, &qkv,
               (struct check_grad){.seed = 4});
    check_failed(ctx, lt_attention_ragged(ctx, qkv, NULL, 2, true), LT_ERR_ARGUMENT, "starts");
    check_failed(ctx, lt_attention_ragged(ctx, qkv, check_ids(ctx, at, 1, SHAPE(N)), 2, true),
                 LT_ERR_ARGUMENT, "from 0 to 53");
    check_failed(
        ctx,
        lt_attention_ragged(ctx, lt_reshape(ctx, qkv, 3, SHAPE(1, 53, 3 * WIDTH)), starts, 2, true),
        LT_ERR_SHAPE, "qkv is (1, 53, 36)");
    check_close(ctx);
}
END_TEST

START_TEST(attention_errors)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = lt_zeros(ctx, 3, SHAPE(1, 2, 12));
    check_failed(ctx, lt_attention(ctx, x, 3, false), LT_ERR_SHAPE, "qkv is (1, 2, 12)");
    check_failed(ctx, lt_attention(ctx, x, 0, false), LT_ERR_SHAPE, "0 heads");
    check_failed(ctx, lt_attention(ctx, lt_reshape(ctx, x, 2, SHAPE(2, 12)), 1, false),
                 LT_ERR_SHAPE, "expected (N, L, 3D)");
    check_close(ctx);
}
END_TEST

Suite *suite_ops_dense(void);

Suite *suite_ops_dense(void)
{
    Suite *s = suite_create("ops_dense");
    TCase *t = tcase_create("dense");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, matmul_values_and_gradients, 0, PRODUCTS * 4);
    tcase_add_test(t, matmul_of_slices_and_repeats);
    tcase_add_test(t, matmul_errors);
    tcase_add_loop_test(t, linear_values_and_gradients, 0, 3);
    tcase_add_test(t, frozen_weights_get_no_gradient);
    tcase_add_loop_test(t, weights_in_16_bits, 0, CHECK_ISAS);
    tcase_add_loop_test(t, attention_values_and_gradients, 0, CHECK_ISAS);
    tcase_add_loop_test(t, ragged_attention, 0, CHECK_ISAS);
    tcase_add_test(t, attention_errors);
    suite_add_tcase(s, t);
    return s;
}
