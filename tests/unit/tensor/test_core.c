/* Contexts, memory, scopes, tensors, random numbers and the BLAS door. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "unit/suites.h"
#include "tensor/cpu.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/in_use.h"
#include "tensor/kernels/gemm/portable_kernels.h"
#include "tensor/rng.h"
#include "tensor/tensor.h"

static lt_ctx *ctx;

static void set_up(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }

static void tear_down(void)
{
    lt_ctx_destroy(ctx);
    ctx = NULL;
}

START_TEST(status_names)
{
    for (int s = LT_OK; s <= LT_ERR_MISSING; s++)
        ck_assert_str_ne(lt_status_string((lt_status)s), "unknown status");
    ck_assert_str_eq(lt_status_string((lt_status)999), "unknown status");
}
END_TEST

START_TEST(first_failure_stands)
{
    ck_assert_int_eq(lt_fail(ctx, LT_ERR_SHAPE, "first %d", 1), LT_ERR_SHAPE);
    ck_assert_int_eq(lt_fail(ctx, LT_ERR_IO, "second"), LT_ERR_IO);
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_SHAPE);
    ck_assert_str_eq(lt_ctx_message(ctx), "first 1");
    lt_ctx_clear(ctx);
    ck_assert_int_eq(lt_ctx_status(ctx), LT_OK);
    ck_assert_str_eq(lt_ctx_message(ctx), "");
}
END_TEST

START_TEST(threads_are_checked)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 3), LT_OK);
    ck_assert_int_eq(lt_ctx_threads(ctx), 3);
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 0), LT_ERR_ARGUMENT);
    ck_assert_int_eq(lt_ctx_threads(ctx), 3);
}
END_TEST

START_TEST(scopes_release_and_keep)
{
    const lt_memory before = lt_ctx_memory(ctx);
    const lt_scope outer = lt_scope_open(ctx);
    lt_tensor *a = lt_zeros(ctx, 1, (int64_t[]){100});
    const lt_scope inner = lt_scope_open(ctx);
    lt_tensor *b = lt_zeros(ctx, 1, (int64_t[]){200});
    lt_tensor *c = lt_zeros(ctx, 1, (int64_t[]){300});
    lt_tensor *d = lt_zeros(ctx, 1, (int64_t[]){400});
    ck_assert_ptr_nonnull(b);
    lt_scope_close_keep(ctx, inner, (lt_tensor *[]){d, NULL, c}, 3);
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_blocks, before.live_blocks + 3);
    ck_assert_int_eq(lt_dim(c, 0), 300);
    ck_assert_int_eq(lt_dim(d, 0), 400);
    /* Keeping a tensor of an outer scope neither moves nor releases it. */
    const lt_scope again = lt_scope_open(ctx);
    ck_assert_ptr_eq(lt_scope_close(ctx, again, a), a);
    lt_scope_close(ctx, outer, NULL);
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_bytes, before.live_bytes);
}
END_TEST

START_TEST(memory_is_reused_and_peak_reported)
{
    for (int step = 0; step < 4; step++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_zeros(ctx, 2, (int64_t[]){100, 1000});
        lt_zeros(ctx, 2, (int64_t[]){7, 13});
        lt_scope_close(ctx, scope, NULL);
    }
    const lt_memory m = lt_ctx_memory(ctx);
    ck_assert_uint_eq(m.live_bytes, 0);
    ck_assert_uint_ge(m.peak_bytes, 100 * 1000 * 4 + 7 * 13 * 4);
    ck_assert_uint_le(m.peak_bytes, 100 * 1000 * 4 * 2);
#if !defined(__SANITIZE_ADDRESS__)
    ck_assert_uint_eq(m.system_allocations, 2);
#endif
    lt_ctx_trim(ctx);
    ck_assert_uint_eq(lt_ctx_memory(ctx).cached_bytes, 0);
    lt_ctx_reset_peak(ctx);
    ck_assert_uint_eq(lt_ctx_memory(ctx).peak_bytes, 0);
}
END_TEST

