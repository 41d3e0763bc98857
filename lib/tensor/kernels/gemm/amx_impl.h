/* Matrix products on the AMX unit, for lt_sgemm() and operations that call them themselves. */
#ifndef LT_TENSOR_AMX_IMPL_H
#define LT_TENSOR_AMX_IMPL_H

#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/tensor_impl.h"

/* The kernels of a context for which ctx->amx holds. */
const struct lt_amx_kernels *lt_amx_kernels_of(const lt_ctx *ctx);

/* Whether the context has the unit and a product (m x k) (k x n) is faster there than with
 * OpenBLAS. */
bool lt_amx_pays(const lt_ctx *ctx, int64_t m, int64_t n, int64_t k);

/* C (m x n) = alpha A op(B) + beta C, as lt_sgemm() computes it; B may be float16. Returns false,
 * and leaves C as it was, when there is no memory for the packed operands. Results do not depend on
 * the number of threads. */
bool lt_amx_gemm(lt_ctx *ctx, int64_t m, int64_t n, int64_t k, float alpha, const lt_amx_source *a,
                 const lt_amx_source *b, float beta, float *c, int64_t ldc);

#endif
