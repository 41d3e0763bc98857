/* Private interface between operations and the tape.
 *
 * An operation computes its result with lt_new(), then calls
 *
 *     lt_node *n = lt_record(ctx, out, my_backward, 2, (lt_tensor *[]){a, b}, sizeof(struct
 * my_op)); if (n) { ((struct my_op *)lt_node_params(n))->alpha = alpha; lt_node_save(n, 0, a); }
 *
 * lt_record() returns NULL when nothing needs recording (no input requires a
 * gradient, no-grad region) and also when memory ran out; in the latter case the
 * failure is recorded, and lt_recorded(ctx, out) turns it into NULL. Inputs may
 * be NULL (absent operands). Parameters are zeroed plain data. */
#ifndef LT_AUTOGRAD_NODE_H
#define LT_AUTOGRAD_NODE_H

#include "autograd/tape.h"
#include "tensor/tensor_impl.h"

typedef struct lt_node lt_node;

/* gy is d(loss)/d(out), contiguous float32, shaped as out, owned by the tape,
 * which releases it after the call. The function adds to its inputs' gradients
 * with lt_grad_add() for those inputs that lt_wants_grad(). Runs with recording
 * off and in a scope of its own. */
typedef lt_status (*lt_backward_fn)(lt_ctx *ctx, lt_node *node, lt_tensor *gy);

lt_node *lt_record(lt_ctx *ctx, lt_tensor *out, lt_backward_fn backward, int inputs,
                   lt_tensor *const *input, size_t params_bytes);
/* `out`, or NULL if recording it failed. */
lt_tensor *lt_recorded(lt_ctx *ctx, lt_tensor *out);

/* Whether lt_record() would record an operation with these inputs: lets an
 * operation skip computing what only backward needs. */
bool lt_would_record(const lt_ctx *ctx, int inputs, lt_tensor *const *input);

#define LT_NODE_SAVED 8
void *lt_node_params(lt_node *node);
void lt_node_save(lt_node *node, int slot, lt_tensor *t); /* retains t; NULL is accepted */
lt_tensor *lt_node_saved(const lt_node *node, int slot);
/* Shape and gradient only: values that backward needs must have been saved. */
lt_tensor *lt_node_input(const lt_node *node, int i);
int lt_node_inputs(const lt_node *node);
bool lt_wants_grad(const lt_node *node, int i);

/* Whether somebody besides one reference to t may see its memory. */
bool lt_is_shared(const lt_tensor *t);

/* A tensor like gy to write a gradient to: gy itself where nobody else holds its memory, which must
 * then be read for the last time as it is overwritten. */
lt_tensor *lt_grad_buffer(lt_ctx *ctx, lt_tensor *gy);

/* The gradient of input i as an array to add into: what has gathered there so far, if nobody else
 * holds it, else a copy or zeros. Operations that touch a part of it, or come often, thus cost
 * no pass over it each. NULL after a failure. */
float *lt_grad_in_place(lt_ctx *ctx, lt_node *node, int i);

/* A gradient of input i that nothing has been written to yet: for a function that promises the node
 * which made the input to tell it so, and that nothing was recorded between the two. */
lt_status lt_grad_promise(lt_ctx *ctx, lt_node *node, int i);

/* Adds g (any tensor of input i's shape and float32; contiguous ones are taken
 * over without a copy when they are the first) to the gradient of input i.
 * NULL g (a failure) is reported. */
lt_status lt_grad_add(lt_ctx *ctx, lt_node *node, int i, lt_tensor *g);

#endif
