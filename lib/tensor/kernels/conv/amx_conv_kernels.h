/* The hot loops of 3 x 3 convolutions on the AMX unit; README.md explains the words.
 *
 * Stride 1 uses Winograd's transforms along columns (winograd_axis.h), which halve the products,
 * and direct sums along rows. Stride 2 uses direct sums, because the transforms would save only a
 * quarter of the products.
 *
 * Products are those of digits (../gemm/amx_kernels.h): a step multiplies 64 channels of 16 pixels
 * of a row with 16 output channels. Pixels of a tile share a scale per point. The 64 channels of a
 * pixel lie together, so that another tap only means another pixel. */
#ifndef LT_TENSOR_AMX_CONV_KERNELS_H
#define LT_TENSOR_AMX_CONV_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/kernels/tail.h"

enum {
    /* the most of any scheme */
    LT_AMX_CONV_POINTS = 6,
    LT_AMX_CONV_TAPS = 9,
    LT_AMX_CONV_ROWS = 6,
    LT_AMX_CONV_CLASSES = 4,
    LT_AMX_CONV_PIXELS = 128,                 /* pixels of a tile's line */
    LT_AMX_CONV_RUN = 2 * LT_AMX_CONV_PIXELS, /* outputs of a row of a tile */
};

/* What tap `weight` of a matrix is multiplied with: phase `phase` of the pixels `dx` to the right,
 * in slab number `dy` of those that a line sees. */
typedef struct lt_amx_conv_tap {
    unsigned char weight, dy, phase, dx;
} lt_amx_conv_tap;

/* The input rows of a slab from column x on; columns outside of [0, width) count as zero. */
typedef struct lt_amx_conv_slab {
    const float *rows[LT_AMX_CONV_ROWS]; /* the rows of the first channel */
    int64_t plane[LT_AMX_CONV_ROWS];     /* floats from there to the row of the next channel */
    int64_t channels, width, x;
    const float *scale; /* (channels) or NULL */
} lt_amx_conv_slab;

/* A kind of convolution.
 *
 * A slab is the rows of input that are packed together, point after point; a line is the rows of
 * output that are made together. A pixel is a column of a line's product; it stands for `columns`
 * output columns, x columns + i, and for `phases` input columns, x phases + i, because with stride
 * 2 neighbouring columns meet different taps. The outputs of a pixel fall into classes, which have
 * taps of their own. With direct sums there is one point, and slabs are single rows. */
struct lt_amx_conv_scheme {
    int points;                    /* each is multiplied with a matrix of weights of its own */
    int in_rows, in_step;          /* input rows of a slab; rows from one slab to the next */
    int seen, line_step;           /* slabs that a line sees; slabs from one line to the next */
    int lines;                     /* lines of a strip */
    int out_rows;                  /* output rows of a line */
    int columns, phases;           /* output columns and input columns of a pixel */
    int classes;                   /* classes of outputs of a pixel */
    int halo;                      /* pixels to the right of a tile that its taps see */
    int weights_taps;              /* taps of a matrix, of all classes */
    int taps[LT_AMX_CONV_CLASSES]; /* taps of each class */
    lt_amx_conv_tap tap[LT_AMX_CONV_CLASSES][LT_AMX_CONV_TAPS];

    /* Updates largest (points, 16), the bits of the largest magnitudes so far, with the points of
     * `count` pixels, a multiple of 16. */
    void (*survey)(const lt_amx_conv_slab *in, int64_t count, uint32_t *largest);

    /* Writes the points of 16 pixels to `to` (points, phases, channels, 16). */
    void (*slab_points)(const lt_amx_conv_slab *in, float *to);

    /* Transforms the 3 x 3 weights of `count` output channels and one input channel: tap t of
     * output channel l is g[l * g_step + t * tap_step], and to[(p * weights_taps + i) * step + l]
     * becomes tap i of the matrix of point p. Channels up to 16 become zeros. Updates largest
     * (points, 16). */
    void (*weights)(int count, const float *g, int64_t g_step, int tap_step, float *to,
                    int64_t step, uint32_t *largest);

    /* Makes outputs of the products of 16 pixels: m is (points, classes, 16 pixels, 16 channels),
     * rows (out_rows, 16 channels, 16 `columns` columns). */
    void (*outputs)(const float *m, float *rows);
};

/* Where outputs go: row r of output channel i to y + i * plane + r * row. `with` and `noise`, where
 * not NULL, lie beside y; all channels share the noise. dot (outs) gets the sums with `with`. */
typedef struct lt_amx_conv_target {
    const lt_tail *tail; /* (outs) */
    int64_t outs, rows, plane, row;
    const float *with, *noise;
    float *y, *dot;
    bool by_runs; /* y goes past the caches although its rows start anywhere; needs columns == 2 */
} lt_amx_conv_target;

/* The products of a block of weights with `count` vectors of 16 pixels of each of `lines` lines. */
typedef struct lt_amx_conv_walk {
    const struct lt_amx_conv_scheme *scheme;
    int64_t lines, count;
    int64_t steps;         /* of 64 channels */
    const int32_t *offset; /* bytes from a point's first pixel to the pixels of each step of each
                              class */
    const int8_t *pixels;  /* digits (slabs, points, ...) */
    const int8_t *weights; /* digits (points, weights_taps steps, step) */
    int64_t digit, point;  /* bytes from digit to digit of pixels, from point to point */
    const float *rows, *columns; /* scales of pixels (points) and of weights (points, 16) */
    lt_amx_ahead *ahead;         /* memory to fetch meanwhile */
} lt_amx_conv_walk;

struct lt_amx_conv_kernels {
    /* stride 1; stride 2 from small to big; stride 2 from big to small */
    struct lt_amx_conv_scheme same, up, down;

    /* Makes digits of 16 pixels: from (channels, 16), at most 64 channels, times inverse. Digit d
     * goes to to[d * digit ...] (16, 64); channels up to 64 become zeros. */
    void (*pixels)(const float *from, int64_t channels, float inverse, int64_t digit, int8_t *to);

    /* Makes digits of a step of weights: from (channels, 16) times inverse (16), to `to` (digits,
     * tile). */
    void (*digits)(const float *from, int64_t channels, const float *inverse, int8_t *to);

    /* Computes m (lines, count, points, classes, 16 pixels, 16 channels). Only between begin() and
     * end() of lt_amx_kernels on the same thread. */
    void (*products)(const lt_amx_conv_walk *walk, float *m);

    /* Applies the tails to `count` vectors, rows (count, out_rows, 16, 16 `columns`), which lie
     * side by side in the output, and writes them. */
    void (*finish)(const float *rows, int64_t out_rows, int columns, int64_t count,
                   const lt_amx_conv_target *to);
    void (*stream_end)(void); /* vec_stream_end() */
};

extern const struct lt_amx_conv_kernels lt_amx_conv_kernels_amx;

#endif
