/* Optimisers: SGD with momentum; Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019);
 * Ranger: RAdam (Liu et al. 2020) with Lookahead (Zhang et al. 2019) and gradient centralisation
 * (Yong et al. 2020). */
#ifndef LT_NN_OPTIM_H
#define LT_NN_OPTIM_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef enum lt_optim_kind { LT_SGD = 0, LT_ADAM = 1, LT_RANGER = 2 } lt_optim_kind;

typedef struct lt_optim_config {
    lt_optim_kind kind;
    float lr;              /* learning rate, at least 0 */
    double beta1, beta2;   /* Adam, Ranger: decay of the means of gradients and of their squares */
    double eps;            /* Adam, Ranger: added to the root of the second mean, above 0 */
    float momentum;        /* SGD */
    float weight_decay;    /* decoupled, as in AdamW; tensors of one axis are not decayed */
    int lookahead_k;       /* Ranger: every so many steps, at least 1, the slow weights follow */
    float lookahead_alpha; /* Ranger: slow += lookahead_alpha * (fast - slow), and fast = slow */
} lt_optim_config;

/* The published settings of an optimiser. Adam: lr 0.001, betas 0.9 and 0.999, eps 1e-8. Ranger: lr
 * 0.5, betas 0.95 and 0.999, eps 1e-5, lookahead_k 6, lookahead_alpha 0.5. SGD: lr 0.1.
 * momentum and weight_decay are 0. */
LT_API lt_optim_config lt_optim_defaults(lt_optim_kind kind);

typedef struct lt_optim lt_optim;

/* Makes an optimiser for the tensors of `params` that require a gradient at this moment. It borrows
 * `params`. *out (NULL on failure) is the caller's, who gives it to lt_optim_free(). Errors:
 * LT_ERR_ARGUMENT (the configuration, or a tensor that is not contiguous), LT_ERR_MEMORY. */
LT_API lt_status lt_optim_create(lt_ctx *ctx, lt_params *params, const lt_optim_config *config,
                                 lt_optim **out);

/* Frees an optimiser. NULL is accepted. */
LT_API void lt_optim_free(lt_optim *optim);

/* Changes the tensors in place by one step along their gradients. Tensors without a gradient stay
 * as they are. The result does not depend on the number of threads. Errors: LT_ERR_MEMORY. */
LT_API lt_status lt_optim_step(lt_ctx *ctx, lt_optim *optim);

/* Drops the gradients of the optimiser's tensors. */
LT_API void lt_optim_zero_grad(lt_optim *optim);

/* Sets the learning rate of further steps. */
LT_API void lt_optim_set_lr(lt_optim *optim, float lr);

/* How many steps were taken. */
LT_API int64_t lt_optim_steps(const lt_optim *optim);

/* Scales all gradients by one factor so that their joint l2 norm is at most max_norm. *norm, unless
 * NULL, becomes the norm before. Errors: LT_ERR_MEMORY. */
LT_API lt_status lt_optim_clip_grad(lt_ctx *ctx, lt_optim *optim, double max_norm, double *norm);

/* Adds copies of the optimiser's state to `into`: tensors "optim.<slot>.<name>" and the metadata
 * "optim.steps". An optimiser that lt_optim_restore()s them continues with bit-identical results.
 * Errors: LT_ERR_ARGUMENT (`into` has such a tensor already), LT_ERR_MEMORY. */
LT_API lt_status lt_optim_store(lt_ctx *ctx, const lt_optim *optim, lt_params *into);

/* Sets the optimiser's state from what lt_optim_store() added to `from`. Errors: LT_ERR_MISSING,
 * LT_ERR_SHAPE, LT_ERR_DTYPE, LT_ERR_FORMAT; the state is unspecified after an error. */
LT_API lt_status lt_optim_restore(lt_ctx *ctx, lt_optim *optim, const lt_params *from);

LT_END_DECLS

#endif
