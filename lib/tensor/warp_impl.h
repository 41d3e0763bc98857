/* Private to projective warps: tiles of pixels whose sources lie close together. */
#ifndef LT_TENSOR_WARP_IMPL_H
#define LT_TENSOR_WARP_IMPL_H

#include "tensor/resample_impl.h"
#include "tensor/resample_kernels.h"

enum { LT_WARP_ROWS = 16, LT_WARP_COLS = 64, LT_WARP_PIXELS = LT_WARP_ROWS * LT_WARP_COLS };

/* Pixels of a warped image at some of its rows and columns, both ascending, and where they come from: pixel (r, c) of
 * the tile is number r * LT_WARP_COLS + c. */
typedef struct lt_warp_tile {
    int64_t rows, cols;
    int32_t row[LT_WARP_ROWS], col[LT_WARP_COLS];
    int32_t base[LT_WARP_PIXELS];
    float weight[4 * LT_WARP_PIXELS];
} lt_warp_tile;

typedef struct lt_warp_map {
    const struct lt_resample_kernels *k;
    int64_t h, w;         /* of the image */
    int64_t right, below; /* steps to the neighbours of a pixel; 0 in an image one wide or high */
    const double *coeffs;
    bool mask_border;
} lt_warp_map;

lt_warp_map lt_warp_map_of(lt_ctx *ctx, int64_t h, int64_t w, const double coeffs[8], bool mask_border);

/* Fills in where the pixels of a tile come from. */
void lt_warp_project(const lt_warp_map *m, lt_warp_tile *t);
/* Row r of a tile from plane x. */
void lt_warp_sample(const lt_warp_map *m, const lt_warp_tile *t, int64_t r, const float *x, float *out);
/* Whether pixels of the tile may come from the image's rows [row, end); before lt_warp_project(). */
bool lt_warp_touches(const lt_warp_map *m, const lt_warp_tile *t, int64_t row, int64_t end);
/* Adds a tile's values, `ld` floats from row to row, to rows [row, end) of plane x. */
void lt_warp_scatter(const lt_warp_map *m, const lt_warp_tile *t, const float *out, int64_t ld, int64_t row, int64_t end, float *x);

/* An adjoint cuts the image into so many bands of rows, each the work of one thread. More than threads: a warp may
 * leave some of them empty. */
static inline int64_t lt_warp_bands(const lt_ctx *ctx, int64_t h)
{
    const int64_t bands = ctx->threads > 1 ? 4 * (int64_t)ctx->threads : 1;
    return bands < h ? bands : h;
}

#endif
