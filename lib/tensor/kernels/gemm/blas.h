/* The one door to the BLAS: which kernels are in use, and matrix products.
 *
 * OpenBLAS is loaded at run time, after its kernel set has been chosen from the
 * CPU's features: a distribution's OpenBLAS does not know processors newer
 * than itself and would fall back to its oldest kernels. OPENBLAS_CORETYPE in
 * the environment overrides the choice. Without OpenBLAS the portable kernel of
 * this library is used, slowly. OpenBLAS itself always runs on the calling
 * thread; the library's own threads split the work. Large products go to AMX
 * where the processor has it and it is faster, about as exact as float32 sums
 * (amx_kernels.h). */
#ifndef LT_TENSOR_BLAS_H
#define LT_TENSOR_BLAS_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

typedef struct lt_cpu_info {
    char blas[96];    /* OpenBLAS's own configuration string, or "portable" */
    char kernels[32]; /* kernel set in use: "SkylakeX", "Haswell", ... */
    char isa[16];     /* this library's own kernels: "avx512, amx", "avx512", "avx2", "base" */
    char cpu[64];     /* processor name, where the system tells */
    int cores;
} lt_cpu_info;

LT_API lt_cpu_info lt_cpu_describe(lt_ctx *ctx);

/* GFLOP/s (2mnk per second) of the BLAS's square float32 products of size n on
 * the context's threads, best of several within `seconds`. */
LT_API lt_status lt_sgemm_rate(lt_ctx *ctx, int64_t n, double seconds, double *gflops);

/* C (m x n) = alpha op(A) op(B) + beta C, row-major, leading dimensions in
 * elements; op(A) is m x k, op(B) is k x n, a transposed operand is stored the
 * other way round. C must not alias A or B. */
LT_API void lt_sgemm(lt_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                     float beta, float *c, int64_t ldc);

LT_END_DECLS

#endif
