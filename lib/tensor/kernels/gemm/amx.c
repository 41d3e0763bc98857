/* Matrix products on AMX: operands packed to fit the caches, blocks of C dealt out to threads. */
#include "tensor/kernels/gemm/amx_impl.h"

#include <omp.h>

enum {
    SIDE = LT_AMX_SIDE,
    SLAB = LT_AMX_STEPS *
           LT_AMX_DEPTH,  /* depth indices that are packed, and summed up in integers, at a time */
    KEPT = LT_AMX_PACKED, /* blocks of the kept side at a time, and */
    PASSING = 48,         /* of the passing side: their slabs and sums fit the second-level cache */
    PACKING = 4,          /* products of blocks in the time that packing a kept one takes */
    MIN_SIDE = 32,
};

const struct lt_amx_kernels *lt_amx_kernels_of(const lt_ctx *ctx)
{
    if (ctx->amx_emulation)
        return ctx->amx_emulation->products;
#if defined(LT_AMX)
    return &lt_amx_kernels_amx;
#else
    return NULL;
#endif
}

/* From so many multiply-adds on it was faster than OpenBLAS in all shapes tried; fewer were not
 * tried. */
static const double least_work = 1e6;

bool lt_amx_pays(const lt_ctx *ctx, int64_t m, int64_t n, int64_t k)
{
    return ctx->amx && m >= MIN_SIDE && n >= MIN_SIDE && k >= MIN_SIDE &&
           (double)m * (double)n * (double)k >= least_work;
}

/* One side of the product: rows of the left operand, or columns of the right one, in blocks of 16.
 */
typedef struct side {
    lt_amx_source source;
    int64_t count, blocks;
    bool left;
} side;

/* The passing side is packed first; each block of the kept side by the thread that multiplies it
 * with the passing side, or with a span of that. A group and a span is a task; threads take one
 * after the other. */
typedef struct plan {
    const struct lt_amx_kernels *kernels;
    side kept, passing;
    int64_t depth;
    int64_t together, groups; /* blocks of the kept side in a group */
    int64_t span, spans;      /* blocks of the passing side that a group meets at a time */
    int8_t *digits;           /* passing side: (slabs, blocks, steps, 3, tile) */
    float *worth;             /* (slabs, blocks, 16) */
    float alpha, beta, *c;
    int64_t row,
        column; /* elements of C from a product's row to the next, and from column to column */
} plan;

static side side_of(const lt_amx_source *source, int64_t count, bool left)
{
    return (side){
        .source = *source, .count = count, .blocks = lt_ceil_quotient(count, SIDE), .left = left};
}

static int64_t depth_at(const plan *p, int64_t slab)
{
    return lt_lesser(SLAB, p->depth - slab * SLAB);
}

/* Bytes of a block's digits of so much depth. */
static int64_t block_bytes(int64_t depth)
{
    return lt_ceil_quotient(depth, LT_AMX_DEPTH) * LT_AMX_STEP;
}

static void pack(const plan *p, const side *s, int64_t block, int64_t blocks, int64_t slab,
                 int8_t *digits, float *worth)
{
    const int64_t i = block * SIDE, count = lt_lesser(blocks * SIDE, s->count - i);
    (s->left ? p->kernels->pack_rows : p->kernels->pack_columns)(&s->source, i, count, slab * SLAB,
                                                                 depth_at(p, slab), digits, worth);
}

/* Blocks from `first` on of a slab of the passing side. */
static lt_amx_blocks passing_blocks(const plan *p, int64_t slab, int64_t first, int64_t count)
{
    return (lt_amx_blocks){p->digits + slab * p->passing.blocks * block_bytes(SLAB) +
                               first * block_bytes(depth_at(p, slab)),
                           p->worth + (slab * p->passing.blocks + first) * SIDE, count,
                           p->passing.count - first * SIDE};
}

static void pack_passing(const plan *p, int64_t slab, int64_t block)
{
    const lt_amx_blocks to = passing_blocks(p, slab, block, 1);
    pack(p, &p->passing, block, 1, slab, (int8_t *)to.digits, (float *)to.worth);
}

static int64_t tasks_of(const plan *p) { return p->groups * p->spans; }

/* What packing a slab of a task's blocks reads, to be fetched in so many steps. */
static lt_amx_ahead ahead_of(const plan *p, int64_t task, int64_t slab, int64_t steps)
{
    const lt_amx_source *s = &p->kept.source;
    const int64_t first = task / p->spans * p->together;
    if (task >= tasks_of(p))
        return (lt_amx_ahead){0};
    const int64_t size = s->half ? sizeof(uint16_t) : sizeof(float),
                  lines = lt_lesser(p->together * SIDE, p->kept.count - first * SIDE);
    const int64_t depth = depth_at(p, slab), rows = s->across ? depth : lines;
    const int64_t at =
        s->across ? slab * SLAB * s->ld + first * SIDE : first * SIDE * s->ld + slab * SLAB;
    lt_amx_ahead a = {.next = (const char *)s->data + at * size,
                      .left = rows,
                      .bytes = (s->across ? lines : depth) * size,
                      .row = s->ld * size,
                      .rows = rows};
    a.lines = lt_amx_lines(&a, steps);
    return a;
}

static int64_t take_task(int64_t *taken)
{
    int64_t task;
#pragma omp atomic capture
    task = (*taken)++;
    return task;
}

