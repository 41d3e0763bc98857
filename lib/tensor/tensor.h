/* Tensors: N-dimensional arrays with shape, strides and shared storage.
 *
 * Computation is in float32; float16 and bfloat16 are storage types, int32
 * holds ids. Images are (N, C, H, W), convolution weights (O, C, kH, kW),
 * row-major. A view shares its base's storage. */
#ifndef LT_TENSOR_TENSOR_H
#define LT_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

#define LT_MAX_DIMS 6

typedef enum lt_dtype {
    LT_F32 = 0,
    LT_F16 = 1,
    LT_BF16 = 2,
    LT_I32 = 3,
    LT_U8 = 4,
    LT_I64 = 5,
    LT_F64 = 6
} lt_dtype;

/* Bytes of one element; 0 for an unknown value. */
LT_API size_t lt_dtype_size(lt_dtype dtype);
/* The safetensors name ("F32", "BF16", ...). */
LT_API const char *lt_dtype_name(lt_dtype dtype);

/* New tensors, owned by the innermost scope. ndim 0 is a scalar (one element);
 * sizes may be 0. NULL on failure. */
LT_API lt_tensor *lt_empty(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape);
LT_API lt_tensor *lt_zeros(lt_ctx *ctx, int ndim, const int64_t *shape);
LT_API lt_tensor *lt_full(lt_ctx *ctx, int ndim, const int64_t *shape, float value);
LT_API lt_tensor *lt_scalar(lt_ctx *ctx, float value);
/* Copies `data` (row-major, as many elements as the shape has). */
LT_API lt_tensor *lt_from_copy(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                               const void *data);
/* Borrows `data`, which must outlive the tensor and every view of it;
 * `release(owner)` (may be NULL) is called when the last one goes. */
LT_API lt_tensor *lt_from_borrow(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                                 const void *data, void (*release)(void *owner), void *owner);

/* One more reference, outside scopes; returns `t`. NULL is accepted. */
LT_API lt_tensor *lt_retain(lt_tensor *t);
/* Gives back a reference that lt_retain() took. NULL is accepted. */
LT_API void lt_release(lt_tensor *t);

/* Shape of a tensor. lt_dim() counts from the end for negative `axis`; an axis
 * that does not exist has size 1. */
LT_API lt_dtype lt_type(const lt_tensor *t);
LT_API int lt_ndim(const lt_tensor *t);
LT_API const int64_t *lt_shape(const lt_tensor *t);
LT_API const int64_t *lt_strides(const lt_tensor *t); /* in elements */
LT_API int64_t lt_dim(const lt_tensor *t, int axis);
LT_API int64_t lt_numel(const lt_tensor *t);
LT_API bool lt_is_contiguous(const lt_tensor *t);
LT_API bool lt_same_shape(const lt_tensor *a, const lt_tensor *b);
/* "(2, 3, 32, 32)" into buf; returns buf. */
LT_API const char *lt_shape_string(const lt_tensor *t, char *buf, size_t cap);

/* The first element. lt_f32() is NULL unless the tensor is a contiguous
 * float32 one; lt_data() is for any type and strides. */
LT_API float *lt_f32(const lt_tensor *t);
LT_API int32_t *lt_i32(const lt_tensor *t);
LT_API void *lt_data(const lt_tensor *t);
/* The single value of a one-element float32 tensor; NaN otherwise. */
LT_API float lt_item(const lt_tensor *t);

/* Copies of the values, without gradient: a contiguous copy in another type
 * (conversion rounds to nearest even), and `src` into `dst` of the same shape
 * (any strides and types). */
LT_API lt_tensor *lt_cast(lt_ctx *ctx, const lt_tensor *t, lt_dtype dtype);
LT_API lt_tensor *lt_clone(lt_ctx *ctx, const lt_tensor *t);
LT_API lt_status lt_copy_into(lt_ctx *ctx, lt_tensor *dst, const lt_tensor *src);

/* Views without gradient (the differentiable ones are in autograd/ops.h). */
LT_API lt_tensor *lt_view(lt_ctx *ctx, const lt_tensor *t, int ndim, const int64_t *shape,
                          const int64_t *strides, int64_t offset);
/* The same values in a new leaf without gradient. */
LT_API lt_tensor *lt_detach(lt_ctx *ctx, const lt_tensor *t);

/* LT_ERR_NUMERIC, naming `what` and the first bad index, if a float32 tensor
 * holds a NaN or an infinity. */
LT_API lt_status lt_check_finite(lt_ctx *ctx, const lt_tensor *t, const char *what);

LT_END_DECLS

#endif
