/* Projective warps with bilinear sampling. */
#include "tensor/warp_impl.h"

#include <math.h>
#include <omp.h>

enum { ROWS = LT_WARP_ROWS, COLS = LT_WARP_COLS, PIXELS = LT_WARP_PIXELS };

/* ---- tiles ---- */

lt_warp_map lt_warp_map_of(lt_ctx *ctx, int64_t h, int64_t w, const double coeffs[8], bool mask_border)
{
    return (lt_warp_map){LT_ISA_SELECT(ctx, lt_resample_kernels), h, w, w > 1, h > 1 ? w : 0, coeffs, mask_border};
}

void lt_warp_project(const lt_warp_map *m, lt_warp_tile *t)
{
    for (int64_t r = 0; r < t->rows; r++)
        m->k->project(t->cols, t->col, t->row[r], m->h, m->w, m->coeffs, m->mask_border, t->base + r * COLS,
                      t->weight + r * COLS, PIXELS);
}

void lt_warp_sample(const lt_warp_map *m, const lt_warp_tile *t, int64_t r, const float *x, float *out)
{
    m->k->sample(t->cols, t->base + r * COLS, t->weight + r * COLS, PIXELS, m->right, m->below, x, out);
}

/* A projective map takes a tile to a quadrangle, whose extremes are corners, unless its horizon runs through the tile. */
bool lt_warp_touches(const lt_warp_map *m, const lt_warp_tile *t, int64_t row, int64_t end)
{
    const double *q = m->coeffs;
    bool front = false, behind = false;
    double low = (double)m->h, high = -1;
    for (int corner = 0; corner < 4; corner++) {
        const double x = (double)t->col[corner % 2 ? t->cols - 1 : 0] + 0.5;
        const double y = (double)t->row[corner / 2 ? t->rows - 1 : 0] + 0.5;
        const double depth = q[6] * x + q[7] * y + 1.0;
        const double at = (q[3] * x + q[4] * y + q[5]) / depth - 0.5;
        front |= depth > 0;
        behind |= !(depth > 0);
        low = fmin(low, at);
        high = fmax(high, at);
    }
    if (front && behind) {
        low = 0;
        high = (double)m->h;
    }
    /* Rounding, and the lower neighbours. */
    return high + 2 >= (double)row && low - 2 < (double)end;
}

void lt_warp_scatter(const lt_warp_map *m, const lt_warp_tile *t, const float *out, int64_t ld, int64_t row, int64_t end, float *x)
{
    /* Pixels from outside of the image count as its first one, without weight. */
    const bool within = row == 0 && end == m->h;
    const int64_t first = row * m->w, last = end * m->w;
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t c = 0; c < t->cols; c++) {
            const int64_t at = r * COLS + c, upper = t->base[at], lower = upper + m->below;
            const float value = out[r * ld + c];
            if (within || (upper >= first && upper < last)) {
                x[upper] += t->weight[at] * value;
                x[upper + m->right] += t->weight[PIXELS + at] * value;
            }
            if (within || (lower >= first && lower < last)) {
                x[lower] += t->weight[2 * PIXELS + at] * value;
                x[lower + m->right] += t->weight[3 * PIXELS + at] * value;
            }
        }
}

/* ---- whole images ---- */

static int64_t tiles_of(const lt_warp_map *m) { return ((m->h + ROWS - 1) / ROWS) * ((m->w + COLS - 1) / COLS); }

/* The pixels of tile `index` of all. */
static void place_tile(const lt_warp_map *m, int64_t index, lt_warp_tile *t)
{
    const int64_t across = (m->w + COLS - 1) / COLS, y = index / across * ROWS, x = index % across * COLS;
    t->rows = lt_lesser(ROWS, m->h - y);
    t->cols = lt_lesser(COLS, m->w - x);
    for (int64_t i = 0; i < t->rows; i++) t->row[i] = (int32_t)(y + i);
    for (int64_t i = 0; i < t->cols; i++) t->col[i] = (int32_t)(x + i);
}

lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out)
{
    const lt_warp_map m = lt_warp_map_of(ctx, h, w, coeffs, mask_border);
    lt_warp_tile *tiles = lt_scratch(ctx, (size_t)ctx->threads * sizeof *tiles);
    if (!tiles) return LT_ERR_MEMORY;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < tiles_of(&m); i++) {
        lt_warp_tile *t = tiles + omp_get_thread_num();
        place_tile(&m, i, t);
        lt_warp_project(&m, t);
        for (int64_t p = 0; p < planes; p++)
            for (int64_t r = 0; r < t->rows; r++)
                lt_warp_sample(&m, t, r, x + p * h * w, out + (p * h + t->row[r]) * w + t->col[0]);
    }
    lt_scratch_free(ctx, tiles);
    return LT_OK;
}

/* Adds to input rows [row, end) of all planes. Outputs come in the order of tiles whatever the rows,
 * so that sums do not depend on how the image is cut. */
static void gather_rows(const lt_warp_map *m, int64_t planes, lt_warp_tile *t, const float *out, int64_t row, int64_t end, float *x)
{
    for (int64_t i = 0; i < tiles_of(m); i++) {
        place_tile(m, i, t);
        if (!lt_warp_touches(m, t, row, end)) continue;
        lt_warp_project(m, t);
        for (int64_t p = 0; p < planes; p++)
            lt_warp_scatter(m, t, out + (p * m->h + t->row[0]) * m->w + t->col[0], m->w, row, end, x + p * m->h * m->w);
    }
}

lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                          const double coeffs[8], bool mask_border, const float *out, float *x)
{
    const lt_warp_map m = lt_warp_map_of(ctx, h, w, coeffs, mask_border);
    const int64_t bands = lt_warp_bands(ctx, h);
    lt_warp_tile *tiles = lt_scratch(ctx, (size_t)ctx->threads * sizeof *tiles);
    if (!tiles) return LT_ERR_MEMORY;
#pragma omp parallel for num_threads(ctx->threads) schedule(dynamic)
    for (int64_t i = 0; i < bands; i++)
        gather_rows(&m, planes, tiles + omp_get_thread_num(), out, h * i / bands, h * (i + 1) / bands, x);
    lt_scratch_free(ctx, tiles);
    return LT_OK;
}
