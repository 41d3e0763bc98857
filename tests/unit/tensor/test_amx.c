/* Products on AMX against plain loops in double precision: with the unit's instructions written out
 * in C everywhere, and with the unit where there is one. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/amx_emulated.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "support/check_grad.h"
#include "unit/suites.h"
#include "tensor/kernels/gemm/amx_impl.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/blas_impl.h"
#include "tensor/half.h"

static lt_ctx *ctx;

static float *random_floats(uint64_t seed, int64_t n)
{
    return lt_f32(check_random(ctx, seed, -1.0f, 1.0f, 1, &n));
}

/* Packing writes each value as three digits of base 256, in the places where the unit reads them.
 * The digits are the integer value / scale, where the scale comes from the largest magnitude of the
 * row (or column); they may differ by the rounding of three float32 operations. Padding has the
 * digits 0. */
START_TEST(digits_are_the_value)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    enum { N = 40, K = 201, BLOCKS = 3, STEPS = 4, COUNT = BLOCKS * LT_AMX_SIDE };
    float *x = random_floats(3, N * K);
    for (int i = 0; i < N * K; i++)
        x[i] = ldexpf(x[i], i % 30 - 16);
    static int8_t packed[BLOCKS * STEPS * LT_AMX_STEP] __attribute__((aligned(64)));
    static uint16_t half[N * K];
    lt_f32_to_f16(x, half, N * K);
    for (int kind = 0; kind < 12; kind++) {
        const bool columns = kind % 3 > 0, across = kind % 3 == 2, is_half = kind / 3 % 2,
                   whole = kind >= 6;
        const int n = whole ? N / LT_AMX_SIDE * LT_AMX_SIDE : N, depth = whole ? 128 : K,
                  steps = (depth + 63) / 64;
        const lt_amx_source s = {.data = is_half ? (const void *)half : x,
                                 .ld = across ? N : K,
                                 .across = across,
                                 .half = is_half};
        const struct lt_amx_kernels *unit = lt_amx_kernels_of(ctx);
        float worth[COUNT];
        memset(packed, 0xff, sizeof packed);
        (columns ? unit->pack_columns : unit->pack_rows)(&s, 0, n, 0, depth, packed, worth);
        for (int i = 0; i < (n + 15) / 16 * 16; i++) {
            float largest = 0;
            for (int k = 0; k < steps * LT_AMX_DEPTH; k++) {
                /* Depth indices r, r + 16, r + 32 and r + 48 are neighbours in memory: bytes 4 r to
                 * 4 r + 3 of a packed row, or row r of packed columns. */
                const int r = k % 16, fourth = k % 64 / 16;
                const int8_t *at = packed + (i / 16 * steps + k / 64) * LT_AMX_STEP +
                                   (columns ? r * 64 + i % 16 * 4 : i % 16 * 64 + r * 4) + fourth;
                const double sum = 65536.0 * at[0] + 256.0 * at[LT_AMX_TILE] + at[2 * LT_AMX_TILE];
                const int from = across ? k * N + i : i * K + k;
                const bool there = i < n && k < depth;
                float expected = there ? x[from] : 0.0f;
                if (is_half && there)
                    lt_f16_to_f32(&half[from], &expected, 1);
                if (there)
                    ck_assert_msg(fabs(sum * (double)worth[i] - (double)expected) <=
                                      2 * (double)worth[i],
                                  "kind %d, row %d, depth %d: %g, expected %g", kind, i, k,
                                  sum * (double)worth[i], (double)expected);
                else
                    ck_assert_msg(sum == 0, "kind %d, row %d, depth %d: not zero", kind, i, k);
                largest = fmaxf(largest, fabsf(expected));
            }
            if (i < n)
                check_close_to("worth", i, (double)worth[i] * 8355000, (double)largest,
                               1e-6 * (double)largest);
        }
    }
    check_close(ctx);
}
END_TEST

typedef struct problem {
    int64_t m, n, k;
    bool trans, half;
    float alpha, beta;
} problem;

