/* OpenBLAS's buffers where the address space of the process is limited (setrlimit, `ulimit -v`). */
#ifndef LT_TENSOR_BLAS_BUFFERS_IMPL_H
#define LT_TENSOR_BLAS_BUFFERS_IMPL_H

#include <stdbool.h>

/* Has OpenBLAS allocate as many buffers as may be used at once. `lib` is the handle from dlopen().
 * False where the limit leaves no room for a single buffer: OpenBLAS must not be called then.
 * Called once, before the first product. */
bool lt_blas_buffers_reserve(void *lib);

/* Every product is computed between these two calls. lt_blas_buffers_take() waits until a buffer is
 * free; without a limit neither does anything. */
void lt_blas_buffers_take(void);
void lt_blas_buffers_give(void);

#endif
