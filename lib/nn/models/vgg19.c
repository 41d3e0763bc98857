/* The convolutions of VGG19, and the losses on their features. */
#include "nn/models/vgg19.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"

static const char *const layer_name[LT_VGG19_CONVS] = {
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4",
};

/* The second convolution of every stage: the features of the published loss. */
enum { CONV1_2 = 1, CONV2_2 = 3, CONV3_2 = 5, CONV4_2 = 9, CONV5_2 = 13, STAGES = 5 };
static const int second_conv[STAGES] = {CONV1_2, CONV2_2, CONV3_2, CONV4_2, CONV5_2};

/* The means of the training set's blue, green and red channel, in 0 to 1. */
static const float bgr_mean[3] = {0.40760392f, 0.45795686f, 0.48501961f};

struct lt_vgg19 {
    lt_tensor *weight[LT_VGG19_CONVS], *bias[LT_VGG19_CONVS]; /* (O, C, 3, 3), (O) */
    lt_tensor *shift; /* retained: (3, 1, 1), what preprocess() adds */
};

lt_status lt_vgg19_create(lt_ctx *ctx, const lt_params *params, lt_vgg19 **out)
{
    *out = NULL;
    lt_vgg19 *net = calloc(1, sizeof *net);
    if (!net)
        return lt_fail(ctx, LT_ERR_MEMORY, "vgg19: out of memory");
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = LT_OK;
    int64_t in = 3;
    for (int i = 0; status == LT_OK && i < LT_VGG19_CONVS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.weight", layer_name[i]);
        net->weight[i] = lt_params_get(ctx, params, name, 4, (const int64_t[]){-1, in, 3, 3});
        in = net->weight[i] ? lt_dim(net->weight[i], 0) : 0;
        snprintf(name, sizeof name, "%s.bias", layer_name[i]);
        if (!net->weight[i] ||
            !(net->bias[i] = lt_params_get(ctx, params, name, 1, (const int64_t[]){in})))
            status = lt_ctx_status(ctx);
    }
    if (status == LT_OK) {
        float shift[3];
        for (int i = 0; i < 3; i++)
            shift[i] = (0.5f - bgr_mean[i]) * 255.0f;
        net->shift = lt_retain(lt_from_copy(ctx, LT_F32, 3, (const int64_t[]){3, 1, 1}, shift));
        status = net->shift ? LT_OK : lt_ctx_status(ctx);
    }
    lt_scope_close(ctx, scope, NULL);
    if (status) {
        lt_vgg19_free(net);
        return status;
    }
    *out = net;
    return LT_OK;
}

void lt_vgg19_free(lt_vgg19 *net)
{
    if (net)
        lt_release(net->shift);
    free(net);
}

const char *lt_vgg19_layer_name(int i)
{
    return i >= 0 && i < LT_VGG19_CONVS ? layer_name[i] : NULL;
}

/* From RGB in [-1, 1] to BGR, ((x + 1) / 2 - mean) * 255. */
static lt_tensor *preprocess(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *bgr[3];
    bool whole = true;
    for (int i = 0; i < 3; i++) {
        bgr[i] = lt_slice(ctx, images, 1, 2 - i, 1);
        whole = whole && bgr[i];
    }
    lt_tensor *x = whole ? lt_concat(ctx, 3, bgr, 1) : NULL;
    return lt_scope_close(ctx, scope, lt_add(ctx, lt_affine(ctx, x, 127.5f, 0.0f), net->shift));
}

