/* The convolutions of VGG19 (Simonyan & Zisserman 2015) and the perceptual loss on their features.
 * Tensor names are those of vgg19_conv.pth: conv1_1.weight, conv1_1.bias, ... */
#ifndef LT_NN_VGG19_H
#define LT_NN_VGG19_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_VGG19_CONVS 16 /* conv1_1 to conv5_4 */

typedef struct lt_vgg19 lt_vgg19;

/* Makes a network over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_vgg19_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE (naming the tensor),
 * LT_ERR_MEMORY. */
LT_API lt_status lt_vgg19_create(lt_ctx *ctx, const lt_params *params, lt_vgg19 **out);

/* Frees a network, not its parameters. NULL is accepted. */
LT_API void lt_vgg19_free(lt_vgg19 *net);

/* The name of convolution i, "conv1_1" to "conv5_4"; NULL unless 0 <= i < LT_VGG19_CONVS. */
LT_API const char *lt_vgg19_layer_name(int i);

/* The feature maps of images (N, 3, H, W) with values in [-1, 1], which are turned into the
 * network's input first: BGR, 0 to 1, minus the training set's mean, times 255. out[i] becomes the
 * map after the ReLU of convolution i where bit i of `wanted` is set, else NULL. Nothing beyond the
 * last wanted convolution is computed. */
LT_API lt_status lt_vgg19_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images,
                                   unsigned wanted, lt_tensor *out[LT_VGG19_CONVS]);

/* The map of conv5_2, (N, C, H/16, W/16), of images (N, 3, H, W) with values in [-1, 1]. */
LT_API lt_tensor *lt_vgg19_perceptual_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images);

/* The perceptual loss of CF-CLIP's training: the mean absolute difference between the
 * lt_vgg19_perceptual_features() of two batches of images. No gradient flows to x. */
LT_API lt_tensor *lt_vgg19_perceptual_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                           lt_tensor *x);

/* The style term of the published loss, which CF-CLIP's training computes and drops: the mean
 * absolute differences between the Gram matrices (Gatys et al. 2016) of the second convolution of
 * each of the five stages, summed. No gradient flows to x. */
LT_API lt_tensor *lt_vgg19_style_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                      lt_tensor *x);

/* The content term of the published loss, which CF-CLIP's training computes and drops: the mean
 * squared difference between the maps of conv4_2. No gradient flows to x. */
LT_API lt_tensor *lt_vgg19_content_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                        lt_tensor *x);

LT_END_DECLS

#endif