START_TEST(impossible_shapes_are_refused)
{
    ck_assert_ptr_null(lt_empty(ctx, LT_F32, 7, (int64_t[]){1, 1, 1, 1, 1, 1, 1}));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_SHAPE);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_zeros(ctx, 2, (int64_t[]){INT64_MAX, 2}));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_SHAPE);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_zeros(ctx, 1, (int64_t[]){-1}));
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_empty(ctx, LT_F32, 1, (int64_t[]){(int64_t)1 << 50}));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_MEMORY);
}
END_TEST

START_TEST(casts_round_trip)
{
    const float values[] = {0.0f, 1.0f, -2.5f, 65504.0f, 3.0f, 255.0f};
    lt_tensor *x = lt_from_copy(ctx, LT_F32, 2, (int64_t[]){2, 3}, values);
    const lt_dtype types[] = {LT_F32, LT_F16, LT_BF16, LT_F64};
    for (size_t i = 0; i < 4; i++) {
        lt_tensor *back = lt_cast(ctx, lt_cast(ctx, x, types[i]), LT_F32);
        for (int j = 0; j < 6; j++)
            if (types[i] != LT_BF16 || values[j] < 1000.0f)
                ck_assert_float_eq(lt_f32(back)[j], values[j]);
    }
    const float odd[] = {1e20f, -1e20f, NAN, 2.5f, 3.5f, -0.4f};
    x = lt_from_copy(ctx, LT_F32, 1, (int64_t[]){6}, odd);
    const int32_t *ids = lt_i32(lt_cast(ctx, x, LT_I32));
    const int32_t expected[] = {INT32_MAX, INT32_MIN, 0, 2, 4, 0};
    ck_assert_mem_eq(ids, expected, sizeof expected);
}
END_TEST

/* float32 has no 16777217, and float64 not the largest int64. */
START_TEST(integers_do_not_pass_through_floats)
{
    lt_tensor *ids = lt_from_copy(ctx, LT_I32, 1, (int64_t[]){2}, (int32_t[]){16777217, -5});
    const lt_tensor *wide = lt_cast(ctx, ids, LT_I64);
    ck_assert_int_eq(((const int64_t *)lt_data(wide))[0], 16777217);
    ck_assert_int_eq(((const int64_t *)lt_data(wide))[1], -5);
    const lt_tensor *real = lt_cast(ctx, ids, LT_F64);
    ck_assert_double_eq(((const double *)lt_data(real))[0], 16777217.0);
    ck_assert_int_eq(lt_i32(lt_cast(ctx, real, LT_I32))[0], 16777217);
    const int64_t ends[] = {INT64_MAX, INT64_MIN, 300};
    const lt_tensor *large = lt_from_copy(ctx, LT_I64, 1, (int64_t[]){3}, ends);
    ck_assert_int_eq(lt_i32(lt_cast(ctx, large, LT_I32))[0], INT32_MAX);
    ck_assert_int_eq(lt_i32(lt_cast(ctx, large, LT_I32))[1], INT32_MIN);
    ck_assert_int_eq(((const unsigned char *)lt_data(lt_cast(ctx, large, LT_U8)))[2], 255);
}
END_TEST

START_TEST(null_reads_as_an_empty_tensor)
{
    char text[16];
    ck_assert_int_eq(lt_ndim(NULL), 0);
    ck_assert_int_eq(lt_dim(NULL, 0), 0);
    ck_assert_int_eq(lt_numel(NULL), 0);
    ck_assert_int_eq(lt_shape(NULL)[0], 0);
    ck_assert_int_eq(lt_strides(NULL)[0], 0);
    ck_assert_ptr_null(lt_data(NULL));
    ck_assert_ptr_null(lt_f32(NULL));
    ck_assert_ptr_null(lt_i32(NULL));
    ck_assert(isnan(lt_item(NULL)));
    ck_assert(!lt_is_contiguous(NULL));
    ck_assert(!lt_same_shape(NULL, NULL));
    ck_assert_str_eq(lt_shape_string(NULL, text, sizeof text), "NULL");
}
END_TEST

