/* The tail of a generator layer on dense arrays: scale, noise, bias, leaky ReLU
 * (bias_act_kernels.h), by itself or in the passes of other operations over the same memory. */
#ifndef LT_TENSOR_BIAS_ACT_IMPL_H
#define LT_TENSOR_BIAS_ACT_IMPL_H

#include "tensor/kernels/bias_act_kernels.h"
#include "tensor/tensor_impl.h"

/* y (n, c, size) = gain lrelu(scale (n, c) x + strength noise (1 or n, size) + bias (c)); NULL
 * where absent. */
typedef struct lt_bias_act_planes {
    int64_t n, c, size;
    const float *scale, *noise, *strength, *bias;
    int64_t noise_step; /* floats from one sample's noise to the next */
    float slope, gain;
} lt_bias_act_planes;

/* Plane i of n c. */
static inline lt_bias_act_plane lt_bias_act_plane_of(const lt_bias_act_planes *q, int64_t i)
{
    const int64_t n = i / q->c, c = i % q->c;
    return (lt_bias_act_plane){
        .size = q->size,
        .noise = q->noise && q->strength ? q->noise + n * q->noise_step : NULL,
        .scale = q->scale ? q->scale[i] : 1.0f,
        .strength = q->strength ? q->strength[0] : 0.0f,
        .bias = q->bias ? q->bias[c] : 0.0f,
        .slope = q->slope,
        .gain = q->gain,
    };
}

/* `size` values of it, from value `at` on. */
static inline lt_bias_act_plane lt_bias_act_part(lt_bias_act_plane p, int64_t at, int64_t size)
{
    p.size = size;
    if (p.noise)
        p.noise += at;
    return p;
}

static inline void lt_bias_act_add(lt_bias_act_sums *to, const lt_bias_act_sums *part)
{
    to->bias += part->bias;
    to->noise += part->noise;
    to->value += part->value;
}

/* y may be x. */
void lt_bias_act_apply(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, float *y);

/* gx (NULL, or gy) and the sums of each plane (n c), from x, or else from y. */
void lt_bias_act_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, const float *y,
                         const float *gy, float *gx, lt_bias_act_sums *sums);

/* A picture (n, channels, size) = weight (channels, c) of scale (n, c) y, a few channels
 * (pointwise_kernels.h), and its gradient g; gscale (n, c) or NULL gets that of scale. */
typedef struct lt_bias_act_picture {
    int64_t channels;
    const float *g, *weight, *scale;
    float *gscale;
} lt_bias_act_picture;

/* The same from y where the picture's gradient belongs to y's, too, which is gy else, or without gy
 * nothing else. gx is not NULL. Errors: LT_ERR_MEMORY. Results do not depend on the number of
 * threads. */
lt_status lt_bias_act_picture_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q,
                                      const lt_bias_act_picture *picture, const float *y,
                                      const float *gy, float *gx, lt_bias_act_sums *sums);

#endif
