/* The gradient of a convolution's weights.
 *
 * dw[o, (c, t)] = sum over positions of small[o] * big[c, tap t]. Vectors run over
 * the small side's channels: it is transposed to one row of channels per position,
 * and eight (channel, tap) rows of the packed big side are multiplied with it. */
#include <omp.h>
#include <string.h>

#include "tensor/kernels/conv/conv_impl.h"
#include "tensor/kernels/conv/conv_plan_impl.h"

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

/* The number of vectors of a group, and in *first its first vector. Vectors are dealt out evenly.
 */
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

/* Few weights: each thread has sums of all weights to itself and adds up its tiles. */
static void sum_by_tiles(const weight_plan *p, float *packed, float *rows, int64_t row_floats,
                         float *sums, int64_t sum_floats)
{
#pragma omp parallel num_threads(p->ctx->threads)
    {
        float *my_packed = packed + omp_get_thread_num() * p->v.tile_floats;
        float *my_rows = rows + omp_get_thread_num() * row_floats;
        float *my_sums = sums + omp_get_thread_num() * sum_floats;
        memset(my_sums, 0, (size_t)sum_floats * sizeof *sums);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < p->v.tiles; i++) {
            const lt_conv_tile tile = lt_conv_view_tile(&p->v, i);
            pack_chunk(p, &tile, 0, my_packed);
            for (int64_t g = 0; g < p->groups; g++) {
                transpose_group(p, &tile, g, my_rows);
                accumulate(p, &tile, p->s->c, g, my_packed, my_rows, my_sums + group_start(p, g));
            }
        }
    }
}

/* Many weights: the threads share out the chunks, and each adds up all positions for its chunks.
 * The small side is transposed once a sample, by all threads. */
static void sum_by_chunks(const weight_plan *p, float *packed, float *rows, float *sums,
                          int64_t sum_floats)
{
    const int64_t lanes = p->k->lanes, per_sample = p->v.down * p->v.across;
    const int64_t all = lt_ceil_quotient(p->s->o, lanes) * lanes;
    const int64_t work = per_sample * p->groups;
#pragma omp parallel num_threads(p->ctx->threads)
    {
        float *my_packed = packed + omp_get_thread_num() * p->v.tile_floats;
        for (int64_t n = 0; n < p->s->n; n++) {
            /* rows: tile after tile, in a tile group after group, in a group (positions, width) */
#pragma omp for schedule(static)
            for (int64_t i = 0; i < work; i++) {
                const lt_conv_tile tile = lt_conv_view_tile(&p->v, n * per_sample + i / p->groups);
                int64_t first;
                group_vectors(p, i % p->groups, &first);
                const int64_t before = tile.y0 * p->s->ow + tile.x0 * tile.rows;
                transpose_group(p, &tile, i % p->groups,
                                rows + before * all + first * lanes * tile.rows * tile.cols);
            }
#pragma omp for schedule(static)
            for (int64_t chunk = 0; chunk < p->chunks; chunk++) {
                float *my_sums = sums + chunk * sum_floats;
                if (n == 0)
                    memset(my_sums, 0, (size_t)sum_floats * sizeof *sums);
                for (int64_t i = 0; i < per_sample; i++) {
                    const lt_conv_tile tile = lt_conv_view_tile(&p->v, n * per_sample + i);
                    const int64_t before = tile.y0 * p->s->ow + tile.x0 * tile.rows;
                    pack_chunk(p, &tile, chunk, my_packed);
                    for (int64_t g = 0; g < p->groups; g++) {
                        int64_t first;
                        group_vectors(p, g, &first);
                        accumulate(p, &tile, chunk_channels(p, chunk), g, my_packed,
                                   rows + before * all + first * lanes * tile.rows * tile.cols,
                                   my_sums + group_start(p, g));
                    }
                }
            }
        }
    }
}

/* Writes dw: the `parts` sums of each chunk are added in their order, so that results repeat. */
static void write_weights(const weight_plan *p, const float *sums, int64_t sum_floats,
                          int64_t parts, float *dw)
{
    const lt_conv_shape *s = p->s;
    const int64_t taps = p->v.taps, lanes = p->k->lanes;
#pragma omp parallel for num_threads(p->ctx->threads) schedule(static)
    for (int64_t o = 0; o < s->o; o++) {
        int64_t group = p->groups - 1, first = 0;
        int vectors = group_vectors(p, group, &first);
        while (first * lanes > o)
            vectors = group_vectors(p, --group, &first);
        const int64_t width = vectors * lanes;
        const float *from = sums + group_start(p, group) + (o - first * lanes);
        for (int64_t c = 0; c < s->c; c++) {
            const float *at = from + c / p->v.c * parts * sum_floats + c % p->v.c * taps * width;
            float *to = dw + o * s->w_small + c * s->w_big;
            for (int64_t t = 0; t < taps; t++) {
                float sum = at[t * width];
                for (int64_t i = 1; i < parts; i++)
                    sum += at[t * width + i * sum_floats];
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
    float *packed = NULL, *rows = NULL, *sums = NULL;
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

    const int64_t parts = by_tiles ? ctx->threads : 1;
    const int64_t sum_floats = p.depth * all;
    const int64_t row_floats = by_tiles ? p.area * LT_CONV_MAX_GROUP : s->oh * s->ow * all;
    packed = lt_scratch(ctx, (size_t)(ctx->threads * p.v.tile_floats) * sizeof *packed);
    rows = lt_scratch(ctx, (size_t)(parts * row_floats) * sizeof *rows);
    sums = lt_scratch(ctx, (size_t)(p.chunks * parts * sum_floats) * sizeof *sums);
    if (!packed || !rows || !sums)
        goto done;
    if (by_tiles)
        sum_by_tiles(&p, packed, rows, row_floats, sums, sum_floats);
    else
        sum_by_chunks(&p, packed, rows, sums, sum_floats);
    write_weights(&p, sums, sum_floats, parts, dw);
    status = LT_OK;

done:
    lt_scratch_free(ctx, sums);
    lt_scratch_free(ctx, rows);
    lt_scratch_free(ctx, packed);
    lt_scratch_free(ctx, table);
    return status;
}
