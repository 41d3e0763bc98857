/* Stride 1: F(4 x 4, 3 x 3) (Lavin & Gray 2016), Y = A^T [(G g G^T) . (B^T d B)] A, by the
 * transforms of winograd_axis.h along both axes. */
#include "tensor/kernels/conv/winograd_kernels.h"

#include "tensor/kernels/conv/winograd_transform.h"

enum { SIDE = WINOGRAD_SIDE, TILE = WINOGRAD_TILE };

static void input(const float *const *near, const float *const *far, float scale, float *v,
                  int64_t step)
{
    vec t[SIDE][SIDE];
    UNROLL
    for (int i = 0; i < SIDE; i++) {
        vec d[2 * TILE];
        vec_load_fours(near[i], d);
        vec_load_fours(far[i], d + TILE);
        UNROLL
        for (int j = 0; j < SIDE; j++)
            d[j] *= scale;
        same_points(d, t[i]);
    }
    UNROLL
    for (int j = 0; j < SIDE; j++) {
        vec d[SIDE], r[SIDE];
        UNROLL
        for (int i = 0; i < SIDE; i++)
            d[i] = t[i][j];
        same_points(d, r);
        UNROLL
        for (int i = 0; i < SIDE; i++)
            vec_store(v + (i * SIDE + j) * step, r[i]);
    }
}

static float output(const float *m, int64_t step, const lt_tail *tail,
                    const lt_winograd_beside *beside, float *const *y)
{
    return winograd_output(same_values, SIDE, m, step, tail, beside, y);
}

static void weights(int count, const float *g, int64_t g_step, int tap_step, float *u, int64_t step)
{
    winograd_weights(same_taps, count, g, g_step, tap_step, u, step);
}

static const unsigned char itself[SIDE * SIDE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
};

const struct lt_winograd_stride1_kernels LT_ISA_NAME(lt_winograd_stride1_kernels) = {
    .lanes = LANES,
    .same = {.points = SIDE * SIDE,
             .matrices = SIDE * SIDE,
             .matrix_of = itself,
             .in_rows = SIDE,
             .in_step = TILE,
             .out_step = TILE,
             .input = input,
             .output = output,
             .stream_end = vec_stream_end,
             .weights = weights},
};
