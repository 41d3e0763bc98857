/* Transforms of inputs, outputs and weights: products with the matrices of F(4, 3), whose
 * rows for +-a share their even and odd parts. */
#include "tensor/winograd_kernels.h"

#include "tensor/conv_kernels.h"
#include "tensor/vec.h"

/* The points +-P and +-Q; all constants below are exact in binary. */
#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

#if defined(__clang__) || __GNUC__ >= 12
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(a, b, ...) __builtin_shuffle(a, b, (int __attribute__((vector_size(4 * LANES)))){__VA_ARGS__})
#endif
#if LANES == 16
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW_LANES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_LANES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15
#define LOW_LANES 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_LANES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define EVEN_LANES 0, 2, 4, 6
#define ODD_LANES 1, 3, 5, 7
#define LOW_LANES 0, 4, 1, 5
#define HIGH_LANES 2, 6, 3, 7
#endif

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

static void input(const float *const *four, const float *const *two, float scale, float *v,
                  int64_t step)
{
    vec t[LT_WINOGRAD_SIDE][LT_WINOGRAD_SIDE];
    UNROLL for (int i = 0; i < LT_WINOGRAD_SIDE; i++) {
        const float *a = four[i], *b = two[i];
        const vec a0 = vec_load(a), a1 = vec_load(a + LANES), a2 = vec_load(a + 2 * LANES);
        const vec a3 = vec_load(a + 3 * LANES);
        const vec b0 = vec_load(b), b1 = vec_load(b + LANES), b2 = vec_load(b + 2 * LANES);
        const vec b3 = vec_load(b + 3 * LANES);
        const vec ea = MIX(a0, a1, EVEN_LANES), eb = MIX(a2, a3, EVEN_LANES);
        const vec oa = MIX(a0, a1, ODD_LANES), ob = MIX(a2, a3, ODD_LANES);
        const vec d[LT_WINOGRAD_SIDE] = {
            MIX(ea, eb, EVEN_LANES) * scale, MIX(oa, ob, EVEN_LANES) * scale,
            MIX(ea, eb, ODD_LANES) * scale,  MIX(oa, ob, ODD_LANES) * scale,
            MIX(MIX(b0, b1, EVEN_LANES), MIX(b2, b3, EVEN_LANES), EVEN_LANES) * scale,
            MIX(MIX(b0, b1, ODD_LANES), MIX(b2, b3, ODD_LANES), EVEN_LANES) * scale,
        };
        points_of(d, t[i]);
    }
    UNROLL for (int j = 0; j < LT_WINOGRAD_SIDE; j++) {
        vec d[LT_WINOGRAD_SIDE], r[LT_WINOGRAD_SIDE];
        UNROLL for (int i = 0; i < LT_WINOGRAD_SIDE; i++) d[i] = t[i][j];
        points_of(d, r);
        UNROLL for (int i = 0; i < LT_WINOGRAD_SIDE; i++)
            vec_store(v + (i * LT_WINOGRAD_SIDE + j) * step, r[i]);
    }
}

static void output(const float *m, int64_t step, float bias, float *const *y)
{
    vec t[LT_WINOGRAD_TILE][LT_WINOGRAD_SIDE];
    UNROLL for (int j = 0; j < LT_WINOGRAD_SIDE; j++) {
        vec d[LT_WINOGRAD_SIDE], r[LT_WINOGRAD_TILE];
        UNROLL for (int i = 0; i < LT_WINOGRAD_SIDE; i++)
            d[i] = vec_load(m + (i * LT_WINOGRAD_SIDE + j) * step);
        values_of(d, r);
        UNROLL for (int i = 0; i < LT_WINOGRAD_TILE; i++) t[i][j] = r[i];
    }
    UNROLL for (int i = 0; i < LT_WINOGRAD_TILE; i++) {
        vec r[LT_WINOGRAD_TILE];
        values_of(t[i], r);
        UNROLL for (int j = 0; j < LT_WINOGRAD_TILE; j++) r[j] += bias;
        const vec el = MIX(r[0], r[2], LOW_LANES), eh = MIX(r[0], r[2], HIGH_LANES);
        const vec ol = MIX(r[1], r[3], LOW_LANES), oh = MIX(r[1], r[3], HIGH_LANES);
        vec_store(y[i], MIX(el, ol, LOW_LANES));
        vec_store(y[i] + LANES, MIX(el, ol, HIGH_LANES));
        vec_store(y[i] + 2 * LANES, MIX(eh, oh, LOW_LANES));
        vec_store(y[i] + 3 * LANES, MIX(eh, oh, HIGH_LANES));
    }
}

/* t[6] = G g for `panel` columns side by side: row a is (1, a, a^2) / prod(a - other points). */
INLINE void weights_of(const double *g, int64_t step, double *t)
{
    enum { M = LT_CONV_MAX_PANEL };
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

static void weights(int count, int panel, const float *g, float *u, int64_t step)
{
    enum { M = LT_CONV_MAX_PANEL, SIDE = LT_WINOGRAD_SIDE };
    double tap[9][M] = {{0}}, column[3][SIDE][M];
    for (int i = 0; i < count; i++)
        for (int t = 0; t < 9; t++) tap[t][i] = (double)g[i * 9 + t];
    for (int j = 0; j < 3; j++) weights_of(tap[j], 3 * M, column[j][0]);
    for (int i = 0; i < SIDE; i++) {
        double row[SIDE][M];
        weights_of(column[0][i], SIDE * M, row[0]);
        for (int j = 0; j < SIDE; j++)
            for (int l = 0; l < panel; l++) u[(i * SIDE + j) * step + l] = (float)row[j][l];
    }
}

const struct lt_winograd_kernels LT_ISA_NAME(lt_winograd_kernels) = {
    .lanes = LANES,
    .input = input,
    .output = output,
    .weights = weights,
};
