/* The BLAS as this library's own sources see it: which one it is, and products without threads. */
#ifndef LT_TENSOR_BLAS_IMPL_H
#define LT_TENSOR_BLAS_IMPL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct lt_blas_facts {
    char config[96];  /* OpenBLAS's configuration string, or "portable" */
    char kernels[32]; /* OpenBLAS's kernel set: "SkylakeX", "Haswell", ..., or "portable" */
} lt_blas_facts;

/* The BLAS in use. The first call in the process, or the first product, loads it. Thread-safe. */
const lt_blas_facts *lt_blas(void);

/* One product on the calling thread alone, for code that is already inside a parallel region.
 * Arguments as lt_sgemm(). */
void lt_sgemm_serial(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                     const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc);

#endif
