/* Private side of matrix products on AMX (amx_kernels.h). */
#ifndef LT_TENSOR_AMX_IMPL_H
#define LT_TENSOR_AMX_IMPL_H

#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/tensor_impl.h"

/* The kernels of a context for which ctx->amx holds. */
const struct lt_amx_kernels *lt_amx_kernels_of(const lt_ctx *ctx);

/* Whether it is faster than OpenBLAS. */
bool lt_amx_pays(const lt_ctx *ctx, int64_t m, int64_t n, int64_t k);

/* C (m x n) = alpha A op(B) + beta C as lt_sgemm(); b may be float16. False where there was no
 * memory for packed operands, and C is as it was. Results do not depend on the number of threads.
 */
bool lt_amx_gemm(lt_ctx *ctx, int64_t m, int64_t n, int64_t k, float alpha, const lt_amx_source *a,
                 const lt_amx_source *b, float beta, float *c, int64_t ldc);

#endif
