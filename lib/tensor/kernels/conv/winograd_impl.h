/* 3 x 3 convolutions in float32 by Winograd's minimal filtering (Lavin & Gray 2016, "Fast
 * Algorithms for Convolutional Neural Networks"): a quarter of the multiplications of the direct
 * sum with stride 1, 0.56 of them with stride 2 (winograd_kernels.h). */
#ifndef LT_TENSOR_WINOGRAD_IMPL_H
#define LT_TENSOR_WINOGRAD_IMPL_H

#include "tensor/kernels/conv/conv3_impl.h"

/* Whether the request is faster by Winograd's transforms than by direct sums: it has enough
 * channels and enough tiles. */
bool lt_winograd_pays(const lt_ctx *ctx, const lt_conv3 *q);

/* Whether the request may have `with`. It may not where a vector of tiles spans two samples,
 * because its sums would mix them. */
bool lt_winograd_sums(const lt_ctx *ctx, const lt_conv3 *q);

lt_conv3_run lt_winograd_run;

#endif
