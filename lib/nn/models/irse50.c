/* Face recognition: the output layers on the body of IR-SE50, and the identity loss. */
#include "nn/models/irse50.h"

#include <stdlib.h>

#include "autograd/ops.h"
#include "nn/models/irse_body_impl.h"

enum { SIDE = 112, LAST_SIDE = 7, POOLED = 256, CROP_Y = 35, CROP_X = 32, CROP = 188 };

struct lt_irse50 {
    struct lt_irse_body *body;
    struct lt_irse_norm out_first, out_second;
    lt_tensor *out_weight, *out_bias; /* (D, C * 7 * 7), (D) */
};

/* ---- building ---- */

/* Finds the body and the output layers. */
static lt_status find_all(lt_ctx *ctx, const lt_params *params, lt_irse50 *net)
{
    lt_status status = lt_irse_body_find(ctx, params, "", 3, &net->body);
    if (status)
        return status;
    const int64_t c = lt_irse_body_channels(net->body, 0),
                  side = lt_irse_body_side(net->body, 0, SIDE);
    if (side != LAST_SIDE)
        return lt_fail(
            ctx, LT_ERR_SHAPE,
            "irse50: after the body's %d units a picture has %lld pixels a side, expected %d",
            lt_irse_body_units(net->body), (long long)side, LAST_SIDE);
    net->out_weight = lt_params_get(ctx, params, "output_layer.3.weight", 2,
                                    (const int64_t[]){-1, c * LAST_SIDE * LAST_SIDE});
    if (!net->out_weight)
        return lt_ctx_status(ctx);
    const int64_t d = lt_dim(net->out_weight, 0);
    net->out_bias = lt_params_get(ctx, params, "output_layer.3.bias", 1, (const int64_t[]){d});
    lt_irse_norm_find(ctx, params, "output_layer.0", c, &net->out_first);
    lt_irse_norm_find(ctx, params, "output_layer.4", d, &net->out_second);
    return lt_ctx_status(ctx);
}

lt_status lt_irse50_create(lt_ctx *ctx, const lt_params *params, lt_irse50 **out)
{
    *out = NULL;
    lt_irse50 *net = calloc(1, sizeof *net);
    const lt_status status =
        net ? find_all(ctx, params, net) : lt_fail(ctx, LT_ERR_MEMORY, "irse50: out of memory");
    if (status) {
        lt_irse50_free(net);
        return status;
    }
    *out = net;
    return LT_OK;
}

void lt_irse50_free(lt_irse50 *net)
{
    if (net)
        lt_irse_body_free(net->body);
    free(net);
}

/* ---- running ---- */

lt_tensor *lt_irse50_preprocess(lt_ctx *ctx, lt_tensor *images)
{
    if (images && (lt_ndim(images) != 4 || lt_dim(images, 1) != 3)) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE, "irse50: image is %s, expected (N, 3, H, W)",
                lt_shape_string(images, s, sizeof s));
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = images;
    if (x && (lt_dim(x, 2) != POOLED || lt_dim(x, 3) != POOLED))
        x = lt_resize_area(ctx, x, POOLED, POOLED);
    x = lt_slice(ctx, lt_slice(ctx, x, 2, CROP_Y, CROP), 3, CROP_X, CROP);
    return lt_scope_close(ctx, scope, lt_resize_area(ctx, x, SIDE, SIDE));
}

lt_tensor *lt_irse50_embed(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x)
{
    if (x &&
        (lt_ndim(x) != 4 || lt_dim(x, 1) != 3 || lt_dim(x, 2) != SIDE || lt_dim(x, 3) != SIDE)) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE, "irse50: x is %s, expected (N, 3, %d, %d)",
                lt_shape_string(x, s, sizeof s), SIDE, SIDE);
        return NULL;
    }
    lt_tensor *level[LT_IRSE_LEVELS];
    const lt_scope scope = lt_scope_open(ctx);
    if (lt_irse_body_run(ctx, net->body, x, 1, level) != LT_OK)
        return lt_scope_close(ctx, scope, NULL);
    lt_tensor *y = lt_irse_norm_run(ctx, &net->out_first, level[0]);
    if (y)
        y = lt_reshape(ctx, y, 2, (const int64_t[]){lt_dim(y, 0), lt_dim(net->out_weight, 1)});
    y = lt_irse_norm_run(ctx, &net->out_second, lt_linear(ctx, y, net->out_weight, net->out_bias));
    return lt_scope_close(ctx, scope, lt_l2_normalize(ctx, y, 1e-12f));
}

lt_tensor *lt_irse50_features(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *images)
{
    const lt_scope scope = lt_scope_open(ctx);
    return lt_scope_close(ctx, scope, lt_irse50_embed(ctx, net, lt_irse50_preprocess(ctx, images)));
}

lt_tensor *lt_irse50_feature_loss(lt_ctx *ctx, lt_tensor *features, lt_tensor *target)
{
    if (!features || !target)
        return NULL;
    if (!lt_same_shape(target, features)) {
        lt_fail(ctx, LT_ERR_SHAPE,
                "irse50: features of %lld pictures against %lld, expected as many",
                (long long)lt_dim(features, 0), (long long)lt_dim(target, 0));
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *sum = lt_sum(ctx, lt_mul(ctx, features, lt_detach(ctx, target)), 0, false);
    return lt_scope_close(ctx, scope,
                          lt_affine(ctx, sum, -1.0f / (float)lt_dim(features, 0), 1.0f));
}

lt_tensor *lt_irse50_identity_loss(lt_ctx *ctx, const lt_irse50 *net, lt_tensor *x_hat,
                                   lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *target = lt_irse50_features(ctx, net, x);
    lt_no_grad_end(ctx);
    lt_tensor *got = target ? lt_irse50_features(ctx, net, x_hat) : NULL;
    return lt_scope_close(ctx, scope, lt_irse50_feature_loss(ctx, got, target));
}
