/* The body of the IR-SE networks of ArcFace (Deng et al. 2019): an input layer and bottlenecks with
 * squeeze and excitation (Hu et al. 2018). Face recognition (irse50.h) and the encoders (encoder.h)
 * are built on it. Inference only: batch norms use their running statistics. Private to the
 * library.
 *
 * Levels are the last three sizes that a picture has on its way through the body:
 *
 *     input -> ... | c1 -> ... | c2 -> ... | c3 ...
 *                  level 2     level 1     level 0, the output
 *
 * where "|" is a unit that halves the sides; c1 and c2 are what enters such a unit. */
#ifndef LT_NN_IRSE_BODY_IMPL_H
#define LT_NN_IRSE_BODY_IMPL_H

#include "nn/params.h"

enum { LT_IRSE_LEVELS = 3 };

/* A batch norm; the tensors belong to the parameters. */
struct lt_irse_norm {
    lt_tensor *weight, *bias, *mean, *var; /* (C) */
};

/* Finds the tensors NAME.weight, .bias, .running_mean and .running_var of a batch norm. Errors:
 * LT_ERR_MISSING, LT_ERR_SHAPE. */
lt_status lt_irse_norm_find(lt_ctx *ctx, const lt_params *params, const char *name,
                            int64_t channels, struct lt_irse_norm *out);

/* The batch norm of x (N, C, ...). */
lt_tensor *lt_irse_norm_run(lt_ctx *ctx, const struct lt_irse_norm *norm, lt_tensor *x);

struct lt_irse_body;

/* Makes a body for inputs of `in` channels from the tensors whose names start with `prefix` ("" or
 * "encoder."). It borrows params. *out (NULL on failure) is the caller's, who gives it to
 * lt_irse_body_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_MEMORY. */
lt_status lt_irse_body_find(lt_ctx *ctx, const lt_params *params, const char *prefix, int64_t in,
                            struct lt_irse_body **out);

/* Frees a body, not its parameters. NULL is accepted. */
void lt_irse_body_free(struct lt_irse_body *body);

/* The number of bottlenecks. */
int lt_irse_body_units(const struct lt_irse_body *body);

/* The number of channels of a level, or 0 where the body halves a picture too few times to have
 * it. */
int64_t lt_irse_body_channels(const struct lt_irse_body *body, int level);

/* Pixels a side of a level, for a picture of side x side pixels. */
int64_t lt_irse_body_side(const struct lt_irse_body *body, int level, int64_t side);

/* Runs x (N, C, H, W) through the body. out[l] becomes the map (N, C_l, H_l, W_l) of each level l
 * below `levels` that the body has, NULL for the others. */
lt_status lt_irse_body_run(lt_ctx *ctx, const struct lt_irse_body *body, lt_tensor *x, int levels,
                           lt_tensor *out[LT_IRSE_LEVELS]);

#endif
