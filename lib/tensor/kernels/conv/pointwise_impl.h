/* 1 x 1 convolutions to at most four channels, with which StyleGAN2 makes its images, and their
 * input gradient. */
#ifndef LT_TENSOR_POINTWISE_IMPL_H
#define LT_TENSOR_POINTWISE_IMPL_H

#include "tensor/kernels/conv/conv_impl.h"

/* Whether the convolution is 1 x 1, to at most four channels. */
bool lt_pointwise_fits(const lt_conv_shape *s);

/* lt_conv_apply() and lt_conv_input_grad() for such shapes. With `add` the gradient is added to gx.
 * Errors: LT_ERR_MEMORY. Results do not depend on the number of threads. */
void lt_pointwise_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, float *small);
lt_status lt_pointwise_input_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *gy,
                                  const float *weight, const float *x, const float *scale, bool add,
                                  float *gx, float *gscale);

#endif