/* The error is relative to the sum of magnitudes and no larger than that of a float32 sum. */
static void check_product(const problem *q)
{
    const lt_scope scope = lt_scope_open(ctx);
    const int64_t lda = q->k + 3, ldb = (q->trans ? q->k : q->n) + 5, ldc = q->n + 2;
    const int64_t b_count = (q->trans ? q->n : q->k) * ldb;
    float *a = random_floats(11, q->m * lda), *b = random_floats(12, b_count),
          *c = random_floats(13, q->m * ldc);
    float *before = random_floats(13, q->m * ldc);
    uint16_t *half = (uint16_t *)random_floats(14, b_count);
    lt_f32_to_f16(b, half, (size_t)b_count);
    if (q->half)
        lt_f16_to_f32(half, b, (size_t)b_count);
    if (q->beta == 0.0f)
        for (int64_t i = 0; i < q->m * ldc; i++)
            c[i] = NAN; /* must not be read */
    ck_assert(lt_amx_gemm(
        ctx, q->m, q->n, q->k, q->alpha, &(lt_amx_source){.data = a, .ld = lda},
        &(lt_amx_source){
            .data = q->half ? (void *)half : b, .ld = ldb, .across = !q->trans, .half = q->half},
        q->beta, c, ldc));
    double worst = 0;
    for (int64_t i = 0; i < q->m; i++) {
        for (int64_t j = 0; j < q->n; j++) {
            double sum = 0, size = 0;
            for (int64_t l = 0; l < q->k; l++) {
                const double term =
                    (double)a[i * lda + l] * (double)b[q->trans ? j * ldb + l : l * ldb + j];
                sum += term;
                size += fabs(term);
            }
            sum = (double)q->alpha * sum + (double)q->beta * (double)before[i * ldc + j];
            size =
                fabs((double)q->alpha) * size + fabs((double)q->beta * (double)before[i * ldc + j]);
            const double error = fabs((double)c[i * ldc + j] - sum) / size;
            ck_assert_msg(error < 5e-7,
                          "%lld x %lld x %lld, trans %d, half %d, at %lld, %lld: %g, expected %g",
                          (long long)q->m, (long long)q->n, (long long)q->k, q->trans, q->half,
                          (long long)i, (long long)j, (double)c[i * ldc + j], sum);
            worst = error > worst ? error : worst;
        }
        for (int64_t j = q->n; j < ldc; j++)
            ck_assert_msg(q->beta == 0.0f ? isnan(c[i * ldc + j])
                                          : c[i * ldc + j] == before[i * ldc + j],
                          "written past a row");
    }
    ck_assert_msg(worst > 0, "a product without an error");
    lt_scope_close(ctx, scope, NULL);
}

START_TEST(odd_shapes_match_plain_loops)
{
    static const int64_t sizes[][3] = {{1, 1, 33},   {3, 31, 32},   {33, 1, 1},    {32, 32, 32},
                                       {31, 33, 65}, {70, 40, 129}, {17, 150, 40}, {150, 17, 100}};
    static const float alpha[] = {1.0f, 0.5f}, beta[] = {0.0f, 1.0f, -0.75f};
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    int count = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int variant = 0; variant < 4; variant++, count++)
            check_product(&(problem){.m = sizes[s][0],
                                     .n = sizes[s][1],
                                     .k = sizes[s][2],
                                     .trans = variant & 1,
                                     .half = variant & 2,
                                     .alpha = alpha[count % 2],
                                     .beta = beta[count % 3]});
    check_close(ctx);
}
END_TEST

/* Sides of more than one group and depths of more than one slab. With more threads than groups, or
 * with a side that is too large for the cache, the other side is cut into pieces as well. */
START_TEST(large_sides)
{
    static const int threads[] = {2, 9};
    for (int i = 0; i < 2; i++) {
        if (!(ctx = check_open_amx(__func__, threads[i], _i)))
            return;
        check_product(&(problem){.m = 530, .n = 33, .k = 40, .alpha = 1.0f});
        check_product(&(problem){.m = 33, .n = 530, .k = 40, .trans = true, .alpha = 1.0f});
        check_product(&(problem){.m = 530, .n = 545, .k = 32, .alpha = 1.0f});
        check_product(&(problem){.m = 790, .n = 800, .k = 40, .trans = true, .alpha = 1.0f});
        check_product(&(problem){.m = 40, .n = 36, .k = 800, .trans = true, .alpha = 1.0f});
        check_product(&(problem){.m = 100, .n = 70, .k = 800, .half = true, .alpha = 1.0f});
        check_close(ctx);
    }
}
END_TEST

