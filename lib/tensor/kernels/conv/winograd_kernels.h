/* The transforms of Winograd's convolutions, one table per instruction set (isa.h).
 *
 * A tile of outputs is a bilinear form of the inputs it sees and the weights (Lavin & Gray
 * 2016): inputs, weights and outputs are transformed by fixed matrices between which one
 * product over channels is left for each point. Lanes are neighbouring tiles. */
#ifndef LT_TENSOR_WINOGRAD_KERNELS_H
#define LT_TENSOR_WINOGRAD_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/tail.h"
#include "tensor/isa.h"

/* Upper bounds over all schemes. */
enum { LT_WINOGRAD_ROWS = 9, LT_WINOGRAD_STEP = 8 };

/* Values beside a tile's outputs, row by row; each may be NULL. */
typedef struct lt_winograd_beside {
    const float *const *with; /* the sum of (output + bias) with */
    const float *const *noise;
} lt_winograd_beside;

struct lt_winograd_scheme {
    int points;                     /* products of a tile */
    int matrices;                   /* different weights among them */
    const unsigned char *matrix_of; /* (points) */
    int in_rows, in_step; /* rows of inputs a tile sees, and from one tile's first to the next's */
    int out_step;         /* rows and columns of a tile's outputs */

    /* v[p * step + l] = point p of tile l < L, times scale. Row i of tile l's inputs is
     * near[i][in_step * l + j], j < in_step, and goes on in far[i][in_step * l + j]; in_step L
     * floats of each are read. */
    void (*input)(const float *const *near, const float *const *far, float scale, float *v,
                  int64_t step);

    /* y[i][out_step * l + j] = output (i, j) of tile l, whose point p is m[p * step + l], and what
     * the tail makes of it, with what is beside y's rows. Returns the tail's sum. */
    float (*output)(const float *m, int64_t step, const lt_tail *tail,
                    const lt_winograd_beside *beside, float *const *y);
    void (*stream_end)(void);

    /* u[q * step + i] = matrix q of 3 x 3 weights, tap t of which is g[i * g_step + t * tap_step],
     * i < count; zeros up to the width of a panel of the convolution kernel. */
    void (*weights)(int count, const float *g, int64_t g_step, int tap_step, float *u,
                    int64_t step);
};

/* Stride 1, F(4 x 4, 3 x 3): 36 products for 16 outputs. */
struct lt_winograd_stride1_kernels {
    int lanes;
    struct lt_winograd_scheme same;
};

/* Stride 2, and its adjoint. Along each axis of the big side, even places meet two taps and go
 * through F(4, 2), odd places meet one and stay as they are: 9 places, 9 points. In two
 * dimensions 81 products for 8 x 8 places of the big side and 4 x 4 of the small one, where the
 * direct sum has 144. */
struct lt_winograd_stride2_kernels {
    int lanes;
    struct lt_winograd_scheme up, down; /* small to big, big to small */
};

LT_ISA_DECLARE(lt_winograd_stride1_kernels);
LT_ISA_DECLARE(lt_winograd_stride2_kernels);

#endif