/* A thread's work space: a slab of a group's blocks, and the sums of these with a span. */
typedef struct work {
    int8_t *digits;
    float *worth, *sums;
} work;

static int64_t work_floats(const plan *p)
{
    return p->together * SIDE + p->together * p->span * LT_AMX_SUMS;
}

/* What a task makes of C; `next` is likely to be the one after it. */
static void run_task(const plan *p, int64_t task, int64_t next, const work *w)
{
    const int64_t slabs = lt_ceil_quotient(p->depth, SLAB), first = task / p->spans * p->together,
                  begin = task % p->spans * p->span;
    const int64_t kept = lt_lesser(p->together, p->kept.blocks - first),
                  passing = lt_lesser(p->span, p->passing.blocks - begin);
    const int64_t kept_stride = SIDE * (p->kept.left ? p->row : p->column),
                  passing_stride = SIDE * (p->kept.left ? p->column : p->row);
    for (int64_t slab = 0; slab < slabs; slab++) {
        const bool last = slab + 1 == slabs;
        pack(p, &p->kept, first, kept, slab, w->digits, w->worth);
        const int64_t steps = lt_ceil_quotient(depth_at(p, slab), LT_AMX_DEPTH),
                      all = kept * passing * steps;
        lt_amx_ahead ahead = ahead_of(p, last ? next : task, last ? 0 : slab + 1, all);
        p->kernels->products(&(lt_amx_walk){
            .steps = steps,
            .kept = {w->digits, w->worth, kept, p->kept.count - first * SIDE},
            .passing = passing_blocks(p, slab, begin, passing),
            .kept_left = p->kept.left,
            .first = slab == 0,
            .last = last,
            .sums = w->sums,
            .alpha = p->alpha,
            .beta = p->beta,
            .c = p->c + first * kept_stride + begin * passing_stride,
            .row = p->row,
            .column = p->column,
            .ahead = &ahead,
        });
    }
}

/* Groups and spans with which the last thread is done first: a block is packed in the time of
 * PACKING products of blocks. */
static void choose_groups(plan *p, int threads)
{
    const int64_t blocks = p->passing.blocks, fewest = lt_ceil_quotient(blocks, PASSING);
    int64_t least = INT64_MAX;
    for (int64_t together = KEPT; together >= 1; together--)
        for (int64_t spans = fewest; spans == fewest || spans <= lt_lesser(threads, blocks);
             spans++) {
            const int64_t groups = lt_ceil_quotient(p->kept.blocks, together),
                          span = lt_ceil_quotient(blocks, spans);
            const int64_t time =
                lt_ceil_quotient(groups * lt_ceil_quotient(blocks, span), threads) * together *
                (span + PACKING);
            if (time >= least)
                continue;
            least = time;
            p->together = together;
            p->groups = groups;
            p->span = span;
            p->spans = lt_ceil_quotient(blocks, span);
        }
}

bool lt_amx_gemm(lt_ctx *ctx, int64_t m, int64_t n, int64_t k, float alpha, const lt_amx_source *a,
                 const lt_amx_source *b, float beta, float *c, int64_t ldc)
{
    const int threads = ctx->threads;
    const bool rows_pass = n >= m;
    /* Rows are packed in less time than columns that lie along the depth; where those are the kept
     * side, they are made rows. */
    const bool swap = rows_pass && !b->across;
    const side rows = side_of(a, m, !swap), columns = side_of(b, n, swap);
    plan p = {.kernels = lt_amx_kernels_of(ctx),
              .depth = k,
              .kept = rows_pass ? columns : rows,
              .passing = rows_pass ? rows : columns,
              .alpha = alpha,
              .beta = beta,
              .c = c,
              .row = swap ? 1 : ldc,
              .column = swap ? ldc : 1};
    choose_groups(&p, threads);
    const int64_t slabs = lt_ceil_quotient(k, SLAB),
                  room = p.together * block_bytes(lt_lesser(k, SLAB));

    p.digits = lt_scratch(ctx, (size_t)(slabs * p.passing.blocks * block_bytes(SLAB)));
    p.worth = lt_scratch(ctx, sizeof *p.worth * (size_t)(slabs * p.passing.blocks * SIDE));
    int8_t *kept = lt_scratch(ctx, (size_t)(threads * room));
    float *floats = lt_scratch(ctx, sizeof *floats * (size_t)(threads * work_floats(&p)));
    const bool ok = p.digits && p.worth && kept && floats;
    int64_t taken = 0;
    if (ok) {
#pragma omp parallel num_threads(threads)
        {
            const int64_t me = omp_get_thread_num();
            work w = {.digits = kept + me * room, .sums = floats + me * work_floats(&p)};
            w.worth = w.sums + p.together * p.span * LT_AMX_SUMS;
            int64_t task = take_task(&taken);
            lt_amx_ahead first = ahead_of(&p, task, 0, 1);
            lt_amx_fetch(&first);
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < p.passing.blocks * slabs; i++)
                pack_passing(&p, i % slabs, i / slabs);
            p.kernels->begin();
            for (; task < tasks_of(&p); task = take_task(&taken))
                run_task(&p, task, task + threads, &w);
            p.kernels->end();
        }
    }
    lt_scratch_free(ctx, floats);
    lt_scratch_free(ctx, kept);
    lt_scratch_free(ctx, p.worth);
    lt_scratch_free(ctx, p.digits);
    return ok;
}