START_TEST(views_share_and_stay_inside)
{
    float values[12];
    for (int i = 0; i < 12; i++)
        values[i] = (float)i;
    lt_tensor *x = lt_from_copy(ctx, LT_F32, 2, (int64_t[]){3, 4}, values);
    lt_tensor *t = lt_view(ctx, x, 2, (int64_t[]){4, 3}, (int64_t[]){1, 4}, 0);
    ck_assert(!lt_is_contiguous(t));
    ck_assert_ptr_null(lt_f32(t));
    const float *dense = lt_f32(lt_clone(ctx, t));
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++)
            ck_assert_float_eq(dense[i * 3 + j], (float)(j * 4 + i));
    lt_f32(x)[5] = 50.0f;
    ck_assert_float_eq(lt_f32(lt_clone(ctx, t))[1 * 3 + 1], 50.0f);
    ck_assert_ptr_null(lt_view(ctx, x, 1, (int64_t[]){4}, (int64_t[]){4}, 0));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_SHAPE);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_view(ctx, x, 1, (int64_t[]){2}, (int64_t[]){-1}, 0));
    lt_ctx_clear(ctx);
    /* The products of these sizes and strides are 0 and small in 64 bits. */
    const int64_t large = ((int64_t)1 << 32) + 1;
    ck_assert_ptr_null(lt_view(ctx, x, 1, (int64_t[]){large}, (int64_t[]){(int64_t)1 << 32}, 0));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_SHAPE);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_view(ctx, x, 1, (int64_t[]){1}, (int64_t[]){1}, INT64_MAX));
    lt_ctx_clear(ctx);
    /* Into a strided destination, of another type. */
    const double d[] = {1, 2, 3};
    lt_tensor *src = lt_from_copy(ctx, LT_F64, 1, (int64_t[]){3}, d);
    lt_tensor *col = lt_view(ctx, x, 1, (int64_t[]){3}, (int64_t[]){4}, 2);
    ck_assert_int_eq(lt_copy_into(ctx, col, src), LT_OK);
    ck_assert_float_eq(lt_f32(x)[6], 2.0f);
    ck_assert_float_eq(lt_f32(x)[7], 7.0f);
    ck_assert_int_eq(lt_copy_into(ctx, x, src), LT_ERR_SHAPE);
}
END_TEST

static int released;
static void count_release(void *owner) { released += *(int *)owner; }

START_TEST(borrowed_memory_is_given_back_once)
{
    const float data[4] = {1, 2, 3, 4};
    int one = 1;
    released = 0;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_from_borrow(ctx, LT_F32, 1, (int64_t[]){4}, data, count_release, &one);
    ck_assert_ptr_eq(lt_data(x), data);
    lt_tensor *v = lt_retain(lt_view(ctx, x, 1, (int64_t[]){2}, (int64_t[]){1}, 2));
    lt_scope_close(ctx, scope, NULL);
    ck_assert_int_eq(released, 0);
    ck_assert_float_eq(lt_f32(v)[0], 3.0f);
    lt_release(v);
    ck_assert_int_eq(released, 1);
    ck_assert_ptr_null(lt_from_borrow(ctx, LT_F32, 1, (int64_t[]){2}, (const char *)data + 1,
                                      count_release, &one));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_from_borrow(ctx, LT_F32, 1, (int64_t[]){2}, NULL, NULL, NULL));
    ck_assert_int_eq(released, 1); /* refused memory stays the caller's */
}
END_TEST

START_TEST(tensors_may_outlive_their_context)
{
    lt_ctx *other;
    ck_assert_int_eq(lt_ctx_create(&other), LT_OK);
    lt_tensor *x = lt_retain(lt_full(other, 1, (int64_t[]){3}, 2.0f));
    lt_ctx_destroy(other);
    ck_assert_float_eq(lt_f32(x)[2], 2.0f);
    lt_release(x);
}
END_TEST