enum { ROWS = 40, COLUMNS = 300, DEPTH = 768 };

/* The sums of squared errors of two products of a (rows, depth) and b (columns, depth)^T: *ours is
 * the error of this library, *theirs that of OpenBLAS. */
static void errors_of(const float *a, const float *b, float *c, double *ours, double *theirs)
{
    float *d = random_floats(24, ROWS * COLUMNS);
    ck_assert(lt_amx_gemm(ctx, ROWS, COLUMNS, DEPTH, 1.0f, &(lt_amx_source){.data = a, .ld = DEPTH},
                          &(lt_amx_source){.data = b, .ld = DEPTH}, 0.0f, c, COLUMNS));
    lt_sgemm_serial(false, true, ROWS, COLUMNS, DEPTH, 1.0f, a, DEPTH, b, DEPTH, 0.0f, d, COLUMNS);
    *ours = *theirs = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double sum = 0;
        for (int l = 0; l < DEPTH; l++)
            sum += (double)a[i / COLUMNS * DEPTH + l] * (double)b[i % COLUMNS * DEPTH + l];
        *ours += ((double)c[i] - sum) * ((double)c[i] - sum);
        *theirs += ((double)d[i] - sum) * ((double)d[i] - sum);
    }
}

/* The root of the summed squared errors is below 1.5 times that of OpenBLAS, and every number of
 * threads gives the same bits. */
START_TEST(errors_and_threads)
{
    float *first = NULL;
    static const int threads[] = {1, 2, 3, 7};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        if (!(ctx = check_open_amx(__func__, threads[t], _i)))
            return;
        const size_t size = ROWS * COLUMNS * sizeof *first;
        float *c = random_floats(23, ROWS * COLUMNS);
        double ours, theirs;
        errors_of(random_floats(21, ROWS * DEPTH), random_floats(22, COLUMNS * DEPTH), c, &ours,
                  &theirs);
        ck_assert_msg(ours < 1.5 * 1.5 * theirs, "error %g, of single precision %g", sqrt(ours),
                      sqrt(theirs));
        if (!first) {
            first = malloc(size);
            memcpy(first, c, size);
        }
        ck_assert_mem_eq(first, c, size);
        check_close(ctx);
    }
    free(first);
}
END_TEST

/* A value a hundred times larger than its neighbours costs them two of their seven decimal digits,
 * because the row shares a scale. Even then the error stays near that of float32. */
START_TEST(peaks)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    float *a = random_floats(21, ROWS * DEPTH), *b = random_floats(22, COLUMNS * DEPTH),
          *c = random_floats(23, ROWS * COLUMNS);
    for (int i = 0; i < ROWS; i++)
        a[i * DEPTH + 5] *= 100, a[i * DEPTH + 300] *= 100, a[i * DEPTH + 301] *= 100;
    double ours, theirs;
    errors_of(a, b, c, &ours, &theirs);
    ck_assert_msg(ours < 4 * 4 * theirs, "error %g, of single precision %g", sqrt(ours),
                  sqrt(theirs));
    check_close(ctx);
}
END_TEST

/* An infinity or NaN makes its row (or column) of the result not finite. All other results keep
 * their values. */
START_TEST(not_finite)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    static const float values[] = {INFINITY, -INFINITY, NAN};
    float *a = random_floats(21, ROWS * DEPTH), *b = random_floats(22, COLUMNS * DEPTH),
          *c = random_floats(23, ROWS * COLUMNS);
    float *before = random_floats(23, ROWS * COLUMNS);
    double ours, theirs;
    errors_of(a, b, before, &ours, &theirs);
    for (int v = 0; v < 3; v++) {
        const int row = 7, column = 130;
        float *at[] = {&a[row * DEPTH + 500], &b[column * DEPTH + 20]};
        const float kept[] = {*at[0], *at[1]};
        *at[0] = *at[1] = values[v];
        errors_of(a, b, c, &ours, &theirs);
        for (int i = 0; i < ROWS * COLUMNS; i++)
            if (i / COLUMNS == row || i % COLUMNS == column)
                ck_assert_msg(!isfinite(c[i]), "%g: at %d", (double)values[v], i);
            else
                ck_assert_msg(c[i] == before[i], "%g spoils %d", (double)values[v], i);
        *at[0] = kept[0], *at[1] = kept[1];
    }
    check_close(ctx);
}
END_TEST

