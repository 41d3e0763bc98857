/* The hot loops of 3 x 3 convolutions on AMX. With stride 1 Winograd's transforms along columns
 * (winograd_axis.h), which halve the products, and direct sums along rows; with stride 2, where
 * they would save a quarter only, direct sums.
 *
 * Products are of digits (amx_kernels.h), of 16 pixels of a row, 16 output channels and 64 channels
 * a step, values made integers by the largest of a tile and of a point. A pixel's channels lie
 * together, 64 bytes of them, so that a tap only looks at another pixel. */
#ifndef LT_TENSOR_AMX_CONV_KERNELS_H
#define LT_TENSOR_AMX_CONV_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/kernels/tail.h"

enum {
    LT_AMX_CONV_POINTS = 6, /* upper bounds over all schemes */
    LT_AMX_CONV_TAPS = 9,
    LT_AMX_CONV_ROWS = 6,
    LT_AMX_CONV_CLASSES = 4,
    LT_AMX_CONV_PIXELS = 128,                 /* of a tile's line */
    LT_AMX_CONV_RUN = 2 * LT_AMX_CONV_PIXELS, /* outputs of a row of it */
};

/* What meets tap `weight` of a matrix: slab `dy` of those that a line sees, phase `phase` of the
 * pixels, `dx` pixels on. */
typedef struct lt_amx_conv_tap {
    unsigned char weight, dy, phase, dx;
} lt_amx_conv_tap;

/* The rows of a slab of `channels` channels, from column x on; what lies outside [0, width) is
 * zero. */
typedef struct lt_amx_conv_lines {
    const float *rows[LT_AMX_CONV_ROWS]; /* of the first channel */
    int64_t plane[LT_AMX_CONV_ROWS];     /* floats to the same row of the next */
    int64_t channels, width, x;
    const float *scale; /* (channels) or NULL */
} lt_amx_conv_lines;

/* A kind of convolution. A slab is the rows of input that are packed together, a point of theirs
 * after the other; a line the rows of output that are made together. Output columns (and input
 * columns) that are neighbours may differ in their taps: x columns + i is the i-th of pixel x (x
 * phases + i that of phase i). With direct sums slabs and lines are a row of each phase and class,
 * and there is one point. */
struct lt_amx_conv_scheme {
    int points;           /* each meets its own matrix of weights */
    int in_rows, in_step; /* input rows of a slab, and from one slab's first to the next's */
    int seen, line_step;  /* slabs that a line sees, and from one line's first to the next's */
    int lines;            /* of a strip: those that are packed together */
    int out_rows, columns, phases;
    int classes;                   /* kinds of outputs of a pixel */
    int halo;                      /* pixels past a class' last that its taps see */
    int weights_taps;              /* of a matrix */
    int taps[LT_AMX_CONV_CLASSES]; /* which add up to them */
    lt_amx_conv_tap tap[LT_AMX_CONV_CLASSES][LT_AMX_CONV_TAPS];

    /* The largest values of the points of `count` (of 16s) pixels: largest (points, 16) are the
     * bits of the largest so far. */
    void (*survey)(const lt_amx_conv_lines *in, int64_t count, uint32_t *largest);

    /* to (points, phases, channels, 16) = the points of 16 pixels. */
    void (*lines_of)(const lt_amx_conv_lines *in, float *to);

    /* to[(matrix * weights_taps + i) * step + l] = tap i of a matrix of 3 x 3 weights, tap t of
     * which is g[l * g_step + t * tap_step], l < count; zeros up to 16. largest (points, 16) as
     * above. */
    void (*weights)(int count, const float *g, int64_t g_step, int tap_step, float *to,
                    int64_t step, uint32_t *largest);

    /* rows (out_rows, 16 outputs, 16 times `columns` columns) of m (points, classes, 16 pixels, 16
     * outputs). */
    void (*outputs)(const float *m, float *rows);
};

/* Where rows of outputs go: y + i * plane + r * row of output i; with and noise lie beside y, noise
 * for all outputs alike, or are NULL. dot (outs) gets what the sums with `with` add. */
typedef struct lt_amx_conv_target {
    const lt_tail *tail; /* (outs) */
    int64_t outs, rows, plane, row;
    const float *with, *noise;
    float *y, *dot;
    bool by_runs; /* two columns a pixel: y goes past the caches, though its rows lie anywhere */
} lt_amx_conv_target;

/* The products of `lines` times `count` times 16 pixels and 16 outputs. */
typedef struct lt_amx_conv_walk {
    const struct lt_amx_conv_scheme *scheme;
    int64_t lines, count;
    int64_t steps; /* of 64 channels */
    const int32_t
        *offset; /* bytes from a point's first pixel to what each step of each class sees */
    const int8_t *pixels, *weights; /* (slabs, points, ...), (points, weights_taps steps, step) */
    int64_t digit, point;           /* bytes from digit to digit of pixels, from point to point */
    const float *rows, *columns;    /* what integers are worth: (points), (points, 16) */
    lt_amx_ahead *ahead;            /* fetched meanwhile */
} lt_amx_conv_walk;

struct lt_amx_conv_kernels {
    struct lt_amx_conv_scheme same, up, down; /* stride 1; 2, small to big; 2, big to small */

    /* Digits of 16 pixels of `channels` (at most 64) channels, from (channels, 16) times inverse:
     * digit d to to[d * digit ...] (16, 64), zeros for channels that there are none of. */
    void (*pixels)(const float *from, int64_t channels, float inverse, int64_t digit, int8_t *to);

    /* Digits of weights from (channels, 16) times inverse (16), a step's (3, tile). */
    void (*digits)(const float *from, int64_t channels, const float *inverse, int8_t *to);

    /* m (lines, count, points, classes, 16 pixels, 16 outputs) of a walk. Between begin() and end()
     * of lt_amx_kernels on the same thread only. */
    void (*products)(const lt_amx_conv_walk *walk, float *m);

    /* What tails make of `count` times rows (out_rows, 16, 16 times `columns`), which lie side by
     * side in the output. */
    void (*finish)(const float *rows, int64_t out_rows, int columns, int64_t count,
                   const lt_amx_conv_target *to);
    void (*stream_end)(void);
};

extern const struct lt_amx_conv_kernels lt_amx_conv_kernels_amx;

#endif
