/* What contexts and tensors consist of, and small helpers, for this library's own sources. */
#ifndef LT_TENSOR_TENSOR_IMPL_H
#define LT_TENSOR_TENSOR_IMPL_H

#include "tensor/isa.h"
#include "tensor/pool.h"
#include "tensor/sizes.h"
#include "tensor/tensor.h"

/* The memory of a tensor and its views. It comes from a pool or belongs to somebody else. */
typedef struct lt_storage {
    int refs;
    void *data;
    size_t bytes;
    lt_pool *pool;                /* where `data` came from, or NULL */
    void (*release)(void *owner); /* called for memory of somebody else, or NULL */
    void *owner;
} lt_storage;

struct lt_tensor {
    int refs;     /* references that need the values: the storage goes with the last */
    int outlines; /* references that need only the shape and the gradient */
    lt_dtype dtype;
    int ndim;
    bool requires_grad;
    int64_t shape[LT_MAX_DIMS];
    int64_t stride[LT_MAX_DIMS]; /* elements */
    lt_storage *storage;
    char *data;          /* the first element */
    lt_tensor *grad;     /* contiguous float32 of the same shape, or NULL */
    const lt_pool *home; /* of the context that made this tensor */
    uint64_t recording;  /* which recording of the tape made it (autograd/tape.c); 0: none */
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
    struct lt_team *team; /* made by the first work for several threads (team.h) */
    lt_isa isa;
    bool amx;                              /* large products and convolutions go to the AMX unit */
    const lt_amx_emulation *amx_emulation; /* NULL outside of tests: the unit itself */
    lt_status status;
    char message[512];
    lt_pool *pool;

    lt_tensor **scope; /* a stack of references, the innermost scope on top */
    size_t scope_len, scope_cap;

    int no_grad; /* how many regions without gradients are open */
    struct lt_tape *tape;
    void (*tape_free)(struct lt_tape *tape);
};

/* Scratch memory from the context's pool, aligned to 64 bytes; NULL with a failure recorded when
 * there is none. Blocks are freed with lt_scratch_free(), in any order; NULL is accepted there. */
void *lt_scratch(lt_ctx *ctx, size_t bytes);
void lt_scratch_free(lt_ctx *ctx, void *block);

/* t itself where it is contiguous float32, or a contiguous copy that the scope owns. NULL, with a
 * message that names the operation `op` and the argument `name`, if t is NULL or not float32. */
lt_tensor *lt_dense(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name);

/* Takes a reference to the shape and the gradient of t that does not keep its values. NULL is
 * accepted. */
void lt_outline_retain(lt_tensor *t);
/* Gives back a reference that lt_outline_retain() took. NULL is accepted. */
void lt_outline_release(lt_tensor *t);

/* Whether the elements are float16 or bfloat16. */
bool lt_is_half(const lt_tensor *t);
/* Converts n values of type `from`, LT_F16 or LT_BF16, to float32, on the context's threads. */
void lt_widen(lt_ctx *ctx, lt_dtype from, const void *src, float *dst, int64_t n);

/* A float32 tensor whose values are not set. */
lt_tensor *lt_new(lt_ctx *ctx, int ndim, const int64_t *shape);
/* A float32 tensor of the shape of t whose values are not set; NULL for NULL. */
lt_tensor *lt_new_like(lt_ctx *ctx, const lt_tensor *t);

/* From so many bytes on results are written past the caches, which would lose the first of them
 * before anything reads them. */
#define LT_STREAM_FROM ((int64_t)32 << 20)

/* Whether results of so many floats are that large. */
static inline bool lt_large(int64_t floats)
{
    return floats * (int64_t)sizeof(float) >= LT_STREAM_FROM;
}

/* Whether such results may go past the caches: they are large, and rows of `row` floats start at
 * cache lines. */
static inline bool lt_streams(int64_t floats, int64_t row, const float *to)
{
    return lt_large(floats) && row % 16 == 0 && (uintptr_t)to % 64 == 0;
}

/* Records a failure and is NULL, as in `return LT_NULL(ctx, LT_ERR_SHAPE, "...")`. */
#define LT_NULL(ctx, ...) (lt_fail((ctx), __VA_ARGS__), (lt_tensor *)NULL)

#endif
