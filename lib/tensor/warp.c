/* Projective warps with bilinear sampling. */
#include <omp.h>
#include <string.h>

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

/* Adds what pixel `at` of a tile gives to one plane's pixels [first, last). */
static void scatter_pixel(const warp_grid *g, const source_tile *t, int64_t at, float value,
                          int64_t first, int64_t last, float *x)
{
    const int64_t upper = t->base[at], lower = upper + g->below;
    if (upper >= first && upper < last) {
        x[upper] += t->weight[at] * value;
        x[upper + g->right] += t->weight[PIXELS + at] * value;
    }
    if (lower >= first && lower < last) {
        x[lower] += t->weight[2 * PIXELS + at] * value;
        x[lower + g->right] += t->weight[3 * PIXELS + at] * value;
    }
}

/* Adds all outputs of one plane to its input rows [row, end). Outputs come in the order of
 * tiles whatever the rows, so that sums do not depend on how a plane is cut. */
static void scatter(const warp_grid *g, const source_tile *tiles, const float *out, int64_t row,
                    int64_t end, float *x)
{
    memset(x + row * g->w, 0, (size_t)((end - row) * g->w) * sizeof *x);
    for (int64_t i = 0; i < g->down * g->across; i++) {
        const int64_t y0 = i / g->across * ROWS, x0 = i % g->across * COLS;
        const int64_t rows = smaller(ROWS, g->h - y0), cols = smaller(COLS, g->w - x0);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++)
                scatter_pixel(g, tiles + i, r * COLS + c, out[(y0 + r) * g->w + x0 + c], row * g->w,
                              end * g->w, x);
    }
}

lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                          const double coeffs[8], bool mask_border, const float *out, float *x)
{
    const struct lt_resample_kernels *k = LT_ISA_SELECT(ctx, lt_resample_kernels);
    const warp_grid g = grid_of(h, w);
    source_tile *tiles = lt_scratch(ctx, (size_t)(g.down * g.across) * sizeof *tiles);
    if (!tiles) return LT_ERR_MEMORY;
    const int64_t bands = planes % ctx->threads ? ctx->threads : 1;
#pragma omp parallel num_threads(ctx->threads)
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < g.down * g.across; i++)
            project_tile(k, &g, i, coeffs, mask_border, tiles + i);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < planes * bands; i++) {
            const int64_t p = i / bands, b = i % bands;
            scatter(&g, tiles, out + p * h * w, h * b / bands, h * (b + 1) / bands, x + p * h * w);
        }
    }
    lt_scratch_free(ctx, tiles);
    return LT_OK;
}
