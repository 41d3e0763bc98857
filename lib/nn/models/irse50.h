/* IR-SE50, the face recognition network of ArcFace (Deng et al. 2019; squeeze and excitation: Hu et
 * al. 2018), and the identity loss on its features.
 *
 * Tensor names are those of model_ir_se50.pth. Inference only: batch norms use their running
 * statistics. */
#ifndef LT_NN_IRSE50_H
#define LT_NN_IRSE50_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_irse50 lt_irse50;

/* Makes a network over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_irse50_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE (naming the tensor),
 * LT_ERR_MEMORY. */
LT_API lt_status lt_irse50_create(lt_ctx *ctx, const lt_params *params, lt_irse50 **out);

/* Frees a network, not its parameters. NULL is accepted. */
LT_API void lt_irse50_free(lt_irse50 *net);

/* Images (N, 3, H, W) with values in [-1, 1] to the network's input (N, 3, 112, 112): averaged to
 * 256 x 256 unless they have that size, cropped to rows 35 to 222 and columns 32 to 219, averaged
 * to 112 x 112. */
LT_API lt_tensor *lt_irse50_preprocess(lt_ctx *ctx, lt_tensor *images);

/* Features (N, 512) of length 1 of what lt_irse50_preprocess() returned. */
LT_API lt_tensor *lt_irse50_embed(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x);

/* Features (N, 512) of length 1 of images (N, 3, H, W) with values in [-1, 1]: lt_irse50_embed() of
 * lt_irse50_preprocess(). */
LT_API lt_tensor *lt_irse50_features(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *images);

/* 1 minus the mean cosine between the rows of two sets of features (N, 512) of length 1: a scalar.
 * No gradient flows to `target`. */
LT_API lt_tensor *lt_irse50_feature_loss(lt_ctx *ctx, lt_tensor *features, lt_tensor *target);

/* The identity loss: lt_irse50_feature_loss() between the features of two batches of images
 * (N, 3, H, W) with values in [-1, 1]. No gradient flows to x. */
LT_API lt_tensor *lt_irse50_identity_loss(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x_hat,
                                          lt_tensor *x);

LT_END_DECLS

#endif
