/* The inner loops of the optimisers. Sums run in sixteen lanes of double, in a fixed order. */
#include "nn/optim_kernels.h"

#include <math.h>

enum { LANES = 16 };

static double sum(const float *g, int64_t n)
{
    double acc[LANES] = {0}, total = 0.0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            acc[j] += (double)g[i + j];
    for (; i < n; i++)
        total += (double)g[i];
    for (int j = 0; j < LANES; j++)
        total += acc[j];
    return total;
}

static double sum_squares(const float *g, int64_t n)
{
    double acc[LANES] = {0}, total = 0.0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            acc[j] += (double)g[i + j] * (double)g[i + j];
    for (; i < n; i++)
        total += (double)g[i] * (double)g[i];
    for (int j = 0; j < LANES; j++)
        total += acc[j];
    return total;
}

static void scale(float *g, int64_t n, float by)
{
    for (int64_t i = 0; i < n; i++)
        g[i] *= by;
}

static void sgd(float *restrict p, float *restrict m, const float *restrict g, int64_t n,
                float decay, float momentum, float lr)
{
    for (int64_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + g[i];
        p[i] = decay * p[i] - lr * m[i];
    }
}

static void adam(float *restrict p, float *restrict m, float *restrict v, const float *restrict g,
                 int64_t n, float shift, const lt_optim_scalars *scalars)
{
    const lt_optim_scalars s = *scalars;
    for (int64_t i = 0; i < n; i++) {
        const float d = g[i] - shift;
        m[i] = s.beta1 * m[i] + s.rest1 * d;
        v[i] = s.beta2 * v[i] + s.rest2 * (d * d);
        p[i] = s.decay * p[i] - s.step * m[i] / (sqrtf(v[i]) / s.root + s.eps);
    }
}

static void warm(float *restrict p, float *restrict m, float *restrict v, const float *restrict g,
                 int64_t n, float shift, const lt_optim_scalars *scalars)
{
    const lt_optim_scalars s = *scalars;
    for (int64_t i = 0; i < n; i++) {
        const float d = g[i] - shift;
        m[i] = s.beta1 * m[i] + s.rest1 * d;
        v[i] = s.beta2 * v[i] + s.rest2 * (d * d);
        p[i] = s.decay * p[i] - s.step * m[i];
    }
}

static void lookahead(float *restrict p, float *restrict slow, int64_t n, float alpha)
{
    for (int64_t i = 0; i < n; i++) {
        slow[i] += alpha * (p[i] - slow[i]);
        p[i] = slow[i];
    }
}

const struct lt_optim_kernels LT_ISA_NAME(lt_optim_kernels) = {
    sum, sum_squares, scale, sgd, adam, warm, lookahead,
};
