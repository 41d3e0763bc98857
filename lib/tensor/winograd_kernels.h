/* The transforms of Winograd's convolution, one table per instruction set (isa.h).
 *
 * F(4 x 4, 3 x 3) (Lavin & Gray 2016): a tile of 4 x 4 outputs is A^T [sum over channels of
 * (G g G^T) . (B^T d B)] A with d the 6 x 6 inputs that it sees and g the 3 x 3 weights. The
 * polynomials are evaluated at 0, -+3/4, -+3/2 and infinity, which loses fewer digits than
 * the usual 0, -+1, -+2 (about half the error at 512 channels; tests/test_winograd.c). Lanes
 * are neighbouring tiles. */
#ifndef LT_TENSOR_WINOGRAD_KERNELS_H
#define LT_TENSOR_WINOGRAD_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

enum { LT_WINOGRAD_TILE = 4, LT_WINOGRAD_SIDE = 6, LT_WINOGRAD_POINTS = 36 };

struct lt_winograd_kernels {
    int lanes;

    /* v[p * step + l] = point p of B^T d B, times scale, of tile l < L. Row i of tile l's d is
     * four[i][4 l ... 4 l + 3] and two[i][4 l], two[i][4 l + 1]; 4 L floats of each are read. */
    void (*input)(const float *const *four, const float *const *two, float scale, float *v,
                  int64_t step);

    /* y[i][4 l + j] = A^T m A + bias at (i, j), where point p of tile l is m[p * step + l]. */
    void (*output)(const float *m, int64_t step, float bias, float *const *y);

    /* u[p * step + i] = G g G^T of g[i * 9 ... + 8], i < count <= 8; zeros up to `panel`. */
    void (*weights)(int count, int panel, const float *g, float *u, int64_t step);
};

LT_ISA_DECLARE(lt_winograd_kernels);

#endif
