/* Matrix products on AMX: operands packed to fit the caches, blocks of C dealt out to threads. */
#define _GNU_SOURCE /* syscall */
#include "tensor/amx_impl.h"

#include <omp.h>
#include <stdlib.h>

#if defined(LT_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(LT_AMX)
/* The system hands out the unit's registers to processes that ask (Linux 5.16, arch_prctl(2)). */
static bool allowed(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static bool present(void)
{
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_BF16) && (d & AMX_TILE) && (d & AMX_INT8);
}
#endif

const struct lt_amx_kernels *lt_amx_detect(lt_isa isa)
{
#if defined(LT_AMX)
    const char *mask = getenv("LT_ISA");
    if (isa == LT_ISA_AVX512 && !mask && present() && allowed())
        return &lt_amx_kernels_amx;
#endif
    (void)isa;
    return NULL;
}

enum {
    BLOCK = LT_AMX_BLOCK,
    DEPTH = 768,    /* depth of a product, to which the kept side is packed at a time */
    KEPT = 6,       /* blocks of the kept side at a time: they and a passing one fit the second-level cache */
    PACKING = 3,    /* products of blocks in the time that packing a kept one takes */
    MIN_SIDE = 32,
};

/* Below this many multiply-adds packing is not worth its while, measured on Sapphire Rapids. */
static const double least_work = 2e7, least_work_half = 4e6;

bool lt_amx_pays(const lt_ctx *ctx, bool half, int64_t m, int64_t n, int64_t k)
{
    return ctx->amx && m >= MIN_SIDE && n >= MIN_SIDE && k >= MIN_SIDE &&
           (double)m * (double)n * (double)k >= (half ? least_work_half : least_work);
}

/* One side of the product: rows of the left operand, or columns of the right one. */
typedef struct side {
    lt_amx_source source;
    int64_t count, blocks;
    int parts;
    bool left;
} side;

/* The passing side is packed first; each block of the kept side by the thread that multiplies it with the passing side, or
 * with a span of that where there are more threads than groups. */
typedef struct plan {
    const struct lt_amx_kernels *kernels;
    side kept, passing;
    int64_t depth;
    int64_t together, groups; /* blocks of the kept side in a group */
    int64_t span, spans;      /* blocks of the passing side that a group meets at a time */
    uint16_t *packed;         /* passing side: (blocks, steps, parts) */
    bool rows_pass, transposed;
    float alpha, beta, *c;
    int64_t ldc;
} plan;

static side side_of(const lt_amx_source *source, int64_t count, bool left)
{
    return (side){.source = *source, .count = count, .blocks = lt_ceil_quotient(count, BLOCK), .parts = source->half ? 2 : 3, .left = left};
}

static lt_amx_operand operand(const side *s, int64_t block, const uint16_t *packed)
{
    return (lt_amx_operand){packed, s->parts, s->count - block * BLOCK > BLOCK / 2};
}

static void pack(const plan *p, const side *s, int64_t block, int64_t k, int64_t depth, uint16_t *to)
{
    const int64_t i = block * BLOCK, count = lt_lesser(BLOCK, s->count - i);
    (s->left ? p->kernels->pack_rows : p->kernels->pack_columns)(&s->source, i, count, k, depth, to);
}

/* Elements of `depth` packed depth indices of a block. */
static int64_t room(const side *s, int64_t depth) { return lt_ceil_quotient(depth, BLOCK) * s->parts * LT_AMX_PART; }

/* A thread's work space: the kept side's packed blocks, sums of blocks, and those sums that are still to be stored. */
typedef struct work {
    uint16_t *packed;
    float *sums;
    lt_amx_store before; /* sums: NULL where there are none */
} work;

static const lt_amx_store *pending(const work *w) { return w->before.sums ? &w->before : NULL; }

/* A group's packed blocks times passing block `block`, between depth indices k and k + depth: sums, of a block each, which
 * are stored with the product after the one that has the last of the depth. */
static void multiply(const plan *p, int64_t first, int64_t kept, int64_t block, int64_t k, int64_t depth, work *w, float *sums)
{
    const int64_t steps = lt_ceil_quotient(depth, BLOCK);
    const lt_amx_operand y = operand(&p->passing, block, p->packed + block * room(&p->passing, p->depth) + room(&p->passing, k));
    const side *down = p->rows_pass ? &p->passing : &p->kept, *across = p->rows_pass ? &p->kept : &p->passing;
    for (int64_t i = 0; i < kept; i++, sums += LT_AMX_SUMS) {
        const lt_amx_operand x = operand(&p->kept, first + i, w->packed + i * room(&p->kept, DEPTH));
        const int64_t row = BLOCK * (p->rows_pass ? block : first + i), column = BLOCK * (p->rows_pass ? first + i : block);
        p->kernels->product(steps, p->kept.left ? &x : &y, p->kept.left ? &y : &x, k > 0, sums, pending(w));
        w->before.sums = NULL;
        if (k + depth == p->depth)
            w->before = (lt_amx_store){.sums = sums, .rows = lt_lesser(BLOCK, down->count - row),
                                       .columns = lt_lesser(BLOCK, across->count - column), .transposed = p->transposed,
                                       .alpha = p->alpha, .beta = p->beta, .c = p->c + row * p->ldc + column, .ldc = p->ldc};
    }
}

