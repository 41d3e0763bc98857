/* Gradients by reverse-mode differentiation over a tape (Griewank & Walther, "Evaluating
 * Derivatives", 2008).
 *
 * An operation with an input that requires a gradient appends a node to the tape of the context.
 * lt_backward() walks the nodes from the last to the first and adds up the gradients of the leaves:
 * the tensors that were not computed by an operation. It frees each node, with what that node
 * saved, as it passes; so a graph can be differentiated once. A tensor that was computed before its
 * tape was emptied has lost its history: operations and lt_backward() refuse it (LT_ERR_ARGUMENT)
 * while it requires a gradient, since none could reach its leaves. They refuse likewise a tensor of
 * another context that requires a gradient. */
#ifndef LT_AUTOGRAD_TAPE_H
#define LT_AUTOGRAD_TAPE_H

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* Says whether lt_backward() shall compute a gradient of t, which must be float32 and becomes a
 * leaf. Errors: LT_ERR_ARGUMENT (t is NULL), LT_ERR_DTYPE. */
LT_API lt_status lt_set_requires_grad(lt_ctx *ctx, lt_tensor *t, bool requires_grad);

/* Whether t is a leaf that requires a gradient, or was computed from one while recording. */
LT_API bool lt_requires_grad(const lt_tensor *t);

/* The gradient of a leaf: float32, contiguous, of the leaf's shape. The leaf owns it. NULL before
 * the first lt_backward() and after lt_zero_grad(). */
LT_API lt_tensor *lt_grad(const lt_tensor *t);

/* Drops the gradient of t; without this call, further backward passes add to it. */
LT_API void lt_zero_grad(lt_tensor *t);

/* Adds d(loss)/d(leaf) to the gradient of every leaf that requires one, and empties the tape,
 * also when memory runs out on the way. loss has one element. Errors: LT_ERR_SHAPE (more elements),
 * LT_ERR_ARGUMENT (loss is NULL, depends on no leaf that requires a gradient, was computed before
 * the tape was last emptied, or belongs to another context), LT_ERR_MEMORY. To differentiate
 * several losses, add them up. */
LT_API lt_status lt_backward(lt_ctx *ctx, lt_tensor *loss);

/* lt_backward() for a result of any shape: adds the gradients of sum(seed * out). seed has the
 * shape of out; NULL stands for ones. Errors: as lt_backward(). */
LT_API lt_status lt_backward_seed(lt_ctx *ctx, lt_tensor *out, const lt_tensor *seed);

/* Begins a region in which operations record nothing: their results require no gradient. Regions
 * nest. */
LT_API void lt_no_grad_begin(lt_ctx *ctx);

/* Ends the innermost region that lt_no_grad_begin() began. */
LT_API void lt_no_grad_end(lt_ctx *ctx);

/* Empties the tape without computing gradients. */
LT_API void lt_tape_clear(lt_ctx *ctx);

/* The number of operations on the tape. */
LT_API size_t lt_tape_length(const lt_ctx *ctx);

LT_END_DECLS

#endif
