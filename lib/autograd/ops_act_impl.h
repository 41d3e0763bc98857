/* What operations share that end in lt_act, the tail of a StyleGAN2 layer (ops_bias_act.c). Private
 * to lib/autograd. */
#ifndef LT_AUTOGRAD_OPS_ACT_IMPL_H
#define LT_AUTOGRAD_OPS_ACT_IMPL_H

#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/kernels/bias_act_impl.h"

/* The first inputs of a node with the tail. Further inputs are free. */
enum { LT_ACT_IN_X, LT_ACT_IN_SCALE, LT_ACT_IN_STRENGTH, LT_ACT_IN_BIAS, LT_ACT_INPUTS };
/* The first slots of a node with the tail, filled by lt_act_save(). Further slots are free. */
enum {
    LT_ACT_SAVED_SCALE,
    LT_ACT_SAVED_NOISE,
    LT_ACT_SAVED_STRENGTH,
    LT_ACT_SAVED_BIAS,
    LT_ACT_SAVED
};

/* The tensors of an lt_act, contiguous, and the kernels' form of them. */
typedef struct lt_act_operands {
    lt_tensor *scale, *noise, *strength, *bias; /* NULL where absent */
    lt_bias_act_planes q;
    bool from_y; /* backward needs the result y only, not the argument x */
} lt_act_operands;

/* Checks an lt_act for x (N, C, H, W) of `shape` and prepares it. Messages name the operation
 * op. */
lt_status lt_act_prepare(lt_ctx *ctx, const char *op, const int64_t *shape, const lt_act *act,
                         lt_act_operands *o);

/* Saves the operands in a node. */
void lt_act_save(lt_node *node, const lt_act_operands *o);

/* In backward: the operands that lt_act_save() saved, in the kernels' form. gy gives the shape. */
lt_bias_act_planes lt_act_saved(const lt_node *node, const lt_tensor *gy, float slope, float gain);

/* Records the tail for an operation that has applied it already: the memory of x holds y. Returns
 * y, a view of x. Needs o->from_y. */
lt_tensor *lt_act_over(lt_ctx *ctx, lt_tensor *x, const lt_act *act, const lt_act_operands *o);

/* Whether lt_act_over_picture() can be used: whether one backward pass over y can take both the
 * gradient of y and that of the picture made from it. `shape` is that of y. */
bool lt_act_fits_picture(const lt_ctx *ctx, const int64_t *shape, const lt_act_operands *o,
                         const lt_to_rgb *to);

/* lt_act_over(), and *rgb becomes the picture of y by `to`. Needs lt_act_fits_picture(). */
lt_tensor *lt_act_over_picture(lt_ctx *ctx, lt_tensor *x, const lt_act *act,
                               const lt_act_operands *o, const lt_to_rgb *to, lt_tensor **rgb);

/* In backward: adds the gradients of out_scale, noise_weight and bias, from the sums that the
 * kernels took over each plane. from_y: the sums were taken from y rather than from x. */
lt_status lt_act_add_small(lt_ctx *ctx, lt_node *node, const lt_bias_act_planes *q,
                           const lt_bias_act_sums *sums, bool from_y);

#endif
