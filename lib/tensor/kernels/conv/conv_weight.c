/* The gradient of a convolution's weights.
 *
 * dw[o, (c, t)] = sum over positions of small[o] * big[c, tap t]. Vectors run over
 * the small side's channels: it is transposed to one row of channels per position,
 * and eight (channel, tap) rows of the packed big side are multiplied with it. */
#include <string.h>

#include "tensor/kernels/conv/conv_impl.h"
#include "tensor/kernels/conv/conv_plan_impl.h"
#include "tensor/team.h"

#define BIG_BUDGET    (64 * 1024)  /* floats of a packed tile of the big side */
#define PRIVATE_LIMIT (192 * 1024) /* floats of sums that each thread may own */

typedef struct weight_plan {
    lt_ctx *ctx;
    const struct lt_conv_kernels *k;
    const lt_conv_shape *s;
    lt_conv_view v; /* its c is the number of channels packed together */
    const float *big, *big_scale, *small, *small_scale;
    int64_t chunks;  /* parts into which the big side's channels are cut */
    int64_t groups;  /* parts of up to three vectors into which the small side's channels are cut */
    int64_t depth;   /* rows of a chunk's sums: channels times taps, rounded up to panels */
    int32_t *offset; /* (depth) where each row starts in a packed tile */
    int64_t area;    /* positions of a tile */
} weight_plan;

/* The number of vectors of a group, and in *first its first vector. Vectors are dealt out
 * evenly. */
static int group_vectors(const weight_plan *p, int64_t group, int64_t *first)
{
    const int64_t all = lt_ceil_quotient(p->s->o, p->k->lanes);
    *first = all * group / p->groups;
    return (int)(all * (group + 1) / p->groups - *first);
}

/* Transposes a group's channels at the positions of a tile: dst (positions, vectors * lanes), zero
 * past the last channel. */
static void transpose_group(const weight_plan *p, const lt_conv_tile *tile, int64_t group,
                            float *dst)
{
    const lt_conv_shape *s = p->s;
    int64_t first;
    const int vectors = group_vectors(p, group, &first);
    const int64_t width = vectors * p->k->lanes, o = first * p->k->lanes;
    const int64_t count = lt_lesser(width, s->o - o);
    const int64_t grid = s->oh * s->ow;
    const float *src = p->small + (tile->n * s->o + o) * grid;
    const float *scale = p->small_scale ? p->small_scale + tile->n * s->o + o : NULL;
    for (int64_t r = 0; r < tile->rows; r++)
        p->k->transpose(count, tile->cols, src + (tile->y0 + r) * s->ow + tile->x0, grid, scale,
                        dst + r * tile->cols * width, width);
    if (count < width)
        for (int64_t i = 0; i < tile->rows * tile->cols; i++)
            for (int64_t j = count; j < width; j++)
                dst[i * width + j] = 0.0f;
}

/* Adds the products of a chunk and a group at the positions of a tile to sums (depth, width). */
static void accumulate(const weight_plan *p, const lt_conv_tile *tile, int64_t channels,
                       int64_t group, const float *packed, const float *rows, float *sums)
{
    int64_t first;
    const int vectors = group_vectors(p, group, &first);
    const int64_t width = vectors * p->k->lanes;
    const int64_t depth = channels * p->v.taps;
    for (int64_t i = 0; i < depth; i += p->k->panel)
        p->k->outer(tile->rows, tile->cols, p->v.pitch, packed, p->offset + i, rows, vectors,
                    sums + i * width);
}

/* Where a group starts among the sums, which are (groups)(depth, width). */
static int64_t group_start(const weight_plan *p, int64_t group)
{
    int64_t first;
    group_vectors(p, group, &first);
    return first * p->k->lanes * p->depth;
}

static int64_t chunk_channels(const weight_plan *p, int64_t chunk)
{
    return lt_lesser(p->v.c, p->s->c - chunk * p->v.c);
}

static void pack_chunk(const weight_plan *p, const lt_conv_tile *tile, int64_t chunk, float *dst)
{
    lt_conv_view whole = p->v;
    whole.c = p->s->c;
    const int64_t base = chunk * p->v.c;
    lt_conv_pack(&whole, p->k, p->big, p->big_scale, tile, base, base,
                 base + chunk_channels(p, chunk), dst);
}

/* What the threads work on. `packed` has room for a tile of each thread. */
typedef struct sum_job {
    const weight_plan *p;
    int64_t parts;  /* sums of each chunk */
    int64_t sample; /* of sum_by_chunks() */
    float *packed, *rows, *sums, *dw;
    int64_t row_floats, sum_floats;
} sum_job;

