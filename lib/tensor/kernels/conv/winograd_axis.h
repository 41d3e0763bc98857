/* The transforms of one axis of Winograd's convolutions, for *_kernels.c only: vectors of places to
 * vectors of points, of points to values, and three taps to matrices. All constants are exact in
 * binary. */
#ifndef LT_TENSOR_WINOGRAD_AXIS_H
#define LT_TENSOR_WINOGRAD_AXIS_H

#include <stdint.h>

#include "tensor/kernels/vec.h"

/* Points of an axis at most, matrices of an axis, values. */
enum { WINOGRAD_POINTS = 9, WINOGRAD_SIDE = 6, WINOGRAD_TILE = 4 };

/* t[6 * columns] of three taps for `columns` columns side by side; tap i of column l is g[i * step
 * + l]. */
typedef void winograd_taps(const int columns, const double *g, int64_t step, double *t);

/* ---- four points, -+p and -+q: rows of a and -a share their even and odd parts ---- */

/* t[4] = places d[0 .. 3] at p, -p, q, -q, the other two taken out. */
INLINE void pairs_of_points(const float p, const float q, const vec *d, vec *t)
{
    const vec high_q = d[3] - (q * q) * d[1], low_q = d[2] - (q * q) * d[0];
    const vec high_p = d[3] - (p * p) * d[1], low_p = d[2] - (p * p) * d[0];
    t[0] = high_q + p * low_q;
    t[1] = high_q - p * low_q;
    t[2] = high_p + q * low_p;
    t[3] = high_p - q * low_p;
}

/* What places d[0 .. 4] have beside all four. */
INLINE vec beside_pairs(const float p, const float q, const vec *d)
{
    return d[4] - (p * p + q * q) * d[2] + (p * p * q * q) * d[0];
}

/* y[4], y[k] the sum of a^k m over the four. */
INLINE void pairs_of_values(const float p, const float q, const vec *m, vec *y)
{
    const vec even_p = m[0] + m[1], odd_p = m[0] - m[1];
    const vec even_q = m[2] + m[3], odd_q = m[2] - m[3];
    y[0] = even_p + even_q;
    y[1] = p * odd_p + q * odd_q;
    y[2] = (p * p) * even_p + (q * q) * even_q;
    y[3] = (p * p * p) * odd_p + (q * q * q) * odd_q;
}

/* ---- stride 1: F(4, 3) (Lavin & Gray 2016), Y = A^T [(G g) . (B^T d)]. The polynomials are
 * evaluated at 0, -+3/4, -+3/2 and infinity, which loses fewer digits than the usual 0, -+1, -+2
 * (about half the error at 512 channels). ---- */

#define SAME_P 0.75f
#define SAME_Q 1.5f

/* t[6] = B^T d of six places */
INLINE void same_points(const vec *d, vec *t)
{
    t[0] = beside_pairs(SAME_P, SAME_Q, d);
    pairs_of_points(SAME_P, SAME_Q, d + 1, t + 1);
    t[5] = beside_pairs(SAME_P, SAME_Q, d + 1);
}

/* y[4] = A^T m */
INLINE void same_values(const vec *m, vec *y)
{
    pairs_of_values(SAME_P, SAME_Q, m + 1, y);
    y[0] += m[0];
    y[3] += m[5];
}

/* t = G g: row a is (1, a, a^2) / prod(a - other points). */
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

/* ---- stride 2: F(4, 2) for the places that meet the outer taps, evaluated at -+1/2, -+5/4 and
 * infinity, nothing for those that meet the middle one. Of an axis' 9 points the first 5 belong to
 * the former, the last 4 to the latter. ---- */

enum { TWO_EVEN = 5, TWO_ODD = 4 };

#define TWO_P 0.5f
#define TWO_Q 1.25f

/* t[5] = B^T d of five places */
INLINE void two_points(const vec *d, vec *t)
{
    pairs_of_points(TWO_P, TWO_Q, d, t);
    t[4] = beside_pairs(TWO_P, TWO_Q, d);
}

/* y[4] = A^T m of five points */
INLINE void two_values(const vec *m, vec *y)
{
    pairs_of_values(TWO_P, TWO_Q, m, y);
    y[3] += m[4];
}

/* Small to big, t[9] of d[-1 .. 3]: all five places for the even values, the last four for the odd
 * ones. */
INLINE void up_points(const vec *d, vec *t)
{
    two_points(d, t);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        t[TWO_EVEN + j] = d[1 + j];
}

/* y[8], even and odd by turns, from nine points. */
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

/* Big to small, t[9] of nine places: 0, 2, .. 8 meet the outer taps, 1, 3, 5, 7 the middle one. */
INLINE void down_points(const vec *d, vec *t)
{
    const vec even[TWO_EVEN] = {d[0], d[2], d[4], d[6], d[8]};
    two_points(even, t);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        t[TWO_EVEN + j] = d[2 * j + 1];
}

/* y[4] of nine points: what the outer taps give and what the middle one gives. */
INLINE void down_values(const vec *m, vec *y)
{
    two_values(m, y);
    UNROLL
    for (int j = 0; j < TWO_ODD; j++)
        y[j] += m[TWO_EVEN + j];
}

/* t of the five points of the outer taps, row a is (1, a) / prod(a - other points), and the middle
 * tap. */
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
