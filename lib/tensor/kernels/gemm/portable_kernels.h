/* The matrix product without OpenBLAS, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_PORTABLE_KERNELS_H
#define LT_TENSOR_PORTABLE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/isa.h"

struct lt_portable_kernels {
    /* C (m x n) = alpha op(A) op(B) + beta C, with the arguments of lt_sgemm(). The terms of each
     * sum are added in the order of k, one after the other. */
    void (*gemm)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
};

LT_ISA_DECLARE(lt_portable_kernels);

#endif