/* Sums up the tiles of each part in the range. */
static void sum_parts(void *arg, lt_range range)
{
    const sum_job *j = arg;
    const weight_plan *p = j->p;
    float *packed = j->packed + range.worker * p->v.tile_floats;
    float *rows = j->rows + range.worker * j->row_floats;
    const int64_t each = p->v.tiles / j->parts, larger = p->v.tiles % j->parts;
    for (int64_t part = range.begin; part < range.end; part++) {
        const int64_t first = part * each + lt_lesser(part, larger),
                      end = first + each + (part < larger);
        float *sums = j->sums + part * j->sum_floats;
        memset(sums, 0, (size_t)j->sum_floats * sizeof *sums);
        for (int64_t i = first; i < end; i++) {
            const lt_conv_tile tile = lt_conv_view_tile(&p->v, i);
            pack_chunk(p, &tile, 0, packed);
            for (int64_t g = 0; g < p->groups; g++) {
                transpose_group(p, &tile, g, rows);
                accumulate(p, &tile, p->s->c, g, packed, rows, sums + group_start(p, g));
            }
        }
    }
}

/* Few weights: the tiles are divided into as many parts as there are threads, and each part has
 * sums of all weights. The parts are fixed, whichever thread does them, so that results repeat. */
static void sum_by_tiles(sum_job *j)
{
    lt_for(j->p->ctx, j->p->ctx->threads, j->parts, sum_parts, j);
}

/* Where the transposed positions of a group at a tile lie among the rows of a sample: tile after
 * tile, in a tile group after group, in a group (positions, width). */
static float *rows_at(const sum_job *j, const lt_conv_tile *tile, int64_t group)
{
    const weight_plan *p = j->p;
    const int64_t lanes = p->k->lanes, all = lt_ceil_quotient(p->s->o, lanes) * lanes;
    const int64_t before = tile->y0 * p->s->ow + tile->x0 * tile->rows;
    int64_t first;
    group_vectors(p, group, &first);
    return j->rows + before * all + first * lanes * tile->rows * tile->cols;
}

static int64_t tiles_of_sample(const weight_plan *p) { return p->v.down * p->v.across; }

/* Items are the groups of one tile after the other. */
static void transpose_items(void *arg, lt_range range)
{
    const sum_job *j = arg;
    const weight_plan *p = j->p;
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_conv_tile tile =
            lt_conv_view_tile(&p->v, j->sample * tiles_of_sample(p) + i / p->groups);
        transpose_group(p, &tile, i % p->groups, rows_at(j, &tile, i % p->groups));
    }
}

static void sum_chunks(void *arg, lt_range range)
{
    const sum_job *j = arg;
    const weight_plan *p = j->p;
    const int64_t tiles = tiles_of_sample(p);
    float *packed = j->packed + range.worker * p->v.tile_floats;
    for (int64_t chunk = range.begin; chunk < range.end; chunk++) {
        float *sums = j->sums + chunk * j->sum_floats;
        if (j->sample == 0)
            memset(sums, 0, (size_t)j->sum_floats * sizeof *sums);
        for (int64_t i = 0; i < tiles; i++) {
            const lt_conv_tile tile = lt_conv_view_tile(&p->v, j->sample * tiles + i);
            pack_chunk(p, &tile, chunk, packed);
            for (int64_t g = 0; g < p->groups; g++)
                accumulate(p, &tile, chunk_channels(p, chunk), g, packed, rows_at(j, &tile, g),
                           sums + group_start(p, g));
        }
    }
}

/* Many weights: the threads share out the chunks, and each adds up all positions for its chunks.
 * The small side is transposed once a sample, by all threads. */
static void sum_by_chunks(sum_job *j)
{
    lt_ctx *ctx = j->p->ctx;
    for (j->sample = 0; j->sample < j->p->s->n; j->sample++) {
        lt_for(ctx, ctx->threads, tiles_of_sample(j->p) * j->p->groups, transpose_items, j);
        lt_for(ctx, ctx->threads, j->p->chunks, sum_chunks, j);
    }
}

/* Writes dw: the `parts` sums of each chunk are added in their order, so that results repeat. */
static void write_weights(void *arg, lt_range range)
{
    const sum_job *j = arg;
    const weight_plan *p = j->p;
    const lt_conv_shape *s = p->s;
    const int64_t taps = p->v.taps, lanes = p->k->lanes, parts = j->parts;
    for (int64_t o = range.begin; o < range.end; o++) {
        int64_t group = p->groups - 1, first = 0;
        int vectors = group_vectors(p, group, &first);
        while (first * lanes > o)
            vectors = group_vectors(p, --group, &first);
        const int64_t width = vectors * lanes;
        const float *from = j->sums + group_start(p, group) + (o - first * lanes);
        for (int64_t c = 0; c < s->c; c++) {
            const float *at = from + c / p->v.c * parts * j->sum_floats + c % p->v.c * taps * width;
            float *to = j->dw + o * s->w_small + c * s->w_big;
            for (int64_t t = 0; t < taps; t++) {
                float sum = at[t * width];
                for (int64_t i = 1; i < parts; i++)
                    sum += at[t * width + i * j->sum_floats];
                to[t] = sum;
            }
        }
    }
}

