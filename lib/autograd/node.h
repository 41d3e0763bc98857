/* How an operation records itself on the tape. Private to lib/autograd.
 *
 * An operation computes its result with lt_new() and then calls
 *
 *     lt_tensor *const inputs[2] = {a, b};
 *     lt_node *n = lt_record(ctx, out, my_backward, 2, inputs, sizeof(struct my_params));
 *     if (n) {
 *         ((struct my_params *)lt_node_params(n))->alpha = alpha;
 *         lt_node_save(n, 0, a);
 *     }
 *     return lt_recorded(ctx, out); */
#ifndef LT_AUTOGRAD_NODE_H
#define LT_AUTOGRAD_NODE_H

#include "autograd/tape.h"
#include "tensor/tensor_impl.h"

/* One recorded operation. */
typedef struct lt_node lt_node;

/* The backward function of an operation: adds to the gradients of its inputs, by lt_grad_add() or
 * lt_grad_in_place(), for each input that lt_wants_grad(). gy is d(loss)/d(out): float32,
 * contiguous, of the shape of out. The tape owns gy and releases it after the call. Recording is
 * off, and a scope is open for the call alone. */
typedef lt_status (*lt_backward_fn)(lt_ctx *ctx, lt_node *node, lt_tensor *gy);

/* Appends a node for `out`, computed from `input[0..inputs)`, in which NULL is an absent operand.
 * Parameters are plain data of params_bytes, zeroed. Returns NULL where nothing needs recording (no
 * input requires a gradient, recording is off, out is NULL), and also where memory ran out: the
 * failure is in the context then, and lt_recorded() tells the two apart. */
lt_node *lt_record(lt_ctx *ctx, lt_tensor *out, lt_backward_fn backward, int inputs,
                   lt_tensor *const *input, size_t params_bytes);

/* The result that an operation returns after lt_record(): out, or NULL if recording ran out of
 * memory. */
lt_tensor *lt_recorded(lt_ctx *ctx, lt_tensor *out);

/* Whether lt_record() would record an operation with these inputs: lets an operation skip work that
 * only its backward function needs. */
bool lt_would_record(const lt_ctx *ctx, int inputs, lt_tensor *const *input);

/* The parameters of a node, aligned to 16 bytes. */
void *lt_node_params(lt_node *node);

#define LT_NODE_SAVED 8 /* slots for saved tensors in each node */

/* Retains t in a slot of the node until the node is freed. NULL is accepted. */
void lt_node_save(lt_node *node, int slot, lt_tensor *t);

/* The tensor that lt_node_save() put in a slot; NULL if there is none. */
lt_tensor *lt_node_saved(const lt_node *node, int slot);

/* Input i of the operation, for its shape and gradient alone: its values may be gone, unless the
 * node saved them. */
lt_tensor *lt_node_input(const lt_node *node, int i);

/* The number of inputs that lt_record() was told. */
int lt_node_inputs(const lt_node *node);

/* Whether input i is present and requires a gradient. */
bool lt_wants_grad(const lt_node *node, int i);

/* Whether anything besides one reference to t may read the memory of t: a second reference, a view,
 * or the owner of borrowed memory. */
bool lt_is_shared(const lt_tensor *t);

/* A tensor of the shape of gy for a gradient: gy itself where its memory is not shared, else a
 * new one. A caller reads each element of gy before it overwrites that element. NULL after a
 * failure. */
lt_tensor *lt_grad_buffer(lt_ctx *ctx, lt_tensor *gy);

/* The gradient of input i as a contiguous array to add to: the sum so far, or zeros. Saves an
 * operation that touches only a part of its input the full-sized tensor that lt_grad_add() would
 * need. NULL after a failure. */
float *lt_grad_in_place(lt_ctx *ctx, lt_node *node, int i);

/* Gives input i a gradient whose memory holds nothing yet, for the node that made input i to write
 * in full. The caller tells that node so, and must have been recorded directly after it. */
lt_status lt_grad_promise(lt_ctx *ctx, lt_node *node, int i);

/* Adds g, a float32 tensor of the shape of input i, to the gradient of input i. The first
 * contribution is kept without a copy if it is contiguous. A NULL g reports the failure that made
 * it so. Does nothing unless lt_wants_grad(). */
lt_status lt_grad_add(lt_ctx *ctx, lt_node *node, int i, lt_tensor *g);

#endif
