/* Reverse-mode differentiation over a tape (Griewank & Walther 2008).
 *
 * While a context is not inside a no-grad region, an operation one of whose
 * inputs requires a gradient appends a node to the context's tape. Backward
 * walks the nodes from last to first, frees each node (and what it saved) as it
 * passes, and leaves gradients in leaves only. */
#ifndef LT_AUTOGRAD_TAPE_H
#define LT_AUTOGRAD_TAPE_H

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* Marks a float32 leaf as wanting a gradient (or not). */
LT_API lt_status lt_set_requires_grad(lt_ctx *ctx, lt_tensor *t, bool requires_grad);
LT_API bool lt_requires_grad(const lt_tensor *t);

/* The gradient that the last backward passes accumulated in a leaf: same shape,
 * float32, contiguous, owned by the leaf; NULL where there is none. */
LT_API lt_tensor *lt_grad(const lt_tensor *t);
LT_API void lt_zero_grad(lt_tensor *t);

/* Accumulates d(loss)/d(leaf) into every leaf that requires a gradient and
 * empties the tape. `loss` has one element; `seed` (may be NULL, meaning ones)
 * otherwise has the shape of `loss`. Errors: LT_ERR_SHAPE, LT_ERR_ARGUMENT when
 * `loss` depends on no such leaf, LT_ERR_MEMORY. */
LT_API lt_status lt_backward(lt_ctx *ctx, lt_tensor *loss);
LT_API lt_status lt_backward_seed(lt_ctx *ctx, lt_tensor *out, const lt_tensor *seed);

/* Regions in which nothing is recorded; they nest. */
LT_API void lt_no_grad_begin(lt_ctx *ctx);
LT_API void lt_no_grad_end(lt_ctx *ctx);

/* Forgets what was recorded without differentiating it. */
LT_API void lt_tape_clear(lt_ctx *ctx);
LT_API size_t lt_tape_length(const lt_ctx *ctx);

LT_END_DECLS

#endif
