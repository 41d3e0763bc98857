/* The parts that all schemes of winograd_kernels.h share, for *_kernels.c only. A scheme passes the
 * transform of one axis as a function, which is inlined. */
#ifndef LT_TENSOR_WINOGRAD_TRANSFORM_H
#define LT_TENSOR_WINOGRAD_TRANSFORM_H

#include "tensor/kernels/tail_vec.h"
#include "tensor/kernels/conv/conv_kernels.h"
#include "tensor/kernels/vec.h"
#include "tensor/kernels/conv/winograd_axis.h"
#include "tensor/kernels/conv/winograd_kernels.h"

/* The four outputs y of one axis, from its points m. */
typedef void winograd_values(const vec *m, vec *y);

/* lt_winograd_scheme.output for schemes with 4 x 4 outputs a tile: first along columns, then along
 * rows. */
INLINE float winograd_output(winograd_values *values, const int points, const float *m,
                             int64_t step, const lt_tail *tail, const lt_winograd_beside *beside,
                             float *const *y)
{
    vec sum = {0};
    vec t[WINOGRAD_TILE][WINOGRAD_POINTS];
    UNROLL
    for (int j = 0; j < points; j++) {
        vec d[WINOGRAD_POINTS], r[WINOGRAD_TILE];
        UNROLL
        for (int i = 0; i < points; i++)
            d[i] = vec_load(m + (i * points + j) * step);
        values(d, r);
        UNROLL
        for (int i = 0; i < WINOGRAD_TILE; i++)
            t[i][j] = r[i];
    }
    UNROLL
    for (int i = 0; i < WINOGRAD_TILE; i++) {
        vec r[WINOGRAD_TILE], row[WINOGRAD_TILE];
        values(t[i], r);
        UNROLL
        for (int j = 0; j < WINOGRAD_TILE; j++)
            r[j] += tail->bias;
        vec_mix_fours(r, row);
        sum = tail_finish_row(WINOGRAD_TILE, row, tail, beside->with ? beside->with[i] : NULL,
                              beside->noise ? beside->noise[i] : NULL, y[i], sum);
    }
    return vec_sum(sum);
}

/* lt_winograd_scheme.weights for schemes with 6 x 6 matrices. In double, because the matrices are
 * computed once and used for every tile. */
INLINE void winograd_weights(winograd_taps *taps, int count, const float *g, int64_t g_step,
                             int tap_step, float *u, int64_t step)
{
    double tap[9][PANEL] = {{0}}, column[3][WINOGRAD_SIDE][PANEL];
    for (int i = 0; i < count; i++)
        for (int t = 0; t < 9; t++)
            tap[t][i] = (double)g[i * g_step + t * tap_step];
    for (int j = 0; j < 3; j++)
        taps(PANEL, tap[j], 3 * PANEL, column[j][0]);
    for (int i = 0; i < WINOGRAD_SIDE; i++) {
        double row[WINOGRAD_SIDE][PANEL];
        taps(PANEL, column[0][i], WINOGRAD_SIDE * PANEL, row[0]);
        for (int j = 0; j < WINOGRAD_SIDE; j++)
            for (int l = 0; l < PANEL; l++)
                u[(i * WINOGRAD_SIDE + j) * step + l] = (float)row[j][l];
    }
}

#endif
