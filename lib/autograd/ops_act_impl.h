/* What operations share that end in the tail of a StyleGAN2 layer (ops_bias_act.c). */
#ifndef LT_AUTOGRAD_OPS_ACT_IMPL_H
#define LT_AUTOGRAD_OPS_ACT_IMPL_H

#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/kernels/bias_act_impl.h"

/* Inputs of a node that has the tail, and what it saves; further slots are free. */
enum { LT_ACT_IN_X, LT_ACT_IN_SCALE, LT_ACT_IN_STRENGTH, LT_ACT_IN_BIAS, LT_ACT_INPUTS };
enum {
    LT_ACT_SAVED_SCALE,
    LT_ACT_SAVED_NOISE,
    LT_ACT_SAVED_STRENGTH,
    LT_ACT_SAVED_BIAS,
    LT_ACT_SAVED
};

/* The tail's operands, dense, for x of some shape. */
typedef struct lt_act_operands {
    lt_tensor *scale, *noise, *strength, *bias; /* NULL where absent */
    lt_bias_act_planes q;
    bool from_y; /* the way back needs the result only, not x */
} lt_act_operands;

/* Checks the operands for x (N,C,H,W) of `shape`; messages name `op`. */
lt_status lt_act_prepare(lt_ctx *ctx, const char *op, const int64_t *shape, const lt_act *act,
                         lt_act_operands *o);
void lt_act_save(lt_node *node, const lt_act_operands *o);
/* The same operands back in backward, for gradients gy. */
lt_bias_act_planes lt_act_saved(const lt_node *node, const lt_tensor *gy, float slope, float gain);

/* The tape's entry for y, made of x where x's own memory was written over. */
lt_tensor *lt_act_over(lt_ctx *ctx, lt_tensor *x, const lt_act *act, const lt_act_operands *o);

/* Whether one pass can take the gradients of y and of a picture of it back, for x of `shape`. */
bool lt_act_fits_picture(const lt_ctx *ctx, const int64_t *shape, const lt_act_operands *o,
                         const lt_to_rgb *to);

/* lt_act_over(), and the picture; where lt_act_fits_picture(). */
lt_tensor *lt_act_over_picture(lt_ctx *ctx, lt_tensor *x, const lt_act *act,
                               const lt_act_operands *o, const lt_to_rgb *to, lt_tensor **rgb);

/* Gives the small operands their gradients from the sums of planes. */
lt_status lt_act_add_small(lt_ctx *ctx, lt_node *node, const lt_bias_act_planes *q,
                           const lt_bias_act_sums *sums, bool from_y);

#endif
