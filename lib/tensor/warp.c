/* Projective warps with bilinear sampling. */
#include <math.h>
#include <omp.h>

#include "tensor/resample_impl.h"
#include "tensor/resample_kernels.h"

/* Outputs are worked on in tiles, whose sources lie close together. */
enum { ROWS = 16, COLS = 64, PIXELS = ROWS * COLS };

/* Where the pixels of one tile come from; row r of the tile starts at r * COLS. */
typedef struct source_tile {
    int32_t base[PIXELS];
    float weight[4 * PIXELS];
} source_tile;

typedef struct warp_grid {
    int64_t h, w, down, across; /* image, and tiles of it */
    int64_t right, below;       /* steps to the neighbours of a pixel; 0 in an image one wide or high */
} warp_grid;

static warp_grid grid_of(int64_t h, int64_t w)
{
    return (warp_grid){h, w, (h + ROWS - 1) / ROWS, (w + COLS - 1) / COLS, w > 1, h > 1 ? w : 0};
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void project_tile(const struct lt_resample_kernels *k, const warp_grid *g, int64_t tile,
                         const double coeffs[8], bool mask_border, source_tile *t)
{
    const int64_t y0 = tile / g->across * ROWS, x0 = tile % g->across * COLS;
    const int64_t rows = smaller(ROWS, g->h - y0), cols = smaller(COLS, g->w - x0);
    for (int64_t r = 0; r < rows; r++)
        k->project(cols, x0, y0 + r, g->h, g->w, coeffs, mask_border, t->base + r * COLS,
                   t->weight + r * COLS, PIXELS);
}

lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out)
{
    const struct lt_resample_kernels *k = LT_ISA_SELECT(ctx, lt_resample_kernels);
    const warp_grid g = grid_of(h, w);
    source_tile *tiles = lt_scratch(ctx, (size_t)ctx->threads * sizeof *tiles);
    if (!tiles) return LT_ERR_MEMORY;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < g.down * g.across; i++) {
        source_tile *t = tiles + omp_get_thread_num();
        const int64_t y0 = i / g.across * ROWS, x0 = i % g.across * COLS;
        const int64_t rows = smaller(ROWS, h - y0), cols = smaller(COLS, w - x0);
        project_tile(k, &g, i, coeffs, mask_border, t);
        for (int64_t p = 0; p < planes; p++)
            for (int64_t r = 0; r < rows; r++)
                k->sample(cols, t->base + r * COLS, t->weight + r * COLS, PIXELS, g.right, g.below,
                          x + p * h * w, out + (p * h + y0 + r) * w + x0);
    }
    lt_scratch_free(ctx, tiles);
    return LT_OK;
}

/* The input rows that a tile's pixels may touch: a projective map takes the tile to a
 * quadrangle, whose extremes are corners, unless its horizon runs through the tile. */
static void rows_touched(const warp_grid *g, int64_t y0, int64_t x0, int64_t rows, int64_t cols,
                         const double q[8], double *low, double *high)
{
    bool front = false, behind = false;
    *low = (double)g->h;
    *high = -1;
    for (int corner = 0; corner < 4; corner++) {
        const double x = (double)(x0 + corner % 2 * (cols - 1)) + 0.5;
        const double y = (double)(y0 + corner / 2 * (rows - 1)) + 0.5;
        const double depth = q[6] * x + q[7] * y + 1.0;
        const double at = (q[3] * x + q[4] * y + q[5]) / depth - 0.5;
        front |= depth > 0;
        behind |= !(depth > 0);
        *low = fmin(*low, at);
        *high = fmax(*high, at);
    }
    if (front && behind) {
        *low = 0;
        *high = (double)g->h;
    }
    *low -= 2; /* rounding, and the lower neighbours */
    *high += 2;
}

/* Adds a tile's pixels of one plane to its input rows [first, last), given as offsets. */
static void scatter_tile(const warp_grid *g, const source_tile *t, int64_t rows, int64_t cols,
                         const float *out, int64_t first, int64_t last, bool within, float *x)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++) {
            const int64_t at = r * COLS + c, upper = t->base[at], lower = upper + g->below;
            const float value = out[r * g->w + c];
            if (within || (upper >= first && upper < last)) {
                x[upper] += t->weight[at] * value;
                x[upper + g->right] += t->weight[PIXELS + at] * value;
            }
            if (within || (lower >= first && lower < last)) {
                x[lower] += t->weight[2 * PIXELS + at] * value;
                x[lower + g->right] += t->weight[3 * PIXELS + at] * value;
            }
        }
}

/* Adds to input rows [row, end) of all planes. Outputs come in the order of tiles whatever the rows,
 * so that sums do not depend on how the image is cut. */
static void gather_rows(const struct lt_resample_kernels *k, const warp_grid *g, int64_t planes,
                        const double coeffs[8], bool mask_border, source_tile *t, const float *out,
                        int64_t row, int64_t end, float *x)
{
    for (int64_t i = 0; i < g->down * g->across; i++) {
        const int64_t y0 = i / g->across * ROWS, x0 = i % g->across * COLS;
        const int64_t rows = smaller(ROWS, g->h - y0), cols = smaller(COLS, g->w - x0);
        double low, high;
        rows_touched(g, y0, x0, rows, cols, coeffs, &low, &high);
        if (high < (double)row || low >= (double)end) continue;
        /* Pixels from outside of the image count as its first one, without weight. */
        const bool within = row == 0 && end == g->h;
        project_tile(k, g, i, coeffs, mask_border, t);
        for (int64_t p = 0; p < planes; p++)
            scatter_tile(g, t, rows, cols, out + (p * g->h + y0) * g->w + x0, row * g->w, end * g->w,
                         within, x + p * g->h * g->w);
    }
}

lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                          const double coeffs[8], bool mask_border, const float *out, float *x)
{
    const struct lt_resample_kernels *k = LT_ISA_SELECT(ctx, lt_resample_kernels);
    const warp_grid g = grid_of(h, w);
    const int threads = ctx->threads;
    source_tile *tiles = lt_scratch(ctx, (size_t)threads * sizeof *tiles);
    if (!tiles) return LT_ERR_MEMORY;
    /* More bands than threads: a warp may leave some of them empty. */
    const int64_t bands = threads > 1 ? smaller(4 * (int64_t)threads, h) : 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t i = 0; i < bands; i++)
        gather_rows(k, &g, planes, coeffs, mask_border, tiles + omp_get_thread_num(), out,
                    h * i / bands, h * (i + 1) / bands, x);
    lt_scratch_free(ctx, tiles);
    return LT_OK;
}