/* What `kept` blocks from `first` on make of C with `count` blocks of the passing side from `begin` on. Sums take turns where
 * they go at once, so that none is overwritten before it is stored. */
static void run_group(const plan *p, int64_t first, int64_t kept, int64_t begin, int64_t count, work *w)
{
    for (int64_t k = 0; k < p->depth; k += DEPTH) {
        const int64_t depth = lt_lesser(DEPTH, p->depth - k);
        for (int64_t i = 0; i < kept; i++) pack(p, &p->kept, first + i, k, depth, w->packed + i * room(&p->kept, DEPTH));
        for (int64_t j = 0; j < count; j++)
            multiply(p, first, kept, begin + j, k, depth, w, w->sums + (p->depth > DEPTH ? j : j % 2) * p->together * LT_AMX_SUMS);
    }
    if (pending(w)) p->kernels->store(pending(w));
    w->before.sums = NULL;
}

/* Groups and spans with which the last thread is done first: a block is packed in the time of PACKING products of blocks. */
static void choose_groups(plan *p, int threads)
{
    int64_t least = INT64_MAX;
    for (int64_t together = KEPT; together >= 1; together--)
        for (int64_t spans = 1; spans <= lt_lesser(threads, p->passing.blocks); spans++) {
            const int64_t groups = lt_ceil_quotient(p->kept.blocks, together), span = lt_ceil_quotient(p->passing.blocks, spans);
            const int64_t time = lt_ceil_quotient(groups * lt_ceil_quotient(p->passing.blocks, span), threads) * together * (span + PACKING);
            if (time >= least) continue;
            least = time;
            p->together = together;
            p->groups = groups;
            p->span = span;
            p->spans = lt_ceil_quotient(p->passing.blocks, span);
        }
}

/* The passing side, between the depth indices of slab `slab`. */
static void pack_passing(const plan *p, int64_t block, int64_t slab)
{
    const int64_t k = slab * DEPTH;
    pack(p, &p->passing, block, k, lt_lesser(DEPTH, p->depth - k), p->packed + block * room(&p->passing, p->depth) + room(&p->passing, k));
}

bool lt_amx_gemm(lt_ctx *ctx, int64_t m, int64_t n, int64_t k, float alpha, const lt_amx_source *a, const lt_amx_source *b,
                 float beta, float *c, int64_t ldc)
{
    const int threads = ctx->threads;
    plan p = {.kernels = ctx->amx, .depth = k, .rows_pass = n >= m,
              .alpha = alpha, .beta = beta, .c = c, .ldc = ldc};
    /* Both operands may lie along the depth; then the passing side goes the longer way to its tiles. */
    const bool swap = p.rows_pass && !b->across;
    const side rows = side_of(a, m, !swap), columns = side_of(b, n, swap);
    p.kept = p.rows_pass ? columns : rows;
    p.passing = p.rows_pass ? rows : columns;
    p.transposed = swap;
    choose_groups(&p, threads);
    const int64_t slabs = lt_ceil_quotient(k, DEPTH);
    const int64_t work_room = p.together * room(&p.kept, DEPTH);
    const int64_t sum_room = p.together * LT_AMX_SUMS * (slabs > 1 ? p.span : 2);

    p.packed = lt_scratch(ctx, sizeof *p.packed * (size_t)(p.passing.blocks * room(&p.passing, k)));
    uint16_t *kept = lt_scratch(ctx, sizeof *kept * (size_t)(threads * work_room));
    float *sums = lt_scratch(ctx, sizeof *sums * (size_t)(threads * sum_room));
    const bool ok = p.packed && kept && sums;
    if (ok) {
#pragma omp parallel num_threads(threads)
        {
            const int64_t me = omp_get_thread_num();
            work w = {.packed = kept + me * work_room, .sums = sums + me * sum_room};
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < p.passing.blocks * slabs; i++) pack_passing(&p, i / slabs, i % slabs);
            p.kernels->begin();
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < p.groups * p.spans; i++) {
                const int64_t first = i / p.spans * p.together, begin = i % p.spans * p.span;
                run_group(&p, first, lt_lesser(p.together, p.kept.blocks - first), begin, lt_lesser(p.span, p.passing.blocks - begin), &w);
            }
            p.kernels->end();
        }
    }
    lt_scratch_free(ctx, sums);
    lt_scratch_free(ctx, kept);
    lt_scratch_free(ctx, p.packed);
    return ok;
}
