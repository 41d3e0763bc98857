/* 3 x 3 convolutions on the AMX unit (amx_conv_kernels.h). */
#ifndef LT_TENSOR_AMX_CONV_IMPL_H
#define LT_TENSOR_AMX_CONV_IMPL_H

#include "tensor/kernels/conv/conv3_impl.h"

struct lt_amx_conv_kernels; /* amx_conv_kernels.h */

/* The kernels of a context for which ctx->amx holds. */
const struct lt_amx_conv_kernels *lt_amx_conv_kernels_of(const lt_ctx *ctx);

/* Whether the context has the unit and the request is faster there than by lt_winograd_run(). */
bool lt_amx_conv_pays(const lt_ctx *ctx, const lt_conv3 *q);

/* A value that is not finite makes all outputs of every tile that sees it not finite, because the
 * values of a tile share a scale. */
lt_conv3_run lt_amx_conv_run;

#endif
