/* What the files of the operations share: checks of arguments, strided copies, elementwise
 * functions, broadcasting, sums. Nothing here records on the tape. Private to lib/autograd. */
#ifndef LT_AUTOGRAD_OPS_IMPL_H
#define LT_AUTOGRAD_OPS_IMPL_H

#include "autograd/node.h"
#include "tensor/kernels/dense_kernels.h"
#include "tensor/team.h"

/* Work on fewer than LT_GRAIN elements stays on the calling thread. Long arrays are cut into chunks
 * of LT_CHUNK elements whatever the number of threads, so that sums of the chunks' partial sums do
 * not depend on it. */
enum { LT_GRAIN = 32768, LT_CHUNK = 16384 };

/* The number of threads for so many elements of work. */
static inline int lt_threads(const lt_ctx *ctx, int64_t work)
{
    return work < LT_GRAIN ? 1 : ctx->threads;
}

/* The number of elements in chunk c of an array of n. */
static inline int64_t lt_chunk_size(int64_t n, int64_t c)
{
    return n - c * LT_CHUNK < LT_CHUNK ? n - c * LT_CHUNK : LT_CHUNK;
}

/* The number of chunks of an array of n. */
static inline int64_t lt_chunks(int64_t n) { return (n + LT_CHUNK - 1) / LT_CHUNK; }

/* The first element of a float32 tensor of any strides. */
static inline float *lt_floats(const lt_tensor *t) { return (float *)(void *)t->data; }

/* The dense kernels for the instruction set in use. */
static inline const struct lt_dense_kernels *lt_dense_table(const lt_ctx *ctx)
{
    return LT_ISA_SELECT(ctx, lt_dense_kernels);
}

/* The offset of the index-th element, counted in row-major order, of a strided array. */
static inline int64_t lt_offset(int ndim, const int64_t *shape, const int64_t *stride,
                                int64_t index)
{
    int64_t offset = 0;
    for (int i = ndim - 1; i >= 0; i--) {
        offset += index % shape[i] * stride[i];
        index /= shape[i];
    }
    return offset;
}

/* ---- arguments and copies (ops_common.c); op and name are for messages ---- */

/* The axis counted from the front, for an axis that may be negative; -1 after recording a
 * failure. */
int lt_axis(lt_ctx *ctx, const lt_tensor *t, int axis, const char *op);

/* A contiguous int32 copy of ids; NULL after recording a failure. */
lt_tensor *lt_ids(lt_ctx *ctx, const lt_tensor *ids, const char *op, const char *name);

/* Copies float32 values between two strided arrays of one shape. */
void lt_copy_strided(lt_ctx *ctx, int ndim, const int64_t *shape, const float *src,
                     const int64_t *src_stride, float *dst, const int64_t *dst_stride);

/* t itself if it is contiguous, else a contiguous copy, made by all threads. t must be float32.
 * NULL after recording a failure. */
lt_tensor *lt_dense_input(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name);

/* A weight that an operation can use as it is stored: a contiguous float16 or bfloat16 tensor
 * itself, anything else as lt_dense_input(). */
lt_tensor *lt_weight_input(lt_ctx *ctx, lt_tensor *w, const char *op, const char *name);

/* The float32 values of what lt_weight_input() returned: w itself, or a widened copy that belongs
 * to the scope. NULL after a failure. */
const lt_tensor *lt_weight_values(lt_ctx *ctx, const lt_tensor *w);

/* ---- elementwise (ops_common.c) ---- */

/* y = f(x) for n elements; p and q are the parameters of f (dense_kernels.h). */
void lt_run_unary(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *x, float *y, float p,
                  float q);

/* gx = gy * f' for n elements; s is x or f(x), as f requires (dense_kernels.h). */
void lt_run_unary_grad(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *gy, const float *s,
                       float *gx, float p, float q);

/* A new tensor a op b of the broadcast shape; NULL after recording a failure. */
lt_tensor *lt_run_binary(lt_ctx *ctx, lt_binary_op op, const lt_tensor *a, const lt_tensor *b,
                         const char *name);

/* y = x / max(norm, eps) for each row of x (rows, n). inv (rows) receives 1 / norm, or -1 / eps for
 * a row whose norm is below eps. */
void lt_run_normalize(lt_ctx *ctx, int64_t rows, int64_t n, const float *x, float eps, float *y,
                      float *inv);

/* The gradient gx of lt_run_normalize() from the gradient gy, the result y and inv. */
void lt_run_normalize_grad(lt_ctx *ctx, int64_t rows, int64_t n, const float *y, const float *inv,
                           const float *gy, float *gx);

/* ---- sums (ops_common_sums.c) ---- */

/* A new tensor of `shape`: scale times the sum of x, or of x * y unless y is NULL, over the axes
 * along which `shape` broadcasts to the shape of x. x and y are contiguous and of one shape. NULL
 * after a failure. */
lt_tensor *lt_reduce_to(lt_ctx *ctx, const lt_tensor *x, const lt_tensor *y, float scale, int ndim,
                        const int64_t *shape);

/* *out = the sum of a kernel of two arrays of n elements (dot, sum_abs_diff, ...) over their
 * chunks. */
lt_status lt_chunked_sum(lt_ctx *ctx, double (*kernel)(int64_t, const float *, const float *),
                         int64_t n, const float *x, const float *y, double *out);

#endif