START_TEST(finite_check_names_the_place)
{
    lt_tensor *x = lt_zeros(ctx, 1, (int64_t[]){5});
    ck_assert_int_eq(lt_check_finite(ctx, x, "latents"), LT_OK);
    lt_f32(x)[3] = NAN;
    ck_assert_int_eq(lt_check_finite(ctx, x, "latents"), LT_ERR_NUMERIC);
    ck_assert_str_eq(lt_ctx_message(ctx), "latents: element 3 is NaN");
    lt_ctx_clear(ctx);
    lt_f32(x)[3] = 60000;
    lt_tensor *half[] = {lt_cast(ctx, x, LT_F16), lt_cast(ctx, x, LT_BF16)};
    for (int i = 0; i < 2; i++) {
        uint16_t *bits = lt_data(half[i]);
        ck_assert_int_eq(lt_check_finite(ctx, half[i], "w"), LT_OK);
        bits[4] = i ? 0xff80 : 0xfc00;
        ck_assert_int_eq(lt_check_finite(ctx, half[i], "w"), LT_ERR_NUMERIC);
        ck_assert_str_eq(lt_ctx_message(ctx), "w: element 4 is infinite");
        lt_ctx_clear(ctx);
        bits[4]++;
        ck_assert_int_eq(lt_check_finite(ctx, half[i], "w"), LT_ERR_NUMERIC);
        ck_assert_str_eq(lt_ctx_message(ctx), "w: element 4 is NaN");
        lt_ctx_clear(ctx);
    }
}
END_TEST

START_TEST(random_numbers_do_not_depend_on_threads)
{
    float first[10007];
    for (int threads = 1; threads <= 3; threads++) {
        ck_assert_int_eq(lt_ctx_set_threads(ctx, threads), LT_OK);
        lt_tensor *x = lt_zeros(ctx, 1, (int64_t[]){10007});
        lt_rng rng = lt_rng_make(42, 3);
        ck_assert_int_eq(lt_fill_normal(ctx, x, &rng, 0.0f, 1.0f), LT_OK);
        ck_assert_uint_eq(rng.counter, 10007);
        if (threads == 1)
            memcpy(first, lt_f32(x), sizeof first);
        ck_assert_mem_eq(first, lt_f32(x), sizeof first);
    }
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < 10007; i++) {
        sum += (double)first[i];
        square += (double)first[i] * (double)first[i];
    }
    ck_assert_double_lt(fabs(sum / 10007.0), 0.04);
    ck_assert_double_lt(fabs(square / 10007.0 - 1.0), 0.06);
    /* One at a time gives the same stream. */
    lt_rng rng = lt_rng_make(42, 3);
    for (int i = 0; i < 100; i++)
        ck_assert_float_eq(lt_rng_normal(&rng), first[i]);
}
END_TEST

/* Known answer of Philox4x32-10: counter 0 and key 0 begin with 6627e8d5 e169c58d (Random123's
 * kat_vectors). */
START_TEST(philox_known_answer)
{
    lt_rng rng = lt_rng_make(0, 0);
    ck_assert_uint_eq(lt_rng_u64(&rng), 0xe169c58d6627e8d5u);
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_lt(lt_rng_below(&rng, 7), 7);
}
END_TEST

/* A matrix product with the arguments of lt_sgemm(). */
typedef void multiplier(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
                        const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                        float *c, int64_t ldc);

