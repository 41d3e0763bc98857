/* VGG19 convolutions (Simonyan & Zisserman 2015) and the perceptual loss on them. Names as in
 * vgg19_conv.pth. */
#ifndef LT_NN_VGG19_H
#define LT_NN_VGG19_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_vgg19 lt_vgg19;
LT_API lt_status lt_vgg19_create(lt_ctx *ctx, const lt_params *params, lt_vgg19 **out);
LT_API void lt_vgg19_free(lt_vgg19 *net);

#define LT_VGG19_CONVS 16
/* "conv1_1" .. "conv5_4". */
LT_API const char *lt_vgg19_layer_name(int i);
/* Images (N,3,H,W) in [-1,1] are turned into the network's input (BGR, 0..1 minus the means, times
 * 255); out[i] (i < LT_VGG19_CONVS) becomes the feature map after ReLU of each layer whose bit is
 * set in `wanted`, else NULL. Nothing beyond the last wanted layer is computed. */
LT_API lt_status lt_vgg19_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images,
                                   unsigned wanted, lt_tensor *out[LT_VGG19_CONVS]);
/* Images -> the conv5_2 features (N,C,H/16,W/16), whose mean absolute difference (lt_l1_loss) is
 * the perceptual loss. */
LT_API lt_tensor *lt_vgg19_perceptual_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images);
/* The perceptual loss of two batches of images, the term that CF-CLIP's training uses; no gradient
 * reaches x. */
LT_API lt_tensor *lt_vgg19_perceptual_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                           lt_tensor *x);
/* The two further terms of the published loss, which its training computes and drops: mean absolute
 * difference of the Gram matrices of the second convolution of every stage, summed, and mean
 * squared difference of conv4_2. */
LT_API lt_tensor *lt_vgg19_style_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                      lt_tensor *x);
LT_API lt_tensor *lt_vgg19_content_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                        lt_tensor *x);

LT_END_DECLS

#endif
