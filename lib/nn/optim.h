/* Optimisers: SGD, Adam (Kingma & Ba 2015) and AdamW, Ranger (RAdam, Liu et al. 2020, with
 * Lookahead, Zhang et al. 2019, and gradient centralisation, Yong et al. 2020). */
#ifndef LT_NN_OPTIM_H
#define LT_NN_OPTIM_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef enum lt_optim_kind { LT_SGD = 0, LT_ADAM = 1, LT_RANGER = 2 } lt_optim_kind;

typedef struct lt_optim_config {
    lt_optim_kind kind;
    float lr;
    double beta1, beta2, eps;
    float momentum;        /* SGD */
    float weight_decay;    /* decoupled (AdamW); tensors of one axis are spared */
    int lookahead_k;       /* Ranger: every k-th step ... */
    float lookahead_alpha; /* ... slow += alpha (fast - slow) */
} lt_optim_config;

/* Published defaults: Adam 1e-3, (.9, .999), 1e-8; Ranger lr 0.5, (.95, .999), 1e-5, k 6, alpha .5;
 * SGD lr 0.1, momentum 0. */
LT_API lt_optim_config lt_optim_defaults(lt_optim_kind kind);

typedef struct lt_optim lt_optim;

/* Steps those tensors of `params` that require a gradient now. Borrows `params`. */
LT_API lt_status lt_optim_create(lt_ctx *ctx, lt_params *params, const lt_optim_config *config,
                                 lt_optim **out);
LT_API void lt_optim_free(lt_optim *optim);
/* One step from the tensors' gradients; a tensor without one is left alone. In place, threaded. */
LT_API lt_status lt_optim_step(lt_ctx *ctx, lt_optim *optim);
LT_API void lt_optim_zero_grad(lt_optim *optim);
LT_API void lt_optim_set_lr(lt_optim *optim, float lr);
LT_API int64_t lt_optim_steps(const lt_optim *optim);
/* Scales all gradients so that their joint l2 norm is at most `max_norm`; *norm (may be NULL) is
 * the norm before. */
LT_API lt_status lt_optim_clip_grad(lt_ctx *ctx, lt_optim *optim, double max_norm, double *norm);

/* The state as tensors "optim.<slot>.<name>" and metadata "optim.steps": saving and loading it
 * resumes to the bit-identical result. */
LT_API lt_status lt_optim_store(lt_ctx *ctx, const lt_optim *optim, lt_params *into);
LT_API lt_status lt_optim_restore(lt_ctx *ctx, lt_optim *optim, const lt_params *from);

LT_END_DECLS

#endif