/* Holds one product against the definition in double. */
static void check_product(multiplier *multiply, lt_rng *rng, bool ta, bool tb, int64_t m, int64_t n,
                          int64_t k)
{
    const int64_t lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 3;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *a = lt_zeros(ctx, 2, (int64_t[]){ta ? k : m, lda});
    lt_tensor *b = lt_zeros(ctx, 2, (int64_t[]){tb ? n : k, ldb});
    lt_tensor *c = lt_zeros(ctx, 2, (int64_t[]){m, ldc});
    lt_fill_normal(ctx, a, rng, 0.0f, 1.0f);
    lt_fill_normal(ctx, b, rng, 0.0f, 1.0f);
    lt_fill_normal(ctx, c, rng, 0.0f, 1.0f);
    lt_tensor *before = lt_clone(ctx, c);
    multiply(ta, tb, m, n, k, 0.5f, lt_f32(a), lda, lt_f32(b), ldb, 2.0f, lt_f32(c), ldc);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < ldc; j++) {
            const float old = lt_f32(before)[i * ldc + j];
            double sum = 0.0, size = 0.0;
            for (int64_t l = 0; j < n && l < k; l++) {
                const double p = (double)lt_f32(a)[ta ? l * lda + i : i * lda + l] *
                                 (double)lt_f32(b)[tb ? j * ldb + l : l * ldb + j];
                sum += p;
                size += fabs(p);
            }
            const double expected = j < n ? 0.5 * sum + 2.0 * (double)old : (double)old;
            const double tol = j < n ? 1e-6 * (size + fabs((double)old) + 1.0) : 0.0;
            ck_assert_double_le(fabs((double)lt_f32(c)[i * ldc + j] - expected), tol);
        }
    }
    lt_scope_close(ctx, scope, NULL);
}

/* Every transposition and odd sizes. */
static void check_products(multiplier *multiply)
{
    static const int64_t sizes[] = {1, 3, 17, 33, 130};
    lt_rng rng = lt_rng_make(1, 1);
    for (int mode = 0; mode < 4; mode++)
        for (int s = 0; s < 5; s++)
            check_product(multiply, &rng, mode & 1, mode & 2, sizes[s], sizes[(s + 2) % 5],
                          sizes[(s + 3) % 5]);
}

