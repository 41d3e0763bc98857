/* Projective warps of whole images, with bilinear sampling. */
#include "tensor/kernels/resample/warp_impl.h"

#include "tensor/team.h"

enum { ROWS = LT_WARP_ROWS, COLS = LT_WARP_COLS, PLANES = LT_WARP_PLANES };

static int64_t tiles_of(const lt_warp_map *m)
{
    return ((m->h + ROWS - 1) / ROWS) * ((m->w + COLS - 1) / COLS);
}

/* Sets the rows and columns of tile number `index` of the image. */
static void place_tile(const lt_warp_map *m, int64_t index, lt_warp_tile *t)
{
    const int64_t across = (m->w + COLS - 1) / COLS, y = index / across * ROWS,
                  x = index % across * COLS;
    t->rows = lt_lesser(ROWS, m->h - y);
    t->cols = lt_lesser(COLS, m->w - x);
    for (int64_t i = 0; i < t->rows; i++)
        t->row[i] = (int32_t)(y + i);
    for (int64_t i = 0; i < t->cols; i++)
        t->col[i] = (int32_t)(x + i);
}

/* A thread's work space. */
typedef struct work {
    lt_warp_tile tile;
    lt_quad value[LT_WARP_PIXELS];
} work;

/* A warp of planes from `from` to `to`, or its adjoint. */
typedef struct warp {
    lt_warp_map map;
    int64_t planes, bands;
    const float *from;
    float *to;
    work *works; /* one for each thread */
} warp;

static void warp_tiles(void *arg, lt_range range)
{
    const warp *j = arg;
    const lt_warp_map *m = &j->map;
    work *t = j->works + range.worker;
    for (int64_t i = range.begin; i < range.end; i++) {
        place_tile(m, i, &t->tile);
        for (int64_t p = 0; p < j->planes; p += PLANES) {
            const int count = (int)lt_lesser(PLANES, j->planes - p);
            lt_warp_sample(m, &t->tile, count, j->from + p * m->h * m->w, t->value);
            for (int64_t r = 0; r < t->tile.rows; r++)
                for (int k = 0; k < count; k++) {
                    float *to = j->to + ((p + k) * m->h + t->tile.row[r]) * m->w + t->tile.col[0];
                    for (int64_t c = 0; c < t->tile.cols; c++)
                        to[c] = t->value[r * COLS + c][k];
                }
        }
    }
}

lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out)
{
    warp j = {.map = lt_warp_map_of(ctx, h, w, coeffs, mask_border),
              .planes = planes,
              .from = x,
              .to = out,
              .works = lt_scratch(ctx, (size_t)ctx->threads * sizeof *j.works)};
    if (!j.works)
        return LT_ERR_MEMORY;
    lt_for(ctx, ctx->threads, tiles_of(&j.map), warp_tiles, &j);
    lt_scratch_free(ctx, j.works);
    return LT_OK;
}

/* Adds to the input rows [row, end) of all planes. Outputs are added in the order of tiles,
 * whatever the rows, so that sums do not depend on how the image is cut. */
static void gather_rows(const lt_warp_map *m, int64_t planes, work *t, const float *out,
                        int64_t row, int64_t end, float *x)
{
    for (int64_t i = 0; i < tiles_of(m); i++) {
        place_tile(m, i, &t->tile);
        if (!lt_warp_touches(m, &t->tile, row, end))
            continue;
        for (int64_t p = 0; p < planes; p += PLANES) {
            const int count = (int)lt_lesser(PLANES, planes - p);
            for (int64_t r = 0; r < t->tile.rows; r++) {
                const float *from[LT_WARP_PLANES];
                for (int k = 0; k < count; k++)
                    from[k] = out + ((p + k) * m->h + t->tile.row[r]) * m->w + t->tile.col[0];
                m->k->interleave(t->tile.cols, count, from, t->value + r * COLS);
            }
            lt_warp_scatter(m, &t->tile, count, t->value, row, end, x + p * m->h * m->w);
        }
    }
}

static void gather_bands(void *arg, lt_range range)
{
    const warp *j = arg;
    const int64_t h = j->map.h;
    for (int64_t i = range.begin; i < range.end; i++)
        gather_rows(&j->map, j->planes, j->works + range.worker, j->from, h * i / j->bands,
                    h * (i + 1) / j->bands, j->to);
}

lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                          bool mask_border, const float *out, float *x)
{
    warp j = {.map = lt_warp_map_of(ctx, h, w, coeffs, mask_border),
              .planes = planes,
              .bands = lt_warp_bands(ctx, h),
              .from = out,
              .to = x,
              .works = lt_scratch(ctx, (size_t)ctx->threads * sizeof *j.works)};
    if (!j.works)
        return LT_ERR_MEMORY;
    lt_for(ctx, ctx->threads, j.bands, gather_bands, &j);
    lt_scratch_free(ctx, j.works);
    return LT_OK;
}
