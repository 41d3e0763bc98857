/* IR-SE50 face recognition network of ArcFace (Deng et al. 2019; squeeze and excitation: Hu et al.
 * 2018), as the identity loss uses it. Tensor names as in model_ir_se50.pth; inference only
 * (running statistics). */
#ifndef LT_NN_IRSE50_H
#define LT_NN_IRSE50_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_irse50 lt_irse50;
LT_API lt_status lt_irse50_create(lt_ctx *ctx, const lt_params *params, lt_irse50 **out);
LT_API void lt_irse50_free(lt_irse50 *net);
/* Images (N,3,H,W) in [-1,1] -> (N,3,112,112): average-pooled to 256 (if not 256 already),
 * rows 35..222, columns 32..219, pooled to 112. */
LT_API lt_tensor *lt_irse50_preprocess(lt_ctx *ctx, lt_tensor *images);
/* (N,3,112,112) -> unit features (N,512). */
LT_API lt_tensor *lt_irse50_embed(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x);
/* Images (N,3,H,W) in [-1,1] -> unit features (N,512): both of the above. */
LT_API lt_tensor *lt_irse50_features(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *images);
/* 1 - mean cosine of unit features (N,512); `target` is taken as it is, without gradient. */
LT_API lt_tensor *lt_irse50_feature_loss(lt_ctx *ctx, lt_tensor *features, lt_tensor *target);
/* The same of two batches of images (N,3,H,W): the identity loss. */
LT_API lt_tensor *lt_irse50_identity_loss(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x_hat,
                                          lt_tensor *x);

LT_END_DECLS

#endif
