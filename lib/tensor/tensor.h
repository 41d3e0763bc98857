/* Tensors: N-dimensional arrays with a shape, strides and shared storage.
 *
 * Operations compute in float32. float16 and bfloat16 are for storage, int32 holds ids. Tensors are
 * row-major: images are (N, C, H, W), convolution weights (O, C, kH, kW). A view shares the storage
 * of the tensor it was made of. */
#ifndef LT_TENSOR_TENSOR_H
#define LT_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* The most axes of a tensor. */
#define LT_MAX_DIMS 6

/* Types of elements. */
typedef enum lt_dtype {
    LT_F32 = 0,
    LT_F16 = 1,
    LT_BF16 = 2,
    LT_I32 = 3,
    LT_U8 = 4,
    LT_I64 = 5,
    LT_F64 = 6
} lt_dtype;

/* Bytes of one element; 0 for a value that is no type. */
LT_API size_t lt_dtype_size(lt_dtype dtype);
/* The name that safetensors files use: "F32", "BF16", ...; "?" for a value that is no type. */
LT_API const char *lt_dtype_name(lt_dtype dtype);

/* Functions that make tensors: the innermost scope owns the result. ndim 0 makes a scalar, which
 * has one element; sizes may be 0. Errors: LT_ERR_SHAPE, LT_ERR_DTYPE, LT_ERR_MEMORY; the result is
 * NULL. */

/* A tensor whose values are not set. */
LT_API lt_tensor *lt_empty(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape);
/* A float32 tensor of zeros. */
LT_API lt_tensor *lt_zeros(lt_ctx *ctx, int ndim, const int64_t *shape);
/* A float32 tensor whose elements all are `value`. */
LT_API lt_tensor *lt_full(lt_ctx *ctx, int ndim, const int64_t *shape, float value);
/* A float32 scalar. */
LT_API lt_tensor *lt_scalar(lt_ctx *ctx, float value);
/* A tensor with a copy of `data`, which is row-major and has as many elements as the shape. */
LT_API lt_tensor *lt_from_copy(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                               const void *data);
/* A tensor that borrows `data`, which must outlive the tensor and every view of it. When the last
 * of them is released, release(owner) is called; `release` may be NULL. On failure it is not
 * called. */
LT_API lt_tensor *lt_from_borrow(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                                 const void *data, void (*release)(void *owner), void *owner);

/* Takes one more reference, which no scope owns, and returns t. NULL is accepted. */
LT_API lt_tensor *lt_retain(lt_tensor *t);
/* Gives back a reference that lt_retain() took; the last one frees the tensor. NULL is accepted. */
LT_API void lt_release(lt_tensor *t);

/* The functions on type and shape take NULL, the result of an operation that failed, for a float32
 * tensor without axes and elements: sizes are 0, pointers to its values NULL.
 *
 * The type of the elements. */
LT_API lt_dtype lt_type(const lt_tensor *t);
/* The number of axes. */
LT_API int lt_ndim(const lt_tensor *t);
/* The size of each axis; the tensor owns the array. */
LT_API const int64_t *lt_shape(const lt_tensor *t);
/* For each axis, elements from one index to the next; the tensor owns the array. */
LT_API const int64_t *lt_strides(const lt_tensor *t);
/* The size of an axis. A negative axis counts from the end; an axis that does not exist has size
 * 1. */
LT_API int64_t lt_dim(const lt_tensor *t, int axis);
/* The number of elements. */
LT_API int64_t lt_numel(const lt_tensor *t);
/* Whether the elements follow each other in row-major order without gaps. */
LT_API bool lt_is_contiguous(const lt_tensor *t);
/* Whether the two have the same number of axes of the same sizes. */
LT_API bool lt_same_shape(const lt_tensor *a, const lt_tensor *b);
/* Writes the shape as in "(2, 3, 32, 32)" to buf, cut off at `cap` bytes, and returns buf. */
LT_API const char *lt_shape_string(const lt_tensor *t, char *buf, size_t cap);

/* The elements of a contiguous float32 tensor; NULL for any other. */
LT_API float *lt_f32(const lt_tensor *t);
/* The elements of a contiguous int32 tensor; NULL for any other. */
LT_API int32_t *lt_i32(const lt_tensor *t);
/* The first element of a tensor of any type and strides. */
LT_API void *lt_data(const lt_tensor *t);
/* The value of a float32 tensor of one element; NaN for any other, and for NULL. */
LT_API float lt_item(const lt_tensor *t);

/* A contiguous copy of the values in another type, without gradient. Conversion rounds to nearest,
 * ties to even; integers saturate, and NaN becomes 0 there. Errors: LT_ERR_ARGUMENT for NULL,
 * LT_ERR_MEMORY. */
LT_API lt_tensor *lt_cast(lt_ctx *ctx, const lt_tensor *t, lt_dtype dtype);
/* A contiguous copy of the values in their own type, without gradient. Errors: as lt_cast(). */
LT_API lt_tensor *lt_clone(lt_ctx *ctx, const lt_tensor *t);
/* Copies the values of src to dst, which has the same shape; strides and types may differ. Errors:
 * LT_ERR_ARGUMENT for NULL, LT_ERR_SHAPE, LT_ERR_MEMORY. */
LT_API lt_status lt_copy_into(lt_ctx *ctx, lt_tensor *dst, const lt_tensor *src);

/* A view without gradient: the element at `offset` of t, in elements from its first one, becomes
 * the first; shape and strides are given. autograd/ops.h has differentiable views. Errors:
 * LT_ERR_SHAPE where it would reach outside of the storage, LT_ERR_ARGUMENT for NULL,
 * LT_ERR_MEMORY. */
LT_API lt_tensor *lt_view(lt_ctx *ctx, const lt_tensor *t, int ndim, const int64_t *shape,
                          const int64_t *strides, int64_t offset);
/* A view of the whole tensor that does not belong to the tape: gradients end there. Errors: as
 * lt_view(). */
LT_API lt_tensor *lt_detach(lt_ctx *ctx, const lt_tensor *t);

/* Fails with LT_ERR_NUMERIC, naming `what` and the first such index, if a contiguous tensor of
 * float32, float16 or bfloat16 holds a NaN or an infinity. */
LT_API lt_status lt_check_finite(lt_ctx *ctx, const lt_tensor *t, const char *what);

LT_END_DECLS

#endif
