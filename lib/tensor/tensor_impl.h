/* Private layout of contexts and tensors, for this library's own sources. */
#ifndef LT_TENSOR_TENSOR_IMPL_H
#define LT_TENSOR_TENSOR_IMPL_H

#include "tensor/isa.h"
#include "tensor/pool.h"
#include "tensor/sizes.h"
#include "tensor/tensor.h"

typedef struct lt_storage {
    int refs;
    void *data;
    size_t bytes;
    lt_pool *pool;                /* block came from here, or NULL */
    void (*release)(void *owner); /* foreign memory, or NULL */
    void *owner;
} lt_storage;

struct lt_tensor {
    int refs;     /* of those who may read the values: the memory goes with the last */
    int outlines; /* of those who need shape and gradient only */
    lt_dtype dtype;
    int ndim;
    bool requires_grad;
    int64_t shape[LT_MAX_DIMS];
    int64_t stride[LT_MAX_DIMS]; /* elements */
    lt_storage *storage;
    char *data;      /* first element */
    lt_tensor *grad; /* same shape, contiguous float32, or NULL */
};

struct lt_tape;             /* autograd/tape.h */
struct lt_amx_kernels;      /* kernels/gemm/amx_kernels.h */
struct lt_amx_conv_kernels; /* kernels/conv/amx_conv_kernels.h */

/* Kernels that tests put in place of those for the AMX unit: the unit's instructions written out in
 * C, for processors without it. */
typedef struct lt_amx_emulation {
    const struct lt_amx_kernels *products;
    const struct lt_amx_conv_kernels *convolutions;
} lt_amx_emulation;

struct lt_ctx {
    int threads;
    lt_isa isa;
    bool amx;                              /* large products and convolutions go to the AMX unit */
    const lt_amx_emulation *amx_emulation; /* NULL outside of tests: the unit itself */
    lt_status status;
    char message[512];
    lt_pool *pool;

    lt_tensor **scope; /* stack of references, innermost scope on top */
    size_t scope_len, scope_cap;

    int no_grad; /* depth of no-grad regions */
    struct lt_tape *tape;
    void (*tape_free)(struct lt_tape *tape);
};

/* Scratch memory from the context's pool; NULL (failure recorded) when there
 * is none. 64-byte aligned. Freed in any order. */
void *lt_scratch(lt_ctx *ctx, size_t bytes);
void lt_scratch_free(lt_ctx *ctx, void *block);

/* Contiguous float32 `t` itself, or a contiguous copy owned by the scope; NULL
 * with a message naming `op` and `name` if t is NULL or not float32. */
lt_tensor *lt_dense(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name);

/* Keeps shape and gradient of t, not its values. NULL is accepted. */
void lt_outline_retain(lt_tensor *t);
void lt_outline_release(lt_tensor *t);

/* Whether values are stored in 16 bits, and n such values to float32 by the threads of the
 * context. */
bool lt_is_half(const lt_tensor *t);
void lt_widen(lt_ctx *ctx, lt_dtype from, const void *src, float *dst, int64_t n);

/* An uninitialised float32 tensor. */
lt_tensor *lt_new(lt_ctx *ctx, int ndim, const int64_t *shape);
lt_tensor *lt_new_like(lt_ctx *ctx, const lt_tensor *t);

/* Results of so many bytes go past the caches, which would lose the first of them before anything
 * reads them, */
#define LT_STREAM_FROM ((int64_t)32 << 20)

static inline bool lt_large(int64_t floats)
{
    return floats * (int64_t)sizeof(float) >= LT_STREAM_FROM;
}

/* where rows of `row` floats start at lines of the caches. */
static inline bool lt_streams(int64_t floats, int64_t row, const float *to)
{
    return lt_large(floats) && row % 16 == 0 && (uintptr_t)to % 64 == 0;
}

/* Returns NULL after recording a failure: `return LT_NULL(ctx, LT_ERR_SHAPE, "...")`. */
#define LT_NULL(ctx, ...) (lt_fail((ctx), __VA_ARGS__), (lt_tensor *)NULL)

#endif
