#include "nn/irse50.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"

enum { SIDE = 112, LAST_SIDE = 7, POOLED = 256, CROP_Y = 35, CROP_X = 32, CROP = 188 };

static const float bn_eps = 1e-5f;

struct norm {
    lt_tensor *weight, *bias, *mean, *var; /* (C) */
};

/* One bottleneck: batch norm, 3x3, PReLU, 3x3 (strided), batch norm, squeeze
 * and excitation, plus the shortcut. */
struct unit {
    int stride;
    lt_tensor *shortcut; /* (O,C,1,1), NULL: every stride-th pixel as it is */
    struct norm shortcut_norm;
    struct norm first, second;
    lt_tensor *conv1, *slope, *conv2; /* (O,C,3,3), (O), (O,O,3,3) */
    lt_tensor *squeeze, *excite;      /* (O/r,O,1,1), (O,O/r,1,1) */
};

struct lt_irse50 {
    lt_tensor *conv, *slope; /* (C,3,3,3), (C) */
    struct norm norm;
    struct unit *unit;
    int units;
    struct norm out_first, out_second;
    lt_tensor *out_weight, *out_bias; /* (D,C*7*7), (D) */
};

/* ---- building ---- */

static lt_tensor *get(lt_ctx *ctx, const lt_params *params, const char *prefix, const char *suffix,
                      int ndim, const int64_t *shape)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    return lt_params_get(ctx, params, name, ndim, shape);
}

static bool get_norm(lt_ctx *ctx, const lt_params *params, const char *prefix, const char *suffix,
                     int64_t channels, struct norm *out)
{
    char name[64];
    const int64_t shape[1] = {channels};
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    out->weight = get(ctx, params, name, ".weight", 1, shape);
    out->bias = get(ctx, params, name, ".bias", 1, shape);
    out->mean = get(ctx, params, name, ".running_mean", 1, shape);
    out->var = get(ctx, params, name, ".running_var", 1, shape);
    return out->weight && out->bias && out->mean && out->var;
}

/* Unit i with `in` channels; returns its output channels, 0 on failure. The
 * first unit and those that change the channels halve the picture. */
static int64_t get_unit(lt_ctx *ctx, const lt_params *params, int i, int64_t in, struct unit *u)
{
    char body[32], name[64];
    snprintf(body, sizeof body, "body.%d.", i);
    u->conv1 = get(ctx, params, body, "res_layer.1.weight", 4, (const int64_t[]){-1, in, 3, 3});
    if (!u->conv1)
        return 0;
    const int64_t out = lt_dim(u->conv1, 0);
    u->slope = get(ctx, params, body, "res_layer.2.weight", 1, (const int64_t[]){out});
    u->conv2 = get(ctx, params, body, "res_layer.3.weight", 4, (const int64_t[]){out, out, 3, 3});
    u->squeeze =
        get(ctx, params, body, "res_layer.5.fc1.weight", 4, (const int64_t[]){-1, out, 1, 1});
    if (!get_norm(ctx, params, body, "res_layer.0", in, &u->first) ||
        !get_norm(ctx, params, body, "res_layer.4", out, &u->second) || !u->squeeze)
        return 0;
    u->excite = get(ctx, params, body, "res_layer.5.fc2.weight", 4,
                    (const int64_t[]){out, lt_dim(u->squeeze, 0), 1, 1});
    snprintf(name, sizeof name, "%sshortcut_layer.0.weight", body);
    const bool wider = in != out || lt_params_find(params, name);
    u->stride = i == 0 || wider ? 2 : 1;
    if (wider) {
        u->shortcut = lt_params_get(ctx, params, name, 4, (const int64_t[]){out, in, 1, 1});
        get_norm(ctx, params, body, "shortcut_layer.1", out, &u->shortcut_norm);
    }
    return lt_ctx_status(ctx) == LT_OK ? out : 0;
}

