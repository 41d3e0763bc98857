/* Matrix products of float32.
 *
 * OpenBLAS is loaded when the first product needs it, once a process. Its kernel set is chosen from
 * the processor's features: a distribution's OpenBLAS does not know processors newer than itself
 * and would fall back to its oldest kernels. OPENBLAS_CORETYPE in the environment overrides the
 * choice; LT_BLAS=portable, or a system without OpenBLAS, leaves the work to portable kernels.
 * OpenBLAS always runs on the calling thread: the context's threads split the work. While it
 * is loaded, the environment is changed for a moment, so no other thread should read or write it
 * then; lt_cpu_describe() loads it at a moment of the caller's choice.
 *
 * OpenBLAS needs 128 MiB of address space for each thread that calls it at once. Where a limit
 * (`ulimit -v`) is too low for all threads, they take turns; where it is too low for one, the
 * portable kernels do the work.
 *
 * Large products go to AMX where the processor has it and it is faster. Their errors are about
 * those of sums in float32. */
#ifndef LT_TENSOR_BLAS_H
#define LT_TENSOR_BLAS_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* C (m x n) = alpha op(A) op(B) + beta C, row-major, leading dimensions in
 * elements; op(A) is m x k, op(B) is k x n, a transposed operand is stored the
 * other way round. C must not alias A or B. */
LT_API void lt_sgemm(lt_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb,
                     float beta, float *c, int64_t ldc);

LT_END_DECLS

#endif