static void by_context(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
                       const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                       float *c, int64_t ldc)
{
    lt_sgemm(ctx, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

START_TEST(sgemm_matches_definition)
{
    for (int threads = 1; threads <= 3; threads++) {
        lt_ctx_set_threads(ctx, threads);
        check_products(by_context);
    }
}
END_TEST

/* The kernels that stand in for OpenBLAS, for every instruction set of this processor. */
START_TEST(portable_products_match_the_definition)
{
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        const struct {
            lt_isa isa;
        } chosen = {(lt_isa)isa};
        check_products(LT_ISA_SELECT(&chosen, lt_portable_kernels)->gemm);
    }
}
END_TEST

START_TEST(cpu_is_described)
{
    const lt_cpu_info info = lt_cpu_describe(ctx);
    ck_assert_int_ge(info.cores, 1);
    ck_assert_uint_gt(strlen(info.blas), 0);
    ck_assert_uint_gt(strlen(info.kernels), 0);
}
END_TEST

/* A processor with AVX2 must not end up on OpenBLAS's oldest kernels. */
START_TEST(blas_runs_the_right_kernels)
{
#if defined(__x86_64__)
    const lt_cpu_info info = lt_cpu_describe(ctx);
    if (strcmp(info.kernels, "portable") != 0 && !getenv("OPENBLAS_CORETYPE") &&
        __builtin_cpu_supports("avx2"))
        ck_assert_msg(strcmp(info.kernels, "Prescott") != 0, "OpenBLAS runs its %s kernels",
                      info.kernels);
#endif
}
END_TEST

START_TEST(blas_leaves_the_environment_alone)
{
    setenv("OPENBLAS_NUM_THREADS", "7", 1);
    unsetenv("OPENBLAS_CORETYPE");
    lt_cpu_describe(ctx);
    ck_assert_str_eq(getenv("OPENBLAS_NUM_THREADS"), "7");
    ck_assert_ptr_null(getenv("OPENBLAS_CORETYPE"));
}
END_TEST

START_TEST(omp_num_threads_sets_the_default)
{
    static const struct {
        const char *value;
        int threads;
    } wanted[] = {{"1", 1}, {"3", 3}, {"5,2", 5}, {"100000", 256}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        setenv("OMP_NUM_THREADS", wanted[i].value, 1);
        ck_assert_int_eq(lt_cpu_threads(), wanted[i].threads);
    }
    unsetenv("OMP_NUM_THREADS");
    const int threads = lt_cpu_threads();
    ck_assert_int_ge(threads, 1);
    ck_assert_int_le(threads, lt_cpu_cores());
    static const char *const meaningless[] = {"", "0", "-2", "many"};
    for (size_t i = 0; i < sizeof meaningless / sizeof *meaningless; i++) {
        setenv("OMP_NUM_THREADS", meaningless[i], 1);
        ck_assert_int_eq(lt_cpu_threads(), threads);
    }
}
END_TEST

/* Writes a file below a folder, whose own folders are made. */
static void write_below(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* Copies of the system's files, of both versions of cgroups. */
START_TEST(cgroup_quota_is_read)
{
    static const struct {
        const char *membership, *name[2], *text[2];
        int cores;
    } cases[] = {
        {"0::/\n", {"cpu.max"}, {"150000 100000\n"}, 2},
        {"0::/\n", {"cpu.max"}, {"max 100000\n"}, 0},
        {"0::/\n", {"cpu.max"}, {"5000 100000\n"}, 1},
        {"0::/\n", {"cpu.max"}, {"300000 100000\n"}, 3},
        {"0::/a/b\n", {"a/b/cpu.max", "a/cpu.max"}, {"400000 100000\n", "200000 100000\n"}, 2},
        {"0::/a/b\n", {"a/b/cpu.max", "a/cpu.max"}, {"100000 100000\n", "max 100000\n"}, 1},
        {"0::/of/the/host\n", {"cpu.max"}, {"100000 50000\n"}, 2},
        {"5:memory:/m\n4:cpu,cpuacct:/a\n",
         {"cpu,cpuacct/a/cpu.cfs_quota_us", "cpu,cpuacct/a/cpu.cfs_period_us"},
         {"250000\n", "100000\n"},
         3},
        {"4:cpu:/\n", {"cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"}, {"-1\n", "100000\n"}, 0},
        {"no cgroup here\n", {"cpu.max"}, {"100000 100000\n"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[] = "/tmp/lt_quota_XXXXXX", membership[64], command[64];
        ck_assert_ptr_nonnull(mkdtemp(root));
        write_below(root, "membership", cases[i].membership);
        for (int j = 0; j < 2 && cases[i].name[j]; j++)
            write_below(root, cases[i].name[j], cases[i].text[j]);
        snprintf(membership, sizeof membership, "%s/membership", root);
        ck_assert_msg(lt_cpu_quota(membership, root) == cases[i].cores, "case %zu: %d", i,
                      lt_cpu_quota(membership, root));
        snprintf(command, sizeof command, "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
    }
    ck_assert_int_eq(lt_cpu_quota("/nowhere/membership", "/nowhere"), 0);
}
END_TEST

Suite *suite_core(void)
{
    Suite *s = suite_create("core");
    TCase *tc = tcase_create("core");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, status_names);
    tcase_add_test(tc, first_failure_stands);
    tcase_add_test(tc, threads_are_checked);
    tcase_add_test(tc, scopes_release_and_keep);
    tcase_add_test(tc, memory_is_reused_and_peak_reported);
    tcase_add_test(tc, impossible_shapes_are_refused);
    tcase_add_test(tc, casts_round_trip);
    tcase_add_test(tc, integers_do_not_pass_through_floats);
    tcase_add_test(tc, null_reads_as_an_empty_tensor);
    tcase_add_test(tc, views_share_and_stay_inside);
    tcase_add_test(tc, borrowed_memory_is_given_back_once);
    tcase_add_test(tc, tensors_may_outlive_their_context);
    tcase_add_test(tc, finite_check_names_the_place);
    tcase_add_test(tc, random_numbers_do_not_depend_on_threads);
    tcase_add_test(tc, philox_known_answer);
    tcase_add_test(tc, sgemm_matches_definition);
    tcase_add_test(tc, portable_products_match_the_definition);
    tcase_add_test(tc, cpu_is_described);
    tcase_add_test(tc, blas_runs_the_right_kernels);
    tcase_add_test(tc, blas_leaves_the_environment_alone);
    tcase_add_test(tc, omp_num_threads_sets_the_default);
    tcase_add_test(tc, cgroup_quota_is_read);
    suite_add_tcase(s, tc);
    return s;
}
