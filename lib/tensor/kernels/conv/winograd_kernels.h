/* Winograd's transforms of 3 x 3 convolutions (Lavin & Gray 2016), one table per instruction set
 * (isa.h).
 *
 * Inputs and weights are transformed to points by fixed matrices; at each point one product over
 * the channels remains; and a last transform makes a tile of outputs of its points. The lanes of a
 * vector are neighbouring tiles, drawn in README.md. */
#ifndef LT_TENSOR_WINOGRAD_KERNELS_H
#define LT_TENSOR_WINOGRAD_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/tail.h"
#include "tensor/isa.h"

/* The most rows of inputs that a tile sees, and the most rows of outputs it has, of any scheme. */
enum { LT_WINOGRAD_ROWS = 9, LT_WINOGRAD_STEP = 8 };

/* Values that lie beside the rows of a tile's outputs; each may be NULL. */
typedef struct lt_winograd_beside {
    const float *const *with;  /* the sum of (output + bias) times these is wanted */
    const float *const *noise; /* for the tail */
} lt_winograd_beside;

struct lt_winograd_scheme {
    int points;                     /* points of a tile: products for each pair of channels */
    int matrices;                   /* transformed weights; several points may share one */
    const unsigned char *matrix_of; /* (points) the matrix that a point is multiplied with */
    int in_rows;                    /* rows and columns of inputs that a tile sees */
    int in_step;                    /* rows or columns from one tile's first input to the next's */
    int out_step;                   /* rows and columns of outputs of a tile */

    /* Transforms the inputs of L neighbouring tiles: v[p * step + l] = point p of tile l, times
     * scale. Row i of tile l's inputs starts at near[i][in_step * l], in_step floats, and goes on
     * at far[i][in_step * l]. in_step L floats of each row are read. */
    void (*input)(const float *const *near, const float *const *far, float scale, float *v,
                  int64_t step);

    /* Transforms the products of L neighbouring tiles, m[p * step + l] for point p of tile l, to
     * outputs and applies the tail: y[i][out_step * l + j] is output (i, j) of tile l. Returns the
     * sum of (output + bias) times `with`. */
    float (*output)(const float *m, int64_t step, const lt_tail *tail,
                    const lt_winograd_beside *beside, float *const *y);
    void (*stream_end)(void); /* vec_stream_end() */

    /* Transforms the weights of `count` output channels: u[q * step + i] = matrix q of output
     * channel i, whose tap t is g[i * g_step + t * tap_step]. Channels up to the panel of the
     * convolution kernel become zeros. */
    void (*weights)(int count, const float *g, int64_t g_step, int tap_step, float *u,
                    int64_t step);
};

/* Stride 1, F(4 x 4, 3 x 3): 36 products for 16 outputs, where direct sums take 144. */
struct lt_winograd_stride1_kernels {
    int lanes;
    struct lt_winograd_scheme same;
};

/* Stride 2 and its adjoint. Along each axis of the big side, the even places meet the two outer
 * taps, by F(4, 2) with 5 points, and the odd places meet the middle tap, directly with 4 points.
 * In two dimensions these are 81 products for a tile of 8 x 8 places of the big side and 4 x 4 of
 * the small one, where direct sums take 144. */
struct lt_winograd_stride2_kernels {
    int lanes;
    struct lt_winograd_scheme up, down; /* from small to big, from big to small */
};

LT_ISA_DECLARE(lt_winograd_stride1_kernels);
LT_ISA_DECLARE(lt_winograd_stride2_kernels);

#endif