static lt_tensor *apply_linear(lt_ctx *c, lt_tensor *const *leaf, void *user)
{
    return lt_linear(c, leaf[0], user, NULL);
}

/* A linear layer with float16 weights gives the values that it gives without AMX, and its gradient
 * matches difference quotients. */
START_TEST(linear_layers)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    const bool amx = ctx->amx;
    const int64_t rows = 200, ins = 300, outs = 200;
    lt_tensor *x = check_random(ctx, 31, -1.0f, 1.0f, 2, (int64_t[]){rows, ins});
    lt_tensor *w = check_random(ctx, 32, -0.2f, 0.2f, 2, (int64_t[]){outs, ins});
    lt_tensor *bias = check_random(ctx, 33, -1.0f, 1.0f, 1, &outs);
    lt_tensor *half = lt_cast(ctx, w, LT_F16);
    ck_assert(lt_amx_pays(ctx, rows, outs, ins) && lt_amx_pays(ctx, rows, ins, outs));
    lt_tensor *y = lt_linear(ctx, x, half, bias);
    ctx->amx = false;
    lt_tensor *plain = lt_linear(ctx, x, half, bias);
    ck_assert(y && plain);
    for (int64_t i = 0; i < rows * outs; i++)
        check_close_to("float16", i, check_at(y, i), check_at(plain, i), 2e-6);
    ctx->amx = amx;
    lt_set_requires_grad(ctx, x, true);
    check_grad(ctx, "lt_linear", apply_linear, half, 1, &x, (struct check_grad){.samples = 12});
    check_close(ctx);
}
END_TEST

/* A large float32 product uses AMX without being asked to, but only if A is stored untransposed. */
START_TEST(large_products)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    enum { M = 420, N = 500, K = 500 };
    const bool amx = ctx->amx;
    float *a = random_floats(41, K * K), *b = random_floats(42, N * K), *c[2];
    for (int trans = 0; trans < 4; trans++) {
        for (int plain = 0; plain < 2; plain++) {
            ctx->amx = plain ? false : amx;
            c[plain] = random_floats(43, M * N);
            lt_sgemm(ctx, trans & 1, trans & 2, M, N, K, 1.0f, a, K, b, K, 1.0f, c[plain], N);
        }
        const bool same = memcmp(c[0], c[1], M * N * sizeof(float)) == 0;
        ck_assert_msg(same == (trans & 1), "transposed %d: went the %s way", trans,
                      same ? "usual" : "other");
        for (int i = 0; i < M * N; i++)
            check_close_to("sgemm", i, (double)c[0][i], (double)c[1][i], 2e-5);
    }
    ctx->amx = amx;
    check_close(ctx);
}
END_TEST

/* Small products do not use AMX. */
START_TEST(small_products_stay_away)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    ck_assert(!lt_amx_pays(ctx, 31, 1000, 1000));
    ck_assert(!lt_amx_pays(ctx, 1000, 18, 1000));
    ck_assert(!lt_amx_pays(ctx, 64, 64, 64));
    ck_assert(lt_amx_pays(ctx, 32, 256, 256));
    ck_assert(lt_amx_pays(ctx, 400, 768, 768));
    ctx->amx = false;
    ck_assert(!lt_amx_pays(ctx, 400, 768, 768));
    check_close(ctx);
}
END_TEST

Suite *suite_amx(void)
{
    Suite *s = suite_create("amx");
    TCase *t = tcase_create("product");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, digits_are_the_value, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, odd_shapes_match_plain_loops, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, large_sides, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, errors_and_threads, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, peaks, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, not_finite, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, linear_layers, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, large_products, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, small_products_stay_away, 0, CHECK_AMX_TABLES);
    suite_add_tcase(s, t);
    return s;
}
