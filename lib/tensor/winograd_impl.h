/* 3 x 3 convolution with stride 1 by Winograd's minimal filtering, F(4 x 4, 3 x 3): a quarter
 * of the multiplications of the direct sum (Lavin & Gray 2016, "Fast Algorithms for
 * Convolutional Neural Networks"). */
#ifndef LT_TENSOR_WINOGRAD_IMPL_H
#define LT_TENSOR_WINOGRAD_IMPL_H

#include "tensor/tensor_impl.h"

/* out[n, o, y, x] = bias[o] + sum over c, i, j of
 *     weight[o * w_out + c * w_in + 3 i + j] scale[n, c] in[n, c, y + i - pad, x + j - pad],
 * zero outside; with `flip` the taps run from the ninth to the first. */
typedef struct lt_winograd {
    int64_t n, c, h, w; /* input */
    int64_t o, oh, ow;  /* output: h + 2 pad - 2, w + 2 pad - 2 */
    int64_t pad;
    int64_t w_out, w_in;
    bool flip;
    const float *in, *scale, *weight, *bias; /* scale (n, c) and bias (o) may be NULL */
    float *out;
} lt_winograd;

/* Whether it is faster than the direct sum: enough channels and enough tiles. */
bool lt_winograd_pays(const lt_ctx *ctx, const lt_winograd *q);

/* Errors: LT_ERR_MEMORY. Results do not depend on the number of threads. */
lt_status lt_winograd_run(lt_ctx *ctx, const lt_winograd *q);

#endif