static lt_status find_all(lt_ctx *ctx, const lt_params *params, lt_irse50 *net)
{
    char name[64];
    do
        snprintf(name, sizeof name, "body.%d.res_layer.1.weight", net->units);
    while (lt_params_find(params, name) && ++net->units);
    net->unit = calloc((size_t)net->units + 1, sizeof *net->unit);
    if (!net->unit)
        return lt_fail(ctx, LT_ERR_MEMORY, "irse50: out of memory");
    net->conv = lt_params_get(ctx, params, "input_layer.0.weight", 4,
                              (const int64_t[]){-1, 3, 3, 3});
    if (!net->conv)
        return lt_ctx_status(ctx);
    int64_t c = lt_dim(net->conv, 0);
    net->slope = lt_params_get(ctx, params, "input_layer.2.weight", 1, (const int64_t[]){c});
    if (!net->slope || !get_norm(ctx, params, "input_layer.1", "", c, &net->norm))
        return lt_ctx_status(ctx);
    int side = SIDE;
    for (int i = 0; i < net->units; i++) {
        c = get_unit(ctx, params, i, c, &net->unit[i]);
        if (c == 0)
            return lt_ctx_status(ctx);
        side = (side - 1) / net->unit[i].stride + 1;
    }
    if (side != LAST_SIDE)
        return lt_fail(ctx, LT_ERR_SHAPE, "irse50: the body's %d units end at %d pixels, "
                       "expected %d", net->units, side, LAST_SIDE);
    net->out_weight = lt_params_get(ctx, params, "output_layer.3.weight", 2,
                                    (const int64_t[]){-1, c * LAST_SIDE * LAST_SIDE});
    if (!net->out_weight)
        return lt_ctx_status(ctx);
    const int64_t d = lt_dim(net->out_weight, 0);
    net->out_bias = lt_params_get(ctx, params, "output_layer.3.bias", 1, (const int64_t[]){d});
    get_norm(ctx, params, "output_layer.0", "", c, &net->out_first);
    get_norm(ctx, params, "output_layer.4", "", d, &net->out_second);
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
        free(net->unit);
    free(net);
}

/* ---- running ---- */

static lt_tensor *run_norm(lt_ctx *ctx, const struct norm *n, lt_tensor *x)
{
    return lt_batch_norm(ctx, x, n->mean, n->var, n->weight, n->bias, bn_eps);
}

/* x times sigmoid(W2 relu(W1 mean(x))), a factor per sample and channel. */
static lt_tensor *squeeze_excite(lt_ctx *ctx, const struct unit *u, lt_tensor *x)
{
    const int64_t c = lt_dim(u->squeeze, 1), r = lt_dim(u->squeeze, 0);
    lt_tensor *w1 = lt_reshape(ctx, u->squeeze, 2, (const int64_t[]){r, c});
    lt_tensor *w2 = lt_reshape(ctx, u->excite, 2, (const int64_t[]){c, r});
    lt_tensor *s = lt_mean(ctx, x, 1u << 2 | 1u << 3, false);
    s = lt_relu(ctx, lt_linear(ctx, s, w1, NULL));
    s = lt_sigmoid(ctx, lt_linear(ctx, s, w2, NULL));
    return s ? lt_bias_act(ctx, x, s, NULL, NULL, NULL, 1.0f, 1.0f) : NULL;
}

static lt_tensor *run_unit(lt_ctx *ctx, const struct unit *u, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *shortcut = x;
    if (u->shortcut)
        shortcut = run_norm(ctx, &u->shortcut_norm,
                            lt_conv2d(ctx, x, NULL, u->shortcut, NULL, u->stride, 0));
    else if (u->stride > 1)
        shortcut = lt_max_pool2d(ctx, x, 1, u->stride);
    lt_tensor *y = run_norm(ctx, &u->first, x);
    y = lt_prelu(ctx, lt_conv2d(ctx, y, NULL, u->conv1, NULL, 1, 1), u->slope);
    y = run_norm(ctx, &u->second, lt_conv2d(ctx, y, NULL, u->conv2, NULL, u->stride, 1));
    y = squeeze_excite(ctx, u, y);
    return lt_scope_close(ctx, scope, lt_add(ctx, y, shortcut));
}

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
    if (x && (lt_ndim(x) != 4 || lt_dim(x, 1) != 3 || lt_dim(x, 2) != SIDE ||
              lt_dim(x, 3) != SIDE)) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE, "irse50: x is %s, expected (N, 3, %d, %d)",
                lt_shape_string(x, s, sizeof s), SIDE, SIDE);
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *y = run_norm(ctx, &net->norm, lt_conv2d(ctx, x, NULL, net->conv, NULL, 1, 1));
    y = lt_scope_close(ctx, scope, lt_prelu(ctx, y, net->slope));
    for (int i = 0; i < net->units; i++)
        y = lt_scope_close(ctx, scope, run_unit(ctx, &net->unit[i], y));
    y = run_norm(ctx, &net->out_first, y);
    if (y)
        y = lt_reshape(ctx, y, 2, (const int64_t[]){lt_dim(y, 0), lt_dim(net->out_weight, 1)});
    y = run_norm(ctx, &net->out_second, lt_linear(ctx, y, net->out_weight, net->out_bias));
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
        lt_fail(ctx, LT_ERR_SHAPE, "irse50: %lld pictures against %lld", (long long)lt_dim(features, 0),
                (long long)lt_dim(target, 0));
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *sum = lt_sum(ctx, lt_mul(ctx, features, lt_detach(ctx, target)), 0, false);
    return lt_scope_close(ctx, scope, lt_affine(ctx, sum, -1.0f / (float)lt_dim(features, 0), 1.0f));
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
