/* Matrix products on AMX: operands are packed so that they fit the caches, and threads share out
 * the blocks of C. README.md explains blocks, slices, spans and the two sides. */
#include "tensor/kernels/gemm/amx_impl.h"

#include <stdatomic.h>

#include "tensor/team.h"

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

/* A product that the threads share. */
typedef struct job {
    const plan *p;
    int threads;
    int8_t *digits; /* work spaces, `room` bytes of digits and work_floats() each */
    int64_t room;
    float *floats;
    atomic_llong packed, taken; /* slices of passing blocks, and tasks, that threads have taken */
} job;

static work work_of(const job *j, int worker)
{
    work w = {.digits = j->digits + worker * j->room,
              .sums = j->floats + worker * work_floats(j->p)};
    w.worth = w.sums + j->p->together * j->p->span * LT_AMX_SUMS;
    return w;
}

/* Packs the passing side. The operand of the task that this thread will probably begin with is
 * fetched meanwhile. */
static void pack_all(void *arg, int worker)
{
    job *j = arg;
    const plan *p = j->p;
    const int64_t slices = lt_ceil_quotient(p->depth, SLICE), all = p->passing.blocks * slices;
    lt_amx_ahead first = ahead_of(p, worker, 0, 1);
    lt_amx_fetch(&first);
    int64_t i;
    while ((i = atomic_fetch_add(&j->packed, 1)) < all)
        pack_passing(p, i % slices, i / slices);
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

static void run_tasks(void *arg, int worker)
{
    job *j = arg;
    const work w = work_of(j, worker);
    int64_t task;
    j->p->kernels->begin();
    while ((task = atomic_fetch_add(&j->taken, 1)) < tasks_of(j->p))
        run_task(j->p, task, task + j->threads, &w);
    j->p->kernels->end();
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
    job j = {.p = &p, .threads = threads, .room = room};
    j.digits = lt_scratch(ctx, (size_t)(threads * room));
    j.floats = lt_scratch(ctx, sizeof *j.floats * (size_t)(threads * work_floats(&p)));
    const bool ok = p.digits && p.worth && j.digits && j.floats;
    if (ok) {
        lt_team_run(ctx, threads, pack_all, &j);
        lt_team_run(ctx, threads, run_tasks, &j);
    }
    lt_scratch_free(ctx, j.floats);
    lt_scratch_free(ctx, j.digits);
    lt_scratch_free(ctx, p.worth);
    lt_scratch_free(ctx, p.digits);
    return ok;
}
