/* The body of the IR-SE networks of ArcFace (Deng et al. 2019): an input layer and bottlenecks with
 * squeeze and excitation (Hu et al. 2018), as face recognition (irse50.h) and the e4e encoder
 * (e4e.h) have it. Inference only: batch norms use their running statistics. */
#ifndef LT_NN_IRSE_BODY_IMPL_H
#define LT_NN_IRSE_BODY_IMPL_H

#include "nn/params.h"

enum { LT_IRSE_LEVELS = 3 };

struct lt_irse_norm {
    lt_tensor *weight, *bias, *mean, *var; /* (C) */
};

/* Tensors NAME.weight, .bias, .running_mean, .running_var. */
lt_status lt_irse_norm_find(lt_ctx *ctx, const lt_params *params, const char *name,
                            int64_t channels, struct lt_irse_norm *out);
lt_tensor *lt_irse_norm_run(lt_ctx *ctx, const struct lt_irse_norm *norm, lt_tensor *x);

struct lt_irse_body;

/* Of the tensors under `prefix` ("", "encoder."). Borrows from params. *out is given to
 * lt_irse_body_free(). */
lt_status lt_irse_body_find(lt_ctx *ctx, const lt_params *params, const char *prefix,
                            struct lt_irse_body **out);
void lt_irse_body_free(struct lt_irse_body *body);
int lt_irse_body_units(const struct lt_irse_body *body);

/* Levels are the last sizes that pictures have in the body: 0 what it gives, 1 what enters the unit
 * that halves them last, 2 what enters the one before. Channels of a level, 0 where there is none;
 * its pixels a side for pictures of `side`. */
int64_t lt_irse_body_channels(const struct lt_irse_body *body, int level);
int64_t lt_irse_body_side(const struct lt_irse_body *body, int level, int64_t side);

/* x (N,3,H,W) -> out[l] (N,C_l,H_l,W_l) of each level below `levels` that there is, else NULL. */
lt_status lt_irse_body_run(lt_ctx *ctx, const struct lt_irse_body *body, lt_tensor *x, int levels,
                           lt_tensor *out[LT_IRSE_LEVELS]);

#endif
