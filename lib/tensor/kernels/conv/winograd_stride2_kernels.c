/* Convolution with stride 2 and its adjoint: the transforms of winograd_axis.h along both axes. */
#include "tensor/kernels/conv/winograd_kernels.h"

#include "tensor/kernels/conv/winograd_transform.h"

enum {
    POINTS = WINOGRAD_POINTS,
    EVEN = TWO_EVEN,
    ODD = TWO_ODD,
    TILE = WINOGRAD_TILE,
    SIDE = WINOGRAD_SIDE
};

/* ---- small to big: five inputs d[-1 .. 3] an axis, eight outputs ---- */

static void up_input(const float *const *near, const float *const *far, float scale, float *v,
                     int64_t step)
{
    vec t[EVEN][POINTS];
    UNROLL
    for (int i = 0; i < EVEN; i++) {
        vec d[2 * TILE];
        vec_load_fours(near[i], d);
        vec_load_fours(far[i], d + TILE);
        UNROLL
        for (int j = 0; j < EVEN; j++)
            d[j] *= scale;
        up_points(d, t[i]);
    }
    UNROLL
    for (int j = 0; j < POINTS; j++) {
        vec d[EVEN], r[POINTS];
        UNROLL
        for (int i = 0; i < EVEN; i++)
            d[i] = t[i][j];
        up_points(d, r);
        UNROLL
        for (int i = 0; i < POINTS; i++)
            vec_store(v + (i * POINTS + j) * step, r[i]);
    }
}

/* A row of eight outputs from its nine points. */
INLINE void up_row(const vec *m, float bias, vec *row)
{
    vec r[2 * TILE];
    up_values(m, r);
    UNROLL
    for (int k = 0; k < 2 * TILE; k++)
        r[k] += bias;
    vec_mix_eights(r, row);
}

static float up_output(const float *m, int64_t step, const lt_tail *tail,
                       const lt_winograd_beside *beside, float *const *y)
{
    vec sum = {0};
    vec t[2 * TILE][POINTS];
    UNROLL
    for (int j = 0; j < POINTS; j++) {
        vec d[EVEN], r[TILE];
        UNROLL
        for (int i = 0; i < EVEN; i++)
            d[i] = vec_load(m + (i * POINTS + j) * step);
        two_values(d, r);
        UNROLL
        for (int i = 0; i < TILE; i++) {
            t[2 * i][j] = r[i];
            t[2 * i + 1][j] = vec_load(m + ((EVEN + i) * POINTS + j) * step);
        }
    }
    for (int i = 0; i < 2 * TILE; i++) {
        vec row[2 * TILE];
        up_row(t[i], tail->bias, row);
        sum = tail_finish_row(2 * TILE, row, tail, beside->with ? beside->with[i] : NULL,
                              beside->noise ? beside->noise[i] : NULL, y[i], sum);
    }
    return vec_sum(sum);
}

/* ---- big to small: nine inputs an axis, four outputs ---- */

static void down_input(const float *const *near, const float *const *far, float scale, float *v,
                       int64_t step)
{
    vec t[POINTS][POINTS];
    for (int i = 0; i < POINTS; i++) {
        vec d[4 * TILE];
        vec_load_eights(near[i], d);
        vec_load_eights(far[i], d + 2 * TILE);
        UNROLL
        for (int j = 0; j < POINTS; j++)
            d[j] *= scale;
        down_points(d, t[i]);
    }
    for (int j = 0; j < POINTS; j++) {
        vec d[POINTS], r[POINTS];
        UNROLL
        for (int i = 0; i < POINTS; i++)
            d[i] = t[i][j];
        down_points(d, r);
        UNROLL
        for (int i = 0; i < POINTS; i++)
            vec_store(v + (i * POINTS + j) * step, r[i]);
    }
}

static float down_output(const float *m, int64_t step, const lt_tail *tail,
                         const lt_winograd_beside *beside, float *const *y)
{
    return winograd_output(down_values, POINTS, m, step, tail, beside, y);
}

static void weights(int count, const float *g, int64_t g_step, int tap_step, float *u, int64_t step)
{
    winograd_weights(two_taps, count, g, g_step, tap_step, u, step);
}

#define ROW(i) \
    6 * i, 6 * i + 1, 6 * i + 2, 6 * i + 3, 6 * i + 4, 6 * i + 5, 6 * i + 5, 6 * i + 5, 6 * i + 5
static const unsigned char matrix_of[POINTS * POINTS] = {ROW(0), ROW(1), ROW(2), ROW(3), ROW(4),
                                                         ROW(5), ROW(5), ROW(5), ROW(5)};

const struct lt_winograd_stride2_kernels LT_ISA_NAME(lt_winograd_stride2_kernels) = {
    .lanes = LANES,
    .up = {.points = POINTS * POINTS,
           .matrices = SIDE * SIDE,
           .matrix_of = matrix_of,
           .in_rows = EVEN,
           .in_step = TILE,
           .out_step = 2 * TILE,
           .input = up_input,
           .output = up_output,
           .stream_end = vec_stream_end,
           .weights = weights},
    .down = {.points = POINTS * POINTS,
             .matrices = SIDE * SIDE,
             .matrix_of = matrix_of,
             .in_rows = POINTS,
             .in_step = 2 * TILE,
             .out_step = TILE,
             .input = down_input,
             .output = down_output,
             .stream_end = vec_stream_end,
             .weights = weights},
};