lt_status lt_vgg19_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images, unsigned wanted,
                            lt_tensor *out[LT_VGG19_CONVS])
{
    memset(out, 0, LT_VGG19_CONVS * sizeof *out);
    if (!images || lt_ndim(images) != 4 || lt_dim(images, 1) != 3) {
        char s[80];
        if (images)
            return lt_fail(ctx, LT_ERR_SHAPE, "vgg19: image is %s, expected (N, 3, H, W)",
                           lt_shape_string(images, s, sizeof s));
        return lt_ctx_status(ctx) ? lt_ctx_status(ctx)
                                  : lt_fail(ctx, LT_ERR_ARGUMENT, "vgg19: image is NULL");
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = preprocess(ctx, net, images);
    for (int i = 0; x && i < LT_VGG19_CONVS && wanted >> i; i++) {
        /* A new stage, told by the digit in the name, begins with a map of half the sides. */
        if (i > 0 && layer_name[i][4] != layer_name[i - 1][4])
            x = lt_max_pool2d(ctx, x, 2, 2);
        x = lt_relu(ctx, lt_conv2d(ctx, x, NULL, net->weight[i], net->bias[i], 1, 1));
        if (wanted >> i & 1u)
            out[i] = x;
        lt_tensor *keep[LT_VGG19_CONVS + 1];
        memcpy(keep, out, LT_VGG19_CONVS * sizeof *out);
        keep[LT_VGG19_CONVS] = out[i] == x ? NULL : x;
        lt_scope_close_keep(ctx, scope, keep, LT_VGG19_CONVS + 1);
    }
    if (!x) {
        memset(out, 0, LT_VGG19_CONVS * sizeof *out);
        lt_scope_close(ctx, scope, NULL);
        return lt_ctx_status(ctx);
    }
    lt_scope_close_keep(ctx, scope, out, LT_VGG19_CONVS);
    return LT_OK;
}

/* The features f_hat of x_hat, and the features f of x without gradient. */
static lt_status both(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat, lt_tensor *x,
                      unsigned wanted, lt_tensor *f_hat[LT_VGG19_CONVS],
                      lt_tensor *f[LT_VGG19_CONVS])
{
    lt_no_grad_begin(ctx);
    const lt_status status = lt_vgg19_features(ctx, net, x, wanted, f);
    lt_no_grad_end(ctx);
    return status ? status : lt_vgg19_features(ctx, net, x_hat, wanted, f_hat);
}

lt_tensor *lt_vgg19_perceptual_features(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *images)
{
    lt_tensor *map[LT_VGG19_CONVS];
    return lt_vgg19_features(ctx, net, images, 1u << CONV5_2, map) == LT_OK ? map[CONV5_2] : NULL;
}

lt_tensor *lt_vgg19_perceptual_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat,
                                    lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *target = lt_vgg19_perceptual_features(ctx, net, x);
    lt_no_grad_end(ctx);
    lt_tensor *got = target ? lt_vgg19_perceptual_features(ctx, net, x_hat) : NULL;
    return lt_scope_close(ctx, scope, got ? lt_l1_loss(ctx, got, target) : NULL);
}

lt_tensor *lt_vgg19_content_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat, lt_tensor *x)
{
    lt_tensor *f_hat[LT_VGG19_CONVS], *f[LT_VGG19_CONVS];
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *loss = both(ctx, net, x_hat, x, 1u << CONV4_2, f_hat, f) == LT_OK
                          ? lt_mse_loss(ctx, f_hat[CONV4_2], f[CONV4_2])
                          : NULL;
    return lt_scope_close(ctx, scope, loss);
}

/* The Gram matrix of f (N, C, H, W), the correlations of its channels (Gatys et al. 2016): f f^T
 * / (C H W), (N, C, C). */
static lt_tensor *gram(lt_ctx *ctx, lt_tensor *f)
{
    const int64_t n = lt_dim(f, 0), c = lt_dim(f, 1), area = lt_dim(f, 2) * lt_dim(f, 3);
    lt_tensor *flat = lt_reshape(ctx, f, 3, (const int64_t[]){n, c, area});
    return lt_affine(ctx, lt_matmul(ctx, flat, flat, false, true), 1.0f / (float)(c * area), 0.0f);
}

lt_tensor *lt_vgg19_style_loss(lt_ctx *ctx, const lt_vgg19 *net, lt_tensor *x_hat, lt_tensor *x)
{
    lt_tensor *f_hat[LT_VGG19_CONVS], *f[LT_VGG19_CONVS], *loss = NULL;
    unsigned wanted = 0;
    for (int i = 0; i < STAGES; i++)
        wanted |= 1u << second_conv[i];
    const lt_scope scope = lt_scope_open(ctx);
    if (both(ctx, net, x_hat, x, wanted, f_hat, f) == LT_OK) {
        for (int i = 0; i < STAGES; i++) {
            const int k = second_conv[i];
            lt_tensor *term = lt_l1_loss(ctx, gram(ctx, f_hat[k]), gram(ctx, f[k]));
            loss = i == 0 ? term : lt_add(ctx, loss, term);
        }
    }
    return lt_scope_close(ctx, scope, loss);
}
