/* What the sources of the dense operations share: threads, strided copies,
 * broadcasting and reductions. None of it records anything. */
#ifndef LT_AUTOGRAD_OPS_IMPL_H
#define LT_AUTOGRAD_OPS_IMPL_H

#include "autograd/node.h"
#include "tensor/kernels/dense_kernels.h"

/* Fewer elements than LT_GRAIN stay on the calling thread; longer arrays are
 * worked on in chunks of LT_CHUNK, whatever the number of threads, so that
 * partial sums do not depend on it. */
enum { LT_GRAIN = 32768, LT_CHUNK = 16384 };

/* Threads for so many elements of work. */
static inline int lt_team(const lt_ctx *ctx, int64_t work)
{
    return work < LT_GRAIN ? 1 : ctx->threads;
}

/* How many elements chunk `c` of `n` has. */
static inline int64_t lt_chunk_size(int64_t n, int64_t c)
{
    return n - c * LT_CHUNK < LT_CHUNK ? n - c * LT_CHUNK : LT_CHUNK;
}

static inline int64_t lt_chunks(int64_t n) { return (n + LT_CHUNK - 1) / LT_CHUNK; }

static inline float *lt_floats(const lt_tensor *t) { return (float *)(void *)t->data; }

static inline const struct lt_dense_kernels *lt_dense_table(const lt_ctx *ctx)
{
    return LT_ISA_SELECT(ctx, lt_dense_kernels);
}

/* Offset of the index-th element (row-major) of a strided array. */
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

/* The axis counted from the front, or -1 after recording a failure. */
int lt_axis(lt_ctx *ctx, const lt_tensor *t, int axis, const char *op);

/* A contiguous int32 copy of ids, or NULL with a message. */
lt_tensor *lt_ids(lt_ctx *ctx, const lt_tensor *ids, const char *op, const char *name);

/* Copies float32 values between strided arrays of one shape. */
void lt_copy_strided(lt_ctx *ctx, int ndim, const int64_t *shape, const float *src,
                     const int64_t *src_stride, float *dst, const int64_t *dst_stride);

/* As lt_dense(), by the threads of the context. */
lt_tensor *lt_dense_input(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name);

/* A constant weight as it is stored: lt_dense_input(), or a contiguous float16 or bfloat16 tensor
 * itself; and its values in float32, in memory of the scope where they must be converted. */
lt_tensor *lt_weight_input(lt_ctx *ctx, lt_tensor *w, const char *op, const char *name);
const lt_tensor *lt_weight_values(lt_ctx *ctx, const lt_tensor *w);

/* y = f(x), gx = gy f': n elements, see dense_kernels.h. */
void lt_run_unary(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *x, float *y, float p,
                  float q);
void lt_run_unary_grad(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *gy, const float *s,
                       float *gx, float p, float q);

/* out = a op b in a new tensor of the broadcast shape; NULL with a message. */
lt_tensor *lt_run_binary(lt_ctx *ctx, lt_binary_op op, const lt_tensor *a, const lt_tensor *b,
                         const char *name);

/* scale * sum of x (times y, unless NULL, of x's shape) over the axes along
 * which `shape`, aligned at the end as in broadcasting, has size 1 or no axis:
 * a new tensor of that shape. x and y are contiguous. */
lt_tensor *lt_reduce_to(lt_ctx *ctx, const lt_tensor *x, const lt_tensor *y, float scale, int ndim,
                        const int64_t *shape);

/* Sum over n elements of one of the two-array kernels (dot, ...), by chunks. */
lt_status lt_chunked_sum(lt_ctx *ctx, double (*kernel)(int64_t, const float *, const float *),
                         int64_t n, const float *x, const float *y, double *out);

/* Rows of x (rows, n) made unit: y = x / max(norm, eps). inv (rows) receives
 * 1 / norm, or -1 / eps for rows shorter than eps. */
void lt_run_normalize(lt_ctx *ctx, int64_t rows, int64_t n, const float *x, float eps, float *y,
                      float *inv);
void lt_run_normalize_grad(lt_ctx *ctx, int64_t rows, int64_t n, const float *y, const float *inv,
                           const float *gy, float *gx);

#endif
