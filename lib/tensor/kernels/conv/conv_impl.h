/* Convolution of dense float32 arrays: the map, its adjoint, and the gradients of weights and
 * inputs.
 *
 * A strided convolution maps its big side (c, h, w) to its small side (o, oh, ow),
 *
 *     small[n, o, y, x] = sum over c, i, j of
 *         weight[o, c, i, j] big[n, c, y stride + i - pad, x stride + j - pad],
 *
 * where the big side is zero outside of its edges. lt_conv2d is this map and lt_conv_transpose2d
 * its adjoint; the gradients of both are made of the functions below, too. The weight of (o, c, i,
 * j) is w[o * w_small + c * w_big + i * kw + j], so that either order of channels can be stored. */
#ifndef LT_TENSOR_CONV_IMPL_H
#define LT_TENSOR_CONV_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

typedef struct lt_conv_shape {
    int64_t n;
    int64_t c, h, w;   /* big side */
    int64_t o, oh, ow; /* small side */
    int64_t kh, kw, stride, pad;
    int64_t w_small, w_big; /* weights from one small-side, big-side channel to the next */
} lt_conv_shape;

/* small (n,o,oh,ow) = map of scale (n,c) times big (n,c,h,w), plus bias (o); then the tail `act` is
 * applied. scale, bias and act may be NULL. Errors of this and the next functions: LT_ERR_MEMORY,
 * LT_ERR_UNSUPPORTED (too many channels). */
lt_status lt_conv_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, const lt_bias_act_planes *act,
                        float *small);

/* big (n,c,h,w) = adjoint map of scale (n,o) times small (n,o,oh,ow), plus bias (c). scale and bias
 * may be NULL. */
lt_status lt_conv_adjoint(lt_ctx *ctx, const lt_conv_shape *s, const float *small,
                          const float *scale, const float *weight, const float *bias, float *big);

/* The gradient of the weights: dw = sum over samples and positions of small[o] * big[c, tap], with
 * the strides of weights. big is multiplied with big_scale (n,c) and small with small_scale (n,o)
 * before; each may be NULL. */
lt_status lt_conv_weight_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *big,
                              const float *big_scale, const float *small, const float *small_scale,
                              float *dw);

/* The gradient gx of the input x from the gradient gy of the output. x is big (n,c,h,w) and gy on
 * the small side, or with `transposed` the other way round. With scale, one factor per channel of
 * x, gscale gets the gradient of scale, unless it is NULL; x is read for that only. With `add`,
 * which needs lt_conv_input_grad_adds(), the gradient is added to gx. */
bool lt_conv_input_grad_adds(const lt_conv_shape *s, bool transposed);
lt_status lt_conv_input_grad(lt_ctx *ctx, const lt_conv_shape *s, bool transposed, const float *gy,
                             const float *weight, const float *x, const float *scale, bool add,
                             float *gx, float *gscale);

/* The gradient of the bias: db (c) = sum of g (n,c,size) over samples and positions. */
void lt_conv_bias_grad(lt_ctx *ctx, int64_t n, int64_t c, int64_t size, const float *g, float *db);

#endif
