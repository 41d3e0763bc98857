/* Matrix products by OpenBLAS, by AMX (amx_impl.h), or by portable kernels. */
#include "tensor/kernels/gemm/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels/gemm/amx_impl.h"
#include "tensor/kernels/gemm/blas_buffers_impl.h"
#include "tensor/kernels/gemm/blas_impl.h"
#include "tensor/kernels/gemm/portable_kernels.h"
#include "tensor/tensor_impl.h"
#include "tensor/team.h"

/* The CBLAS interface's constants and signature (netlib cblas.h). */
enum { CBLAS_ROW_MAJOR = 101, CBLAS_NO_TRANS = 111, CBLAS_TRANS = 112 };
typedef void (*cblas_sgemm_fn)(int order, int ta, int tb, int m, int n, int k, float alpha,
                               const float *a, int lda, const float *b, int ldb, float beta,
                               float *c, int ldc);

/* Written once under `once`, read-only afterwards. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
    cblas_sgemm_fn sgemm; /* NULL: OpenBLAS is not used */
    const struct lt_portable_kernels *portable;
    lt_blas_facts facts;
} blas;

/* The kernel set to ask OpenBLAS for, NULL to leave the choice to it. AVX-512 of any maker runs the
 * SkylakeX kernels, AVX2 the Haswell ones. LT_ISA, which limits this library's own loops, does not
 * matter here. */
