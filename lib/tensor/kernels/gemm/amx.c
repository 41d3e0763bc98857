/* Matrix products on AMX: operands are packed so that they fit the caches, and threads share out
 * the blocks of C. README.md explains blocks, slices, spans and the two sides. */
#include "tensor/kernels/gemm/amx_impl.h"

#include <omp.h>

enum {
    SIDE = LT_AMX_SIDE,
    SLICE = LT_AMX_STEPS * LT_AMX_DEPTH, /* depth indices packed, and summed as integers, at once */
    KEPT = LT_AMX_PACKED,                /* kept blocks of a bundle at most, */
    PASSING = 48,  /* and passing blocks of a span: together they fit the second-level cache */
    PACKING = 4,   /* packing a kept block takes as long as so many products */
    MIN_SIDE = 32, /* rows, columns and depth from which on AMX pays */
};

/* Multiply-adds from which on AMX pays: it was faster than OpenBLAS for all shapes tried, of which
 * none was smaller. */
static const double least_work = 1e6;

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

bool lt_amx_pays(const lt_ctx *ctx, int64_t m, int64_t n, int64_t k)
{
    return ctx->amx && m >= MIN_SIDE && n >= MIN_SIDE && k >= MIN_SIDE &&
           (double)m * (double)n * (double)k >= least_work;
}

/* One side of the product: the rows of A (`left`) or the columns of op(B), in blocks of 16. */
typedef struct side {
    lt_amx_source source;
    int64_t count, blocks;
    bool left;
} side;

/* All threads pack the passing side first. A bundle of kept blocks is packed by the thread that
 * then multiplies it with a span of the passing side. One bundle with one span is a task; each
 * thread takes the next task when it is free. */
typedef struct plan {
    const struct lt_amx_kernels *kernels;
    side kept, passing;
    int64_t depth;
    int64_t together, bundles; /* kept blocks of a bundle, and bundles */
    int64_t span, spans;       /* passing blocks of a span, and spans */
    int8_t *digits;            /* the passing side: (slices, blocks, steps, digits, tile) */
    float *worth;              /* scales of the passing side: (slices, blocks, 16) */
    float alpha, beta, *c;
    int64_t row, column; /* elements of C from one row of a product to the next, and from one column
                            to the next */
} plan;

static side side_of(const lt_amx_source *source, int64_t count, bool left)
{
    return (side){
        .source = *source, .count = count, .blocks = lt_ceil_quotient(count, SIDE), .left = left};
}

/* Depth indices of a slice; the last one may be shorter. */
static int64_t depth_at(const plan *p, int64_t slice)
{
    return lt_lesser(SLICE, p->depth - slice * SLICE);
}

/* Bytes of a packed block of `depth` indices. */
static int64_t block_bytes(int64_t depth)
{
    return lt_ceil_quotient(depth, LT_AMX_DEPTH) * LT_AMX_STEP;
}

/* Packs one slice of `blocks` blocks of a side. */
static void pack(const plan *p, const side *s, int64_t block, int64_t blocks, int64_t slice,
                 int8_t *digits, float *worth)
{
    const int64_t i = block * SIDE, count = lt_lesser(blocks * SIDE, s->count - i);
    (s->left ? p->kernels->pack_rows : p->kernels->pack_columns)(
        &s->source, i, count, slice * SLICE, depth_at(p, slice), digits, worth);
}

/* `count` packed passing blocks of a slice, from number `first` on. */
static lt_amx_blocks passing_blocks(const plan *p, int64_t slice, int64_t first, int64_t count)
{
    return (lt_amx_blocks){p->digits + slice * p->passing.blocks * block_bytes(SLICE) +
                               first * block_bytes(depth_at(p, slice)),
                           p->worth + (slice * p->passing.blocks + first) * SIDE, count,
                           p->passing.count - first * SIDE};
}

static void pack_passing(const plan *p, int64_t slice, int64_t block)
{
    const lt_amx_blocks to = passing_blocks(p, slice, block, 1);
    pack(p, &p->passing, block, 1, slice, (int8_t *)to.digits, (float *)to.worth);
}

static int64_t tasks_of(const plan *p) { return p->bundles * p->spans; }

/* The memory that packing one slice of a task's bundle will read, to be fetched within `steps`
 * steps. */
