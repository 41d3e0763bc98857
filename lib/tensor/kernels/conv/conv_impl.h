/* Convolution of dense float32 arrays: the product, its adjoint and the gradient
 * of its weights.
 *
 * One linear map S -> B relates the two sides of a strided convolution: its big
 * side (c, h, w) and its small side (o, oh, ow),
 *
 *     small[n, o, y, x] = sum over c, i, j of
 *         weight[o, c, i, j] big[n, c, y stride + i - pad, x stride + j - pad],
 *
 * zero outside. lt_conv2d is this map, lt_conv_transpose2d its adjoint, and the
 * gradients of both are made of the same three functions. Weights are addressed
 * as w[o * w_small + c * w_big + i * kw + j], so that either order of channels
 * can be stored. */
#ifndef LT_TENSOR_CONV_IMPL_H
#define LT_TENSOR_CONV_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

typedef struct lt_conv_shape {
    int64_t n;
    int64_t c, h, w;   /* big side */
    int64_t o, oh, ow; /* small side */
    int64_t kh, kw, stride, pad;
    int64_t w_small, w_big; /* weight strides of small- and big-side channels */
} lt_conv_shape;

/* small (n,o,oh,ow) = map of big (n,c,h,w) times scale (n,c) or NULL, plus bias (o)
 * or NULL; then, unless NULL, what `act` makes of it. Errors: LT_ERR_MEMORY, LT_ERR_UNSUPPORTED
 * (too many channels). */
lt_status lt_conv_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, const lt_bias_act_planes *act,
                        float *small);

/* big (n,c,h,w) = adjoint map of small (n,o,oh,ow) times scale (n,o) or NULL, plus
 * bias (c) or NULL. */
lt_status lt_conv_adjoint(lt_ctx *ctx, const lt_conv_shape *s, const float *small,
                          const float *scale, const float *weight, const float *bias, float *big);

/* dw (strides as weight) = sum over n and positions of small[o] * big[c, tap], big
 * times big_scale (n,c) and small times small_scale (n,o), each may be NULL. */
lt_status lt_conv_weight_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *big,
                              const float *big_scale, const float *small, const float *small_scale,
                              float *dw);

/* The gradient of the input of either map: gx as x, which is big (n,c,h,w), or with `transposed`
 * small (n,o,oh,ow), from gy on the other side. With scale, one factor a channel of x, that of
 * scale too, unless gscale is NULL; x is read for gscale only. `add`, where
 * lt_conv_input_grad_adds(): gx is added to. */
bool lt_conv_input_grad_adds(const lt_conv_shape *s, bool transposed);
lt_status lt_conv_input_grad(lt_ctx *ctx, const lt_conv_shape *s, bool transposed, const float *gy,
                             const float *weight, const float *x, const float *scale, bool add,
                             float *gx, float *gscale);

/* db (c) = sum of g (n,c,size) over samples and positions. */
void lt_conv_bias_grad(lt_ctx *ctx, int64_t n, int64_t c, int64_t size, const float *g, float *db);

#endif
