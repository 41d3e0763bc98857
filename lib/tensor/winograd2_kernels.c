/* Convolution with stride 2 and its adjoint: along an axis, F(4, 2) for the places that meet the
 * outer taps, evaluated at -+1/2, -+5/4 and infinity, nothing for those that meet the middle one.
 * Of an axis' 9 points the first 5 belong to the former, the last 4 to the latter. */
#include "tensor/winograd_kernels.h"

#include "tensor/winograd_transform.h"

enum { POINTS = WINOGRAD_POINTS, EVEN = 5, ODD = 4, TILE = WINOGRAD_TILE };

/* The points +-P and +-Q; all constants below are exact in binary. */
#define P 0.5f
#define Q 1.25f
#define PP (P * P)
#define QQ (Q * Q)

/* t[5] = B^T d of five places */
INLINE void points_of(const vec *d, vec *t)
{
    const vec odd_q = d[3] - QQ * d[1], even_q = d[2] - QQ * d[0];
    const vec odd_p = d[3] - PP * d[1], even_p = d[2] - PP * d[0];
    t[0] = odd_q + P * even_q;
    t[1] = odd_q - P * even_q;
    t[2] = odd_p + Q * even_p;
    t[3] = odd_p - Q * even_p;
    t[4] = d[4] - (PP + QQ) * d[2] + (PP * QQ) * d[0];
}

/* y[4] = A^T m of five points */
INLINE void values_of(const vec *m, vec *y)
{
    const vec even_p = m[0] + m[1], odd_p = m[0] - m[1];
    const vec even_q = m[2] + m[3], odd_q = m[2] - m[3];
    y[0] = even_p + even_q;
    y[1] = P * odd_p + Q * odd_q;
    y[2] = PP * even_p + QQ * even_q;
    y[3] = (P * PP) * odd_p + (Q * QQ) * odd_q + m[4];
}

/* ---- small to big: five inputs d[-1 .. 3] an axis, eight outputs ---- */

/* t[9]: all five places for the even outputs, the last four for the odd ones. */
INLINE void up_points(const vec *d, vec *t)
{
    points_of(d, t);
    UNROLL for (int j = 0; j < ODD; j++) t[EVEN + j] = d[1 + j];
}

static void up_input(const float *const *near, const float *const *far, float scale, float *v,
                     int64_t step)
{
    vec t[EVEN][POINTS];
    UNROLL for (int i = 0; i < EVEN; i++) {
        vec d[2 * TILE];
        vec_load_fours(near[i], d);
        vec_load_fours(far[i], d + TILE);
        UNROLL for (int j = 0; j < EVEN; j++) d[j] *= scale;
        up_points(d, t[i]);
    }
    UNROLL for (int j = 0; j < POINTS; j++) {
        vec d[EVEN], r[POINTS];
        UNROLL for (int i = 0; i < EVEN; i++) d[i] = t[i][j];
        up_points(d, r);
        UNROLL for (int i = 0; i < POINTS; i++) vec_store(v + (i * POINTS + j) * step, r[i]);
    }
}

/* A row of eight outputs, even and odd by turns, from its nine points. */
INLINE void up_row(const vec *m, float bias, vec *row)
{
    vec even[TILE], r[2 * TILE];
    values_of(m, even);
    UNROLL for (int k = 0; k < TILE; k++) {
        r[2 * k] = even[k] + bias;
        r[2 * k + 1] = m[EVEN + k] + bias;
    }
    vec_mix_eights(r, row);
}

static float up_output(const float *m, int64_t step, const struct lt_winograd_tail *tail, float *const *y)
{
    vec sum = {0};
    vec t[2 * TILE][POINTS];
    UNROLL for (int j = 0; j < POINTS; j++) {
        vec d[EVEN], r[TILE];
        UNROLL for (int i = 0; i < EVEN; i++) d[i] = vec_load(m + (i * POINTS + j) * step);
        values_of(d, r);
        UNROLL for (int i = 0; i < TILE; i++) {
            t[2 * i][j] = r[i];
            t[2 * i + 1][j] = vec_load(m + ((EVEN + i) * POINTS + j) * step);
        }
    }
    for (int i = 0; i < 2 * TILE; i++) {
        vec row[2 * TILE];
        up_row(t[i], tail->bias, row);
        sum = winograd_finish_row(2 * TILE, row, tail, i, y[i], sum);
    }
    return vec_sum(sum);
}

