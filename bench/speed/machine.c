#define _POSIX_C_SOURCE 200809L /* setenv */
#include "bench/speed/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "bench/speed/child.h"
#include "engine/clock.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/in_use.h"
#include "tensor/team.h"

/* The request and the answer of look_at_machine(), in memory that the forked process shares. */
struct look {
    int threads;
    struct machine m;
};

struct triad {
    float *a, *b, *c;
};

static void triad_fill(void *arg, lt_range range)
{
    const struct triad *t = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        t->a[i] = t->b[i] = t->c[i] = (float)i;
}

static void triad_run(void *arg, lt_range range)
{
    const struct triad *t = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        t->a[i] = t->b[i] + 0.5f * t->c[i];
}

/* Computes a = b + s c over arrays of 64 MiB by all threads of the context; returns bytes read and
 * written a second, the best of seven runs. */
static double triad_rate(lt_ctx *ctx)
{
    const int64_t n = (int64_t)16 << 20;
    const size_t bytes = (size_t)n * sizeof(float);
    struct triad t = {malloc(bytes), malloc(bytes), malloc(bytes)};
    double best = 0.0;
    if (t.a && t.b && t.c) {
        lt_for(ctx, lt_ctx_threads(ctx), n, triad_fill, &t);
        for (int run = 0; run < 7; run++) {
            const double start = ce_seconds();
            lt_for(ctx, lt_ctx_threads(ctx), n, triad_run, &t);
            const double rate = 3.0 * (double)bytes / (ce_seconds() - start);
            best = rate > best ? rate : best;
        }
    }
    free(t.a);
    free(t.b);
    free(t.c);
    return best;
}

/* GFLOP/s of n x n products by the BLAS: the best of those that fit into `seconds`, two at least. 0
 * if memory runs out. */
static double sgemm_rate(int threads, int64_t n, double seconds)
{
    lt_ctx *ctx = NULL;
    double best = 0.0;
    setenv("LT_ISA", "avx512", 1); /* hides the AMX unit, to which lt_sgemm() would go */
    if (lt_ctx_create(&ctx) == LT_OK && lt_ctx_set_threads(ctx, threads) == LT_OK) {
        lt_tensor *a = lt_zeros(ctx, 2, (int64_t[]){n, n}),
                  *b = lt_zeros(ctx, 2, (int64_t[]){n, n}),
                  *c = lt_zeros(ctx, 2, (int64_t[]){n, n});
        const double end = ce_seconds() + seconds;
        for (int run = 0; a && b && c && (run < 2 || ce_seconds() < end); run++) {
            const double start = ce_seconds();
            lt_sgemm(ctx, false, false, n, n, n, 1.0f, lt_f32(a), n, lt_f32(b), n, 0.0f, lt_f32(c),
                     n);
            const double rate = 2e-9 * (double)n * (double)n * (double)n / (ce_seconds() - start);
            best = rate > best ? rate : best;
        }
    }
    lt_ctx_destroy(ctx);
    return best;
}

/* The life of the process that measures; arg is a struct look. */
static int look_at_machine(void *arg)
{
    struct look *look = arg;
    lt_ctx *ctx = NULL;
    lt_status status = lt_ctx_create(&ctx);
    if (status == LT_OK)
        status = lt_ctx_set_threads(ctx, look->threads);
    if (status == LT_OK) {
        const lt_cpu_info info = lt_cpu_describe(ctx);
        snprintf(look->m.cpu, sizeof look->m.cpu, "%s", info.cpu);
        snprintf(look->m.kernels, sizeof look->m.kernels, "%s", info.kernels);
        snprintf(look->m.isa, sizeof look->m.isa, "%s", info.isa);
        snprintf(look->m.blas, sizeof look->m.blas, "%s", info.blas);
        look->m.cores = info.cores;
        look->m.sgemm = sgemm_rate(look->threads, 2048, 1.0);
        look->m.triad = triad_rate(ctx);
    }
    lt_ctx_destroy(ctx);
    return status != LT_OK;
}

bool measure_machine(const struct setup *setup, struct machine *m)
{
    struct usage usage;
    struct look *look = child_share(sizeof *look);
    if (!look)
        return false;
    look->threads = setup->threads;
    FILE *load = fopen("/proc/loadavg", "r");
    if (load) {
        if (fscanf(load, "%lf", &look->m.load) != 1)
            look->m.load = 0.0;
        fclose(load);
    }
    const bool good = child_call(look_at_machine, look, &usage) == 0;
    *m = look->m;
    return good;
}
