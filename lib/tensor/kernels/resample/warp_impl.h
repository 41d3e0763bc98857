/* Projective warps work on tiles of pixels, whose sources lie close together in the image. */
#ifndef LT_TENSOR_WARP_IMPL_H
#define LT_TENSOR_WARP_IMPL_H

#include "tensor/kernels/resample/resample_impl.h"
#include "tensor/kernels/resample/resample_kernels.h"

enum {
    LT_WARP_ROWS = 16,
    LT_WARP_COLS = 64,
    LT_WARP_PIXELS = LT_WARP_ROWS * LT_WARP_COLS,
    LT_WARP_PLANES = LT_QUAD, /* the most planes that are warped together */
    LT_WARP_PATCH = 4096,     /* the most pixels of the image that are copied at a time */
};

/* Some pixels of a warped image: those at given rows and columns, both ascending. Pixel (r, c) of
 * the tile is number r * LT_WARP_COLS + c. base, weight and patch are work space. */
typedef struct lt_warp_tile {
    int64_t rows, cols;
    int32_t row[LT_WARP_ROWS], col[LT_WARP_COLS];
    int32_t base[LT_WARP_PIXELS];
    float weight[4 * LT_WARP_PIXELS];
    lt_quad patch[LT_WARP_PATCH];
} lt_warp_tile;

/* Where the pixels of a warped image come from. */
typedef struct lt_warp_map {
    const struct lt_resample_kernels *k;
    int64_t h, w; /* of the image */
    const double *coeffs;
    bool mask_border;
} lt_warp_map;

lt_warp_map lt_warp_map_of(lt_ctx *ctx, int64_t h, int64_t w, const double coeffs[8],
                           bool mask_border);

/* Computes the tile's pixels, out (rows, LT_WARP_COLS), from planes x. */
void lt_warp_sample(const lt_warp_map *m, lt_warp_tile *t, int planes, const float *x,
                    lt_quad *out);
/* Whether pixels of the tile may come from the image's rows [row, end). */
bool lt_warp_touches(const lt_warp_map *m, const lt_warp_tile *t, int64_t row, int64_t end);
/* The adjoint of lt_warp_sample(): adds the tile's values (rows, LT_WARP_COLS) to planes x, but
 * only to their rows [row, end). What a place receives does not depend on how rows are cut. */
void lt_warp_scatter(const lt_warp_map *m, lt_warp_tile *t, int planes, const lt_quad *value,
                     int64_t row, int64_t end, float *x);

/* How many bands of rows an adjoint cuts the image into; each is the work of one thread. There are
 * more bands than threads, because a warp may leave some of them empty. */
static inline int64_t lt_warp_bands(const lt_ctx *ctx, int64_t h)
{
    const int64_t bands = ctx->threads > 1 ? 4 * (int64_t)ctx->threads : 1;
    return bands < h ? bands : h;
}

#endif