/* ---- big to small: nine inputs an axis, four outputs ---- */

/* d[9]: places 0, 2, .. 8 meet the outer taps, 1, 3, 5, 7 the middle one. */
INLINE void down_points(const vec *d, vec *t)
{
    const vec even[EVEN] = {d[0], d[2], d[4], d[6], d[8]};
    points_of(even, t);
    UNROLL for (int j = 0; j < ODD; j++) t[EVEN + j] = d[2 * j + 1];
}

static void down_input(const float *const *near, const float *const *far, float scale, float *v,
                       int64_t step)
{
    vec t[POINTS][POINTS];
    for (int i = 0; i < POINTS; i++) {
        vec d[4 * TILE];
        vec_load_eights(near[i], d);
        vec_load_eights(far[i], d + 2 * TILE);
        UNROLL for (int j = 0; j < POINTS; j++) d[j] *= scale;
        down_points(d, t[i]);
    }
    for (int j = 0; j < POINTS; j++) {
        vec d[POINTS], r[POINTS];
        UNROLL for (int i = 0; i < POINTS; i++) d[i] = t[i][j];
        down_points(d, r);
        UNROLL for (int i = 0; i < POINTS; i++) vec_store(v + (i * POINTS + j) * step, r[i]);
    }
}

/* y[4] of nine points: what the outer taps give and what the middle one gives. */
INLINE void down_values(const vec *m, vec *y)
{
    values_of(m, y);
    UNROLL for (int j = 0; j < ODD; j++) y[j] += m[EVEN + j];
}

static float down_output(const float *m, int64_t step, const struct lt_winograd_tail *tail, float *const *y)
{
    return winograd_output(down_values, POINTS, m, step, tail, y);
}

/* ---- weights: 6 x 6 matrices, the five points of the outer taps and the middle tap an axis ---- */

enum { M = PANEL, SIDE = WINOGRAD_SIDE };

/* t[6] of three taps: G (first, last), row a is (1, a) / prod(a - other points), and the middle. */
INLINE void weights_of(const double *g, int64_t step, double *t)
{
    const double p = P, q = Q;
    const double np = 1 / (2 * p * (p * p - q * q)), nq = 1 / (2 * q * (q * q - p * p));
    for (int i = 0; i < M; i++) {
        const double g0 = g[i], g1 = g[2 * step + i];
        t[i] = np * (g0 + p * g1);
        t[M + i] = np * (p * g1 - g0);
        t[2 * M + i] = nq * (g0 + q * g1);
        t[3 * M + i] = nq * (q * g1 - g0);
        t[4 * M + i] = g1;
        t[5 * M + i] = g[step + i];
    }
}

static void weights(int count, const float *g, int64_t g_step, int tap_step, float *u, int64_t step)
{
    winograd_weights(weights_of, count, g, g_step, tap_step, u, step);
}

#define ROW(i) 6 * i, 6 * i + 1, 6 * i + 2, 6 * i + 3, 6 * i + 4, 6 * i + 5, 6 * i + 5, 6 * i + 5, 6 * i + 5
static const unsigned char matrix_of[POINTS * POINTS] = {ROW(0), ROW(1), ROW(2), ROW(3), ROW(4),
                                                         ROW(5), ROW(5), ROW(5), ROW(5)};

const struct lt_winograd2_kernels LT_ISA_NAME(lt_winograd2_kernels) = {
    .lanes = LANES,
    .up = {.points = POINTS * POINTS, .matrices = SIDE * SIDE, .matrix_of = matrix_of,
           .in_rows = EVEN, .in_step = TILE, .out_step = 2 * TILE,
           .input = up_input, .output = up_output, .stream_end = vec_stream_end, .weights = weights},
    .down = {.points = POINTS * POINTS, .matrices = SIDE * SIDE, .matrix_of = matrix_of,
             .in_rows = POINTS, .in_step = 2 * TILE, .out_step = TILE,
             .input = down_input, .output = down_output, .stream_end = vec_stream_end, .weights = weights},
};