static lt_amx_ahead ahead_of(const plan *p, int64_t task, int64_t slice, int64_t steps)
{
    const lt_amx_source *s = &p->kept.source;
    const int64_t first = task / p->spans * p->together;
    if (task >= tasks_of(p))
        return (lt_amx_ahead){0};
    const int64_t size = s->half ? sizeof(uint16_t) : sizeof(float),
                  lines = lt_lesser(p->together * SIDE, p->kept.count - first * SIDE);
    const int64_t depth = depth_at(p, slice), rows = s->across ? depth : lines;
    const int64_t at =
        s->across ? slice * SLICE * s->ld + first * SIDE : first * SIDE * s->ld + slice * SLICE;
    lt_amx_ahead a = {.next = (const char *)s->data + at * size,
                      .left = rows,
                      .bytes = (s->across ? lines : depth) * size,
                      .row = s->ld * size,
                      .rows = rows};
    a.fetches = lt_amx_fetches(&a, steps);
    return a;
}

/* The number of the next task that no thread has taken yet. */
static int64_t take_task(int64_t *taken)
{
    int64_t task;
#pragma omp atomic capture
    task = (*taken)++;
    return task;
}

/* A thread's work space: one packed slice of a bundle with its scales, and the sums of the bundle's
 * products with a span. */
typedef struct work {
    int8_t *digits;
    float *worth, *sums;
} work;

static int64_t work_floats(const plan *p)
{
    return p->together * SIDE + p->together * p->span * LT_AMX_SUMS;
}

/* Computes a task's part of C. `next` is the task that this thread will probably run afterwards;
 * its operand is fetched meanwhile. */
static void run_task(const plan *p, int64_t task, int64_t next, const work *w)
{
    const int64_t slices = lt_ceil_quotient(p->depth, SLICE), first = task / p->spans * p->together,
                  begin = task % p->spans * p->span;
    const int64_t kept = lt_lesser(p->together, p->kept.blocks - first),
                  passing = lt_lesser(p->span, p->passing.blocks - begin);
    const int64_t kept_stride = SIDE * (p->kept.left ? p->row : p->column),
                  passing_stride = SIDE * (p->kept.left ? p->column : p->row);
    for (int64_t slice = 0; slice < slices; slice++) {
        const bool last = slice + 1 == slices;
        pack(p, &p->kept, first, kept, slice, w->digits, w->worth);
        const int64_t steps = lt_ceil_quotient(depth_at(p, slice), LT_AMX_DEPTH),
                      all = kept * passing * steps;
        lt_amx_ahead ahead = ahead_of(p, last ? next : task, last ? 0 : slice + 1, all);
        p->kernels->products(&(lt_amx_walk){
            .steps = steps,
            .kept = {w->digits, w->worth, kept, p->kept.count - first * SIDE},
            .passing = passing_blocks(p, slice, begin, passing),
            .kept_left = p->kept.left,
            .first = slice == 0,
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

/* Chooses bundles and spans so that the last thread is done as early as possible, counting PACKING
 * products for packing a kept block. */
static void choose_bundles(plan *p, int threads)
{
    const int64_t blocks = p->passing.blocks, fewest = lt_ceil_quotient(blocks, PASSING);
    int64_t least = INT64_MAX;
    for (int64_t together = KEPT; together >= 1; together--)
        for (int64_t spans = fewest; spans == fewest || spans <= lt_lesser(threads, blocks);
             spans++) {
            const int64_t bundles = lt_ceil_quotient(p->kept.blocks, together),
                          span = lt_ceil_quotient(blocks, spans);
            const int64_t time =
                lt_ceil_quotient(bundles * lt_ceil_quotient(blocks, span), threads) * together *
                (span + PACKING);
            if (time >= least)
                continue;
            least = time;
            p->together = together;
            p->bundles = bundles;
            p->span = span;
            p->spans = lt_ceil_quotient(blocks, span);
        }
}

bool lt_amx_gemm(lt_ctx *ctx, int64_t m, int64_t n, int64_t k, float alpha, const lt_amx_source *a,
                 const lt_amx_source *b, float beta, float *c, int64_t ldc)
{
    const int threads = ctx->threads;
    const bool rows_pass = n >= m;
    /* Packing vectors along the depth as rows is faster than as columns. So where the kept side
     * would be such columns of B, the transposed product is computed, in which they are rows. */
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
    choose_bundles(&p, threads);
    const int64_t slices = lt_ceil_quotient(k, SLICE),
                  room = p.together * block_bytes(lt_lesser(k, SLICE));

    p.digits = lt_scratch(ctx, (size_t)(slices * p.passing.blocks * block_bytes(SLICE)));
    p.worth = lt_scratch(ctx, sizeof *p.worth * (size_t)(slices * p.passing.blocks * SIDE));
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
            for (int64_t i = 0; i < p.passing.blocks * slices; i++)
                pack_passing(&p, i % slices, i / slices);
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
