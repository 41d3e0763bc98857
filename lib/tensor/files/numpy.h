/* Reading arrays that NumPy wrote: .npy files (format 1 to 3) and .npz archives of them.
 *
 * Little-endian and big-endian floats of 2, 4 and 8 bytes, signed and unsigned integers of 1 to 8
 * bytes and bools become float32; arrays in Fortran's order are put into C's. Pickled objects are
 * refused: they are programs. */
#ifndef LT_TENSOR_NUMPY_H
#define LT_TENSOR_NUMPY_H

#include <stdbool.h>

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* Whether a file begins as .npy files do, or is a zip archive that ends in ".npz". False for files
 * that cannot be read, and for pipes. */
LT_API bool lt_numpy_is(const char *path);

/* Reads an array of at most LT_MAX_DIMS axes as float32. An archive's array is the first one of
 * names[count] that it has, without ".npy"; if it has none of them, its only array. NULL on
 * failure. Errors, naming the file: LT_ERR_IO, LT_ERR_FORMAT (not such a file, or damaged),
 * LT_ERR_MISSING (several arrays, none of these names), LT_ERR_DTYPE (complex numbers, texts,
 * objects), LT_ERR_SHAPE (too many axes), LT_ERR_UNSUPPORTED (more than LT_NUMPY_MAX_BYTES, an
 * encrypted archive), LT_ERR_MEMORY. */
LT_API lt_tensor *lt_numpy_read(lt_ctx *ctx, const char *path, const char *const *names,
                                size_t count);

/* The largest file, and the largest array in an archive. */
#define LT_NUMPY_MAX_BYTES ((size_t)1 << 31)

LT_END_DECLS

#endif
