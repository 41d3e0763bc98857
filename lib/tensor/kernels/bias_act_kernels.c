/* The end of a generator's layer on one plane (bias_act_kernels.h), and its gradients, each in one
 * pass. */
#include <stddef.h>

#include "tensor/kernels/bias_act_kernels.h"

/* Partial sums in LANES floats, added to doubles after every BLOCK elements. */
enum { LANES = 32, BLOCK = 2048 };

static inline __attribute__((always_inline)) void forward_body(const lt_bias_act_plane *p,
                                                               const int noisy, const float *x,
                                                               const float *restrict noise,
                                                               float *y)
{
    const float scale = p->scale, strength = p->strength, bias = p->bias;
    const float above = p->gain, below = p->gain * p->slope;
    /* y may be x, which the compiler must be told is harmless. */
#pragma omp simd
    for (int64_t i = 0; i < p->size; i++) {
        float v = x[i] * scale + bias;
        if (noisy)
            v += strength * noise[i];
        y[i] = v * (v > 0 ? above : below);
    }
}

static void forward(const lt_bias_act_plane *p, const float *x, float *y)
{
    if (p->noise)
        forward_body(p, 1, x, p->noise, y);
    else
        forward_body(p, 0, x, NULL, y);
}

/* The gradients of `count` elements, at most LANES. */
static inline __attribute__((always_inline)) void backward_lanes(
    const lt_bias_act_plane *p, const int from_x, const int noisy, const int write, int64_t count,
    const float *restrict in, const float *restrict noise, const float *gy, float *gx,
    float *restrict sum_bias, float *restrict sum_noise, float *restrict sum_value)
{
    const float scale = p->scale, strength = p->strength, bias = p->bias;
    const float above = p->gain, below = p->gain * p->slope;
    const float over_above = 1.0f / above, over_below = from_x ? 0.0f : 1.0f / below;
    /* gx may be gy, which the compiler must be told is harmless. */
#pragma omp simd
    for (int64_t l = 0; l < count; l++) {
        float side = in[l], value = in[l];
        if (from_x) {
            side = in[l] * scale + bias;
            if (noisy)
                side += strength * noise[l];
        } else {
            value *= side > 0 ? over_above : over_below;
        }
        const float g = gy[l] * (side > 0 ? above : below);
        if (write)
            gx[l] = g * scale;
        sum_bias[l] += g;
        sum_value[l] += g * value;
        if (noisy)
            sum_noise[l] += g * noise[l];
    }
}

static inline __attribute__((always_inline)) lt_bias_act_sums backward_body(
    const lt_bias_act_plane *p, const int from_x, const int noisy, const int write, const float *in,
    const float *noise, const float *gy, float *gx)
{
    lt_bias_act_sums total = {0, 0, 0};
    for (int64_t from = 0; from < p->size; from += BLOCK) {
        const int64_t to = from + BLOCK < p->size ? from + BLOCK : p->size;
        float sum_bias[LANES] = {0}, sum_noise[LANES] = {0}, sum_value[LANES] = {0};
        int64_t i = from;
        for (; i + LANES <= to; i += LANES)
            backward_lanes(p, from_x, noisy, write, LANES, in + i, noisy ? noise + i : NULL, gy + i,
                           write ? gx + i : NULL, sum_bias, sum_noise, sum_value);
        if (i < to)
            backward_lanes(p, from_x, noisy, write, to - i, in + i, noisy ? noise + i : NULL,
                           gy + i, write ? gx + i : NULL, sum_bias, sum_noise, sum_value);
        for (int l = 0; l < LANES; l++) {
            total.bias += (double)sum_bias[l];
            total.noise += (double)sum_noise[l];
            total.value += (double)sum_value[l];
        }
    }
    return total;
}

static lt_bias_act_sums backward(const lt_bias_act_plane *p, const float *x, const float *y,
                                 const float *gy, float *gx)
{
    if (!gx)
        return x          ? p->noise ? backward_body(p, 1, 1, 0, x, p->noise, gy, NULL)
                                     : backward_body(p, 1, 0, 0, x, NULL, gy, NULL)
                        : p->noise ? backward_body(p, 0, 1, 0, y, p->noise, gy, NULL)
                          : backward_body(p, 0, 0, 0, y, NULL, gy, NULL);
    return x          ? p->noise ? backward_body(p, 1, 1, 1, x, p->noise, gy, gx)
                                 : backward_body(p, 1, 0, 1, x, NULL, gy, gx)
                    : p->noise ? backward_body(p, 0, 1, 1, y, p->noise, gy, gx)
                      : backward_body(p, 0, 0, 1, y, NULL, gy, gx);
}

const struct lt_bias_act_kernels LT_ISA_NAME(lt_bias_act_kernels) = {
    .forward = forward,
    .backward = backward,
};
