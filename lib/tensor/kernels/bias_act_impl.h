/* The end of a generator's layer on dense arrays: scale, noise, bias and leaky ReLU
 * (bias_act_kernels.h). Other operations can do it in their own pass over the memory (tail.h). */
#ifndef LT_TENSOR_BIAS_ACT_IMPL_H
#define LT_TENSOR_BIAS_ACT_IMPL_H

#include "tensor/kernels/bias_act_kernels.h"
#include "tensor/tensor_impl.h"

/* y (n, c, size) = gain lrelu(scale (n, c) x + strength noise (1 or n, size) + bias (c)), where
 * lrelu(v) is v > 0 ? v : slope v. Pointers may be NULL: scale counts as 1, the others as 0. */
typedef struct lt_bias_act_planes {
    int64_t n, c, size;
    const float *scale, *noise, *strength, *bias;
    int64_t noise_step; /* floats from one sample's noise to the next */
    float slope, gain;
} lt_bias_act_planes;

/* Plane number i of the n c planes. */
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

/* `size` values of a plane, from number `at` on. */
static inline lt_bias_act_plane lt_bias_act_part(lt_bias_act_plane p, int64_t at, int64_t size)
{
    p.size = size;
    if (p.noise)
        p.noise += at;
    return p;
}

/* Adds the sums of a part to those of the whole. */
static inline void lt_bias_act_add(lt_bias_act_sums *to, const lt_bias_act_sums *part)
{
    to->bias += part->bias;
    to->noise += part->noise;
    to->value += part->value;
}

/* Computes y from x; y may be x. */
void lt_bias_act_apply(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, float *y);

/* The gradients: gx, which may be NULL or gy, and sums (n c) of each plane, from gy and x, or from
 * gy and y where x is NULL. */
void lt_bias_act_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, const float *y,
                         const float *gy, float *gx, lt_bias_act_sums *sums);

/* An image (n, channels, size) = weight (channels, c) times scale (n, c) y, of at most
 * LT_POINTWISE_FEW channels, with its gradient g. gscale (n, c), unless NULL, gets the gradient of
 * scale. */
typedef struct lt_bias_act_picture {
    int64_t channels;
    const float *g, *weight, *scale;
    float *gscale;
} lt_bias_act_picture;

/* lt_bias_act_adjoint() from y, where an image was made of y: y's gradient is gy, unless NULL, plus
 * the part that comes back from the image. gx is not NULL. Errors: LT_ERR_MEMORY. Results do not
 * depend on the number of threads. */
lt_status lt_bias_act_picture_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q,
                                      const lt_bias_act_picture *picture, const float *y,
                                      const float *gy, float *gx, lt_bias_act_sums *sums);

#endif
