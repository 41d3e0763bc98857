/* Winograd's transforms along one axis, for *_kernels.c only: input places to points, three taps to
 * the factors of points, products at points to outputs. All constants are exact in binary. */
#ifndef LT_TENSOR_WINOGRAD_AXIS_H
#define LT_TENSOR_WINOGRAD_AXIS_H

#include <stdint.h>

#include "tensor/kernels/vec.h"

/* Of one axis: the most points of any scheme, the factors, the outputs of a tile. */
enum { WINOGRAD_POINTS = 9, WINOGRAD_SIDE = 6, WINOGRAD_TILE = 4 };

/* The six factors t[k * columns + l] of three taps, for `columns` columns side by side; tap i of
 * column l is g[i * step + l]. */
typedef void winograd_taps(const int columns, const double *g, int64_t step, double *t);

/* ---- four points: p, -p, q and -q. The transforms at a and -a share their even and odd parts.
 * ---- */

/* t[0 .. 3] = places d[0 .. 3] at the points p, -p, q, -q. */
INLINE void pairs_of_points(const float p, const float q, const vec *d, vec *t)
{
    const vec high_q = d[3] - (q * q) * d[1], low_q = d[2] - (q * q) * d[0];
    const vec high_p = d[3] - (p * p) * d[1], low_p = d[2] - (p * p) * d[0];
    t[0] = high_q + p * low_q;
    t[1] = high_q - p * low_q;
    t[2] = high_p + q * low_p;
    t[3] = high_p - q * low_p;
}

/* The point that is left (0 or infinity): places d[0 .. 4] with the four points' share removed. */
INLINE vec beside_pairs(const float p, const float q, const vec *d)
{
    return d[4] - (p * p + q * q) * d[2] + (p * p * q * q) * d[0];
}

/* y[k] = sum of a^k m over the four points a, for k < 4. */
INLINE void pairs_of_values(const float p, const float q, const vec *m, vec *y)
{
    const vec even_p = m[0] + m[1], odd_p = m[0] - m[1];
    const vec even_q = m[2] + m[3], odd_q = m[2] - m[3];
    y[0] = even_p + even_q;
    y[1] = p * odd_p + q * odd_q;
    y[2] = (p * p) * even_p + (q * q) * even_q;
    y[3] = (p * p * p) * odd_p + (q * q * q) * odd_q;
}

/* ---- stride 1: F(4, 3) (Lavin & Gray 2016), Y = A^T [(G g) . (B^T d)], with the points 0, 3/4,
 * -3/4, 3/2, -3/2 and infinity. The usual points 0, 1, -1, 2, -2 and infinity cause about twice the
 * error at 512 channels. ---- */

#define SAME_P 0.75f
#define SAME_Q 1.5f

/* t[0 .. 5] = B^T d of six places. */
INLINE void same_points(const vec *d, vec *t)
{
    t[0] = beside_pairs(SAME_P, SAME_Q, d);
    pairs_of_points(SAME_P, SAME_Q, d + 1, t + 1);
    t[5] = beside_pairs(SAME_P, SAME_Q, d + 1);
}

/* y[0 .. 3] = A^T m of six points. */
INLINE void same_values(const vec *m, vec *y)
{
    pairs_of_values(SAME_P, SAME_Q, m + 1, y);
    y[0] += m[0];
    y[3] += m[5];
}

/* t = G g. The row of G for point a is (1, a, a^2) / product of (a - b) over the other points b. */
INLINE void same_taps(const int columns, const double *g, int64_t step, double *t)
{
    const double p = SAME_P, q = SAME_Q, zero = 1 / (p * p * q * q);
    const double np = 1 / (2 * p * p * (p * p - q * q)), nq = 1 / (2 * q * q * (q * q - p * p));
    for (int i = 0; i < columns; i++) {
        const double g0 = g[i], g1 = g[step + i], g2 = g[2 * step + i];
        const double even_p = np * (g0 + p * p * g2), odd_p = np * p * g1;
        const double even_q = nq * (g0 + q * q * g2), odd_q = nq * q * g1;
        t[i] = zero * g0;
        t[columns + i] = even_p + odd_p;
        t[2 * columns + i] = even_p - odd_p;
        t[3 * columns + i] = even_q + odd_q;
        t[4 * columns + i] = even_q - odd_q;
        t[5 * columns + i] = g2;
    }
}

/* ---- stride 2: places that meet the two outer taps go through F(4, 2), with the points 1/2, -1/2,
 * 5/4, -5/4 and infinity; places that meet the middle tap stay as they are. Of the 9 points of an
 * axis the first 5 belong to the outer taps, the last 4 to the middle one. ---- */

enum { TWO_EVEN = 5, TWO_ODD = 4 };

#define TWO_P 0.5f
#define TWO_Q 1.25f

/* t[0 .. 4] = B^T d of five places. */
INLINE void two_points(const vec *d, vec *t)
{
    pairs_of_points(TWO_P, TWO_Q, d, t);
    t[4] = beside_pairs(TWO_P, TWO_Q, d);
}

/* y[0 .. 3] = A^T m of five points. */
INLINE void two_values(const vec *m, vec *y)
{
    pairs_of_values(TWO_P, TWO_Q, m, y);
    y[3] += m[4];
}

/* From small to big: nine points of five places. All five places make the even outputs, the last
 * four the odd ones. */
INLINE void up_points(const vec *d, vec *t)
{
    two_points(d, t);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        t[TWO_EVEN + j] = d[1 + j];
}

/* From small to big: eight outputs, even and odd ones alternating, of nine points. */
INLINE void up_values(const vec *m, vec *y)
{
    vec even[WINOGRAD_TILE];
    two_values(m, even);
    UNROLL
    for (int k = 0; k < WINOGRAD_TILE; k++) {
        y[2 * k] = even[k];
        y[2 * k + 1] = m[TWO_EVEN + k];
    }
}

/* From big to small: nine points of nine places. Places 0, 2, .. 8 meet the outer taps, places 1,
 * 3, 5, 7 the middle one. */
INLINE void down_points(const vec *d, vec *t)
{
    const vec even[TWO_EVEN] = {d[0], d[2], d[4], d[6], d[8]};
    two_points(even, t);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        t[TWO_EVEN + j] = d[2 * j + 1];
}

/* From big to small: four outputs of nine points, the outer taps' sum plus the middle tap's. */
INLINE void down_values(const vec *m, vec *y)
{
    two_values(m, y);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        y[j] += m[TWO_EVEN + j];
}

/* The six factors: five of the outer taps, for point a (1, a) / product of (a - b) over the other
 * points b; then the middle tap itself. */
INLINE void two_taps(const int columns, const double *g, int64_t step, double *t)
{
    const double p = TWO_P, q = TWO_Q;
    const double np = 1 / (2 * p * (p * p - q * q)), nq = 1 / (2 * q * (q * q - p * p));
    for (int i = 0; i < columns; i++) {
        const double g0 = g[i], g1 = g[2 * step + i];
        t[i] = np * (g0 + p * g1);
        t[columns + i] = np * (p * g1 - g0);
        t[2 * columns + i] = nq * (g0 + q * g1);
        t[3 * columns + i] = nq * (q * g1 - g0);
        t[4 * columns + i] = g1;
        t[5 * columns + i] = g[step + i];
    }
}

#endif
