/* Private side of the BLAS door. */
#ifndef LT_TENSOR_BLAS_IMPL_H
#define LT_TENSOR_BLAS_IMPL_H

/* Finds and loads OpenBLAS once per process (thread-safe); afterwards the
 * product calls it, or the portable kernel where there is none. */
void lt_blas_load(void);

/* Cores this process may run on. */
int lt_cores(void);

#endif
