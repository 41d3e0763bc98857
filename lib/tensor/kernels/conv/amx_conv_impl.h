/* 3 x 3 convolutions on AMX (amx_conv_kernels.h). */
#ifndef LT_TENSOR_AMX_CONV_IMPL_H
#define LT_TENSOR_AMX_CONV_IMPL_H

#include "tensor/kernels/conv/conv3_impl.h"

struct lt_amx_conv_kernels; /* amx_conv_kernels.h */

/* The kernels of a context for which ctx->amx holds. */
const struct lt_amx_conv_kernels *lt_amx_conv_kernels_of(const lt_ctx *ctx);

/* Whether it is faster there than by Winograd's products of float32. */
bool lt_amx_conv_pays(const lt_ctx *ctx, const lt_conv3 *q);

/* A value that is not finite makes all outputs near it so. */
lt_conv3_run lt_amx_conv_run;

#endif