static const char *wanted_kernels(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

/* dlsym() gives an object pointer; POSIX makes the conversion defined. */
static void load_symbol(void *lib, const char *name, void *function_pointer)
{
    void *p = dlsym(lib, name);
    memcpy(function_pointer, &p, sizeof p);
}

/* An environment variable that is changed for a while. */
typedef struct override {
    const char *name;
    char *before;
    bool set;
} override;

static override override_begin(const char *name, const char *value)
{
    const char *now = getenv(name);
    override o = {.name = name, .before = now ? strdup(now) : NULL};
    o.set = (!now || o.before) && setenv(name, value, 1) == 0;
    return o;
}

static void override_end(override *o)
{
    if (o->set && o->before)
        setenv(o->name, o->before, 1);
    else if (o->set)
        unsetenv(o->name);
    free(o->before);
}

/* OpenBLAS reads its variables in its constructor, that is inside dlopen(). The caller's
 * environment is put back right after. */
static void *open_blas(void)
{
    /* Threads of its own would never be used, and where the address space is limited, OpenBLAS
     * tries for ever to find memory for them. */
    override threads = override_begin("OPENBLAS_NUM_THREADS", "1"), kernels = {0};
    const char *wanted = wanted_kernels();
    if (wanted && !getenv("OPENBLAS_CORETYPE"))
        kernels = override_begin("OPENBLAS_CORETYPE", wanted);
    const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
    void *lib = NULL;
    for (size_t i = 0; i < 2 && !lib; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    override_end(&kernels);
    override_end(&threads);
    return lib;
}

static void load_blas(void)
{
    const struct {
        lt_isa isa;
    } widest = {lt_cpu_isa()};
    blas.portable = LT_ISA_SELECT(&widest, lt_portable_kernels);
    strcpy(blas.facts.config, "portable");
    strcpy(blas.facts.kernels, "portable");
    const char *off = getenv("LT_BLAS");
    if (off && strcmp(off, "portable") == 0)
        return;
    void *lib = open_blas();
    if (!lib || !lt_blas_buffers_reserve(lib))
        return;

    char *(*get_config)(void) = NULL;
    char *(*get_corename)(void) = NULL;
    void (*set_threads)(int) = NULL;
    load_symbol(lib, "cblas_sgemm", &blas.sgemm);
    load_symbol(lib, "openblas_get_config", &get_config);
    load_symbol(lib, "openblas_get_corename", &get_corename);
    load_symbol(lib, "openblas_set_num_threads", &set_threads);
    if (!blas.sgemm)
        return;
    if (set_threads)
        set_threads(1);
    snprintf(blas.facts.config, sizeof blas.facts.config, "%s",
             get_config ? get_config() : "OpenBLAS");
    snprintf(blas.facts.kernels, sizeof blas.facts.kernels, "%s",
             get_corename ? get_corename() : "unknown");
}

const lt_blas_facts *lt_blas(void)
{
    pthread_once(&once, load_blas);
    return &blas.facts;
}

void lt_sgemm_serial(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                     int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    if (m <= 0 || n <= 0)
        return;
    pthread_once(&once, load_blas);
    /* CBLAS takes ints; anything larger than that goes the slow, right way. */
    const int64_t big = INT32_MAX;
    if (!blas.sgemm || k <= 0 || m > big || n > big || k > big || lda > big || ldb > big ||
        ldc > big) {
        blas.portable->gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    /* Leading dimensions of single rows are unused but checked by CBLAS. */
    const int64_t min_a = ta ? m : k, min_b = tb ? k : n;
    lt_blas_buffers_take();
    blas.sgemm(CBLAS_ROW_MAJOR, ta ? CBLAS_TRANS : CBLAS_NO_TRANS,
               tb ? CBLAS_TRANS : CBLAS_NO_TRANS, (int)m, (int)n, (int)k, alpha, a,
               (int)(lda < min_a ? min_a : lda), b, (int)(ldb < min_b ? min_b : ldb), beta, c,
               (int)(ldc < n ? n : ldc));
    lt_blas_buffers_give();
}

/* Products below this many multiply-adds, and over fewer elements, which come from memory, are not
 * worth waking threads for. */
static const double parallel_work = 1e6, parallel_elements = 1e5;

static bool worth_threads(int64_t m, int64_t n, int64_t k)
{
    const double rows = (double)m, columns = (double)n, depth = (double)k;
    return rows * columns * depth >= parallel_work ||
           rows * depth + columns * depth + rows * columns >= parallel_elements;
}

/* A product whose longer side of C is split into chunks. */
struct product {
    bool ta, tb, by_rows;
    int64_t m, n, k, chunk;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
};

static void multiply_chunks(void *arg, lt_range range)
{
    const struct product *p = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t begin = i * p->chunk,
                      count = lt_lesser(p->chunk, (p->by_rows ? p->m : p->n) - begin);
        if (p->by_rows)
            lt_sgemm_serial(p->ta, p->tb, count, p->n, p->k, p->alpha,
                            p->ta ? p->a + begin : p->a + begin * p->lda, p->lda, p->b, p->ldb,
                            p->beta, p->c + begin * p->ldc, p->ldc);
        else
            lt_sgemm_serial(p->ta, p->tb, p->m, count, p->k, p->alpha, p->a, p->lda,
                            p->tb ? p->b + begin * p->ldb : p->b + begin, p->ldb, p->beta,
                            p->c + begin, p->ldc);
    }
}

void lt_sgemm(lt_ctx *ctx, bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha,
              const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
              int64_t ldc)
{
    if (!ta && lt_amx_pays(ctx, m, n, k) &&
        lt_amx_gemm(ctx, m, n, k, alpha, &(lt_amx_source){.data = a, .ld = lda},
                    &(lt_amx_source){.data = b, .ld = ldb, .across = !tb}, beta, c, ldc))
        return;
    const int threads = ctx->threads;
    if (threads == 1 || !worth_threads(m, n, k)) {
        lt_sgemm_serial(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    /* Split the longer side of C in multiples of 16, a kernel's tile. */
    const int64_t total = m >= n ? m : n;
    struct product p = {.ta = ta,
                        .tb = tb,
                        .by_rows = m >= n,
                        .m = m,
                        .n = n,
                        .k = k,
                        .chunk = lt_ceil_quotient(lt_ceil_quotient(total, threads), 16) * 16,
                        .alpha = alpha,
                        .beta = beta,
                        .a = a,
                        .b = b,
                        .c = c,
                        .lda = lda,
                        .ldb = ldb,
                        .ldc = ldc};
    lt_for(ctx, threads, lt_ceil_quotient(total, p.chunk), multiply_chunks, &p);
}
