/* F(4 x 4, 3 x 3) (Lavin & Gray 2016): Y = A^T [(G g G^T) . (B^T d B)] A. The polynomials are
 * evaluated at 0, -+3/4, -+3/2 and infinity, which loses fewer digits than the usual 0, -+1, -+2
 * (about half the error at 512 channels). Rows for +-a share their even and odd parts. */
#include "tensor/winograd_kernels.h"

#include "tensor/winograd_transform.h"

enum { SIDE = WINOGRAD_SIDE, TILE = WINOGRAD_TILE };

/* The points +-P and +-Q; all constants below are exact in binary. */
#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

/* t = B^T d */
INLINE void points_of(const vec *d, vec *t)
{
    const vec even_q = d[4] - QQ * d[2], odd_q = d[3] - QQ * d[1];
    const vec even_p = d[4] - PP * d[2], odd_p = d[3] - PP * d[1];
    t[0] = d[4] - (PP + QQ) * d[2] + (PP * QQ) * d[0];
    t[1] = even_q + P * odd_q;
    t[2] = even_q - P * odd_q;
    t[3] = even_p + Q * odd_p;
    t[4] = even_p - Q * odd_p;
    t[5] = d[5] - (PP + QQ) * d[3] + (PP * QQ) * d[1];
}

/* y = A^T m */
INLINE void values_of(const vec *m, vec *y)
{
    const vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const vec even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + even_p + even_q;
    y[1] = P * odd_p + Q * odd_q;
    y[2] = PP * even_p + QQ * even_q;
    y[3] = (P * PP) * odd_p + (Q * QQ) * odd_q + m[5];
}

static void input(const float *const *near, const float *const *far, float scale, float *v,
                  int64_t step)
{
    vec t[SIDE][SIDE];
    UNROLL for (int i = 0; i < SIDE; i++) {
        vec d[2 * TILE];
        vec_load_fours(near[i], d);
        vec_load_fours(far[i], d + TILE);
        UNROLL for (int j = 0; j < SIDE; j++) d[j] *= scale;
        points_of(d, t[i]);
    }
    UNROLL for (int j = 0; j < SIDE; j++) {
        vec d[SIDE], r[SIDE];
        UNROLL for (int i = 0; i < SIDE; i++) d[i] = t[i][j];
        points_of(d, r);
        UNROLL for (int i = 0; i < SIDE; i++) vec_store(v + (i * SIDE + j) * step, r[i]);
    }
}

static float output(const float *m, int64_t step, const struct lt_winograd_tail *tail, float *const *y)
{
    return winograd_output(values_of, SIDE, m, step, tail, y);
}

enum { M = PANEL };

/* t[6] = G g for M columns side by side: row a is (1, a, a^2) / prod(a - other points). */
INLINE void weights_of(const double *g, int64_t step, double *t)
{
    const double p = P, q = Q, zero = 1 / (p * p * q * q);
    const double np = 1 / (2 * p * p * (p * p - q * q)), nq = 1 / (2 * q * q * (q * q - p * p));
    for (int i = 0; i < M; i++) {
        const double g0 = g[i], g1 = g[step + i], g2 = g[2 * step + i];
        const double even_p = np * (g0 + p * p * g2), odd_p = np * p * g1;
        const double even_q = nq * (g0 + q * q * g2), odd_q = nq * q * g1;
        t[i] = zero * g0;
        t[M + i] = even_p + odd_p;
        t[2 * M + i] = even_p - odd_p;
        t[3 * M + i] = even_q + odd_q;
        t[4 * M + i] = even_q - odd_q;
        t[5 * M + i] = g2;
    }
}

static void weights(int count, const float *g, int64_t g_step, int tap_step, float *u, int64_t step)
{
    winograd_weights(weights_of, count, g, g_step, tap_step, u, step);
}

static const unsigned char itself[SIDE * SIDE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
};

const struct lt_winograd_kernels LT_ISA_NAME(lt_winograd_kernels) = {
    .lanes = LANES,
    .same = {.points = SIDE * SIDE, .matrices = SIDE * SIDE, .matrix_of = itself,
             .in_rows = SIDE, .in_step = TILE, .out_step = TILE,
             .input = input, .output = output, .stream_end = vec_stream_end, .weights = weights},
};