lt_status lt_conv_weight_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *big,
                              const float *big_scale, const float *small, const float *small_scale,
                              float *dw)
{
    const int64_t taps = s->kh * s->kw;
    if (s->o == 0 || s->c == 0)
        return LT_OK;
    if (s->n == 0) {
        memset(dw, 0, (size_t)(s->o * s->c * taps) * sizeof *dw);
        return LT_OK;
    }
    weight_plan p = {.ctx = ctx,
                     .k = LT_ISA_SELECT(ctx, lt_conv_kernels),
                     .s = s,
                     .big = big,
                     .big_scale = big_scale,
                     .small = small,
                     .small_scale = small_scale};
    const int64_t m = p.k->panel, lanes = p.k->lanes;
    const int64_t all = lt_ceil_quotient(s->o, lanes) * lanes;
    lt_status status = LT_ERR_MEMORY;
    sum_job j = {.p = &p, .dw = dw};
    int32_t *table = lt_scratch(ctx, (size_t)(6 * taps + s->c * taps + m) * sizeof *table);
    if (!table)
        goto done;

    /* The view has only as many channels as are packed together. */
    int32_t *dy = table, *dx = dy + taps;
    for (int64_t i = 0; i < taps; i++) {
        dy[i] = (int32_t)(i / s->kw - s->pad);
        dx[i] = (int32_t)(i % s->kw - s->pad);
    }
    const bool by_tiles = s->c * taps * all <= PRIVATE_LIMIT;
    p.chunks = 1;
    if (!by_tiles) {
        p.chunks = lt_greater(lt_ceil_quotient(s->c * taps * all, PRIVATE_LIMIT), ctx->threads);
        p.chunks = lt_ceil_quotient(p.chunks, ctx->threads) * ctx->threads;
        p.chunks = lt_lesser(p.chunks, s->c);
    }
    const int64_t channels = lt_ceil_quotient(s->c, p.chunks);
    p.chunks = lt_ceil_quotient(s->c, channels);
    p.v = (lt_conv_view){.n = s->n,
                         .c = channels,
                         .h = s->h,
                         .w = s->w,
                         .step = s->stride,
                         .qh = s->oh,
                         .qw = s->ow,
                         .taps = taps,
                         .dy = dy,
                         .dx = dx,
                         .phase = dx + taps,
                         .py = dx + 2 * taps,
                         .px = dx + 3 * taps};
    lt_conv_view_taps(&p.v);
    lt_conv_view_tiles(&p.v, BIG_BUDGET, false, p.k->lanes);
    if (p.v.tile_floats > INT32_MAX) {
        status = lt_fail(ctx, LT_ERR_UNSUPPORTED, "conv: %lld input channels are too many",
                         (long long)s->c);
        goto done;
    }
    p.area = p.v.rows * p.v.cols;
    p.groups = lt_ceil_quotient(all / lanes, LT_CONV_VECTORS);
    p.depth = lt_ceil_quotient(channels * taps, m) * m;
    p.offset = dx + 4 * taps;
    for (int64_t i = 0; i < p.depth; i++) {
        const int64_t at = lt_lesser(i, channels * taps - 1);
        p.offset[i] = (int32_t)lt_conv_view_offset(&p.v, at / taps, at % taps);
    }

    j.parts = by_tiles ? ctx->threads : 1;
    j.sum_floats = p.depth * all;
    j.row_floats = by_tiles ? p.area * LT_CONV_MAX_GROUP : s->oh * s->ow * all;
    j.packed = lt_scratch(ctx, (size_t)(ctx->threads * p.v.tile_floats) * sizeof *j.packed);
    j.rows = lt_scratch(ctx, (size_t)(j.parts * j.row_floats) * sizeof *j.rows);
    j.sums = lt_scratch(ctx, (size_t)(p.chunks * j.parts * j.sum_floats) * sizeof *j.sums);
    if (!j.packed || !j.rows || !j.sums)
        goto done;
    if (by_tiles)
        sum_by_tiles(&j);
    else
        sum_by_chunks(&j);
    lt_for(ctx, ctx->threads, s->o, write_weights, &j);
    status = LT_OK;

done:
    lt_scratch_free(ctx, j.sums);
    lt_scratch_free(ctx, j.rows);
    lt_scratch_free(ctx, j.packed);
    lt_scratch_free(ctx, table);
    return status;
}
