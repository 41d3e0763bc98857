/* Finds the layers of an IR-SE body in a checkpoint, and runs them. */
#include "nn/models/irse_body_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "nn/params_impl.h"

enum { NAME_CAP = 128 };

static const float bn_eps = 1e-5f;

/* One bottleneck: batch norm, 3 x 3 convolution, PReLU, 3 x 3 convolution with stride, batch
 * norm, squeeze and excitation; plus the shortcut. */
struct unit {
    int stride;
    int64_t in;          /* input channels C */
    lt_tensor *shortcut; /* (O, C, 1, 1); NULL: every stride-th pixel as it is */
    struct lt_irse_norm shortcut_norm;
    struct lt_irse_norm first, second;
    lt_tensor *conv1, *slope, *conv2; /* (O, C, 3, 3), (O), (O, O, 3, 3) */
    lt_tensor *squeeze, *excite;      /* (O/r, O, 1, 1), (O, O/r, 1, 1) */
};

struct lt_irse_body {
    lt_tensor *conv, *slope; /* (C, in, 3, 3), (C) */
    struct lt_irse_norm norm;
    struct unit *unit;
    int units;
    int64_t channels; /* of the output */
};

/* ---- building ---- */

lt_status lt_irse_norm_find(lt_ctx *ctx, const lt_params *params, const char *name,
                            int64_t channels, struct lt_irse_norm *out)
{
    const int64_t shape[1] = {channels};
    out->weight = lt_params_get_joined(ctx, params, name, ".weight", 1, shape);
    out->bias = lt_params_get_joined(ctx, params, name, ".bias", 1, shape);
    out->mean = lt_params_get_joined(ctx, params, name, ".running_mean", 1, shape);
    out->var = lt_params_get_joined(ctx, params, name, ".running_var", 1, shape);
    return out->weight && out->bias && out->mean && out->var ? LT_OK : lt_ctx_status(ctx);
}

static lt_status unit_norm(lt_ctx *ctx, const lt_params *params, const char *unit,
                           const char *layer, int64_t channels, struct lt_irse_norm *out)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%s%s", unit, layer);
    return lt_irse_norm_find(ctx, params, name, channels, out);
}

/* Finds unit i, with `in` input channels. Returns the number of its output channels, 0 after a
 * failure. The first unit and those that change the number of channels have stride 2. */
static int64_t find_unit(lt_ctx *ctx, const lt_params *params, const char *prefix, int i,
                         int64_t in, struct unit *u)
{
    char unit[64], name[NAME_CAP];
    snprintf(unit, sizeof unit, "%sbody.%d.", prefix, i);
    u->in = in;
    u->conv1 = lt_params_get_joined(ctx, params, unit, "res_layer.1.weight", 4,
                                    (const int64_t[]){-1, in, 3, 3});
    if (!u->conv1)
        return 0;
    const int64_t out = lt_dim(u->conv1, 0);
    u->slope =
        lt_params_get_joined(ctx, params, unit, "res_layer.2.weight", 1, (const int64_t[]){out});
    u->conv2 = lt_params_get_joined(ctx, params, unit, "res_layer.3.weight", 4,
                                    (const int64_t[]){out, out, 3, 3});
    u->squeeze = lt_params_get_joined(ctx, params, unit, "res_layer.5.fc1.weight", 4,
                                      (const int64_t[]){-1, out, 1, 1});
    if (unit_norm(ctx, params, unit, "res_layer.0", in, &u->first) != LT_OK ||
        unit_norm(ctx, params, unit, "res_layer.4", out, &u->second) != LT_OK || !u->squeeze)
        return 0;
    u->excite = lt_params_get_joined(ctx, params, unit, "res_layer.5.fc2.weight", 4,
                                     (const int64_t[]){out, lt_dim(u->squeeze, 0), 1, 1});
    snprintf(name, sizeof name, "%sshortcut_layer.0.weight", unit);
    const bool wider = in != out || lt_params_find(params, name);
    u->stride = i == 0 || wider ? 2 : 1;
    if (wider) {
        u->shortcut = lt_params_get(ctx, params, name, 4, (const int64_t[]){out, in, 1, 1});
        unit_norm(ctx, params, unit, "shortcut_layer.1", out, &u->shortcut_norm);
    }
    return lt_ctx_status(ctx) == LT_OK ? out : 0;
}

/* Finds the input layer, of `in` channels, and as many bottlenecks as there are. */
static lt_status find_all(lt_ctx *ctx, const lt_params *params, const char *prefix, int64_t in,
                          struct lt_irse_body *b)
{
    char name[NAME_CAP];
    do
        snprintf(name, sizeof name, "%sbody.%d.res_layer.1.weight", prefix, b->units);
    while (lt_params_find(params, name) && ++b->units);
    b->unit = calloc((size_t)b->units + 1, sizeof *b->unit);
    if (!b->unit)
        return lt_fail(ctx, LT_ERR_MEMORY, "irse: out of memory");
    b->conv = lt_params_get_joined(ctx, params, prefix, "input_layer.0.weight", 4,
                                   (const int64_t[]){-1, in, 3, 3});
    if (!b->conv)
        return lt_ctx_status(ctx);
    b->channels = lt_dim(b->conv, 0);
    snprintf(name, sizeof name, "%sinput_layer.1", prefix);
    if (lt_irse_norm_find(ctx, params, name, b->channels, &b->norm) != LT_OK)
        return lt_ctx_status(ctx);
    b->slope = lt_params_get_joined(ctx, params, prefix, "input_layer.2.weight", 1,
                                    (const int64_t[]){b->channels});
    if (!b->slope)
        return lt_ctx_status(ctx);
    /* Unit 0 is asked for even if it is missing, so that the message names it. */
    for (int i = 0; i < b->units || i == 0; i++) {
        b->channels = find_unit(ctx, params, prefix, i, b->channels, &b->unit[i]);
        if (b->channels == 0)
            return lt_ctx_status(ctx);
    }
    return LT_OK;
}

lt_status lt_irse_body_find(lt_ctx *ctx, const lt_params *params, const char *prefix, int64_t in,
                            struct lt_irse_body **out)
{
    *out = NULL;
    struct lt_irse_body *b = calloc(1, sizeof *b);
    const lt_status status = b ? find_all(ctx, params, prefix, in, b)
                               : lt_fail(ctx, LT_ERR_MEMORY, "irse: out of memory");
    if (status) {
        lt_irse_body_free(b);
        return status;
    }
    *out = b;
    return LT_OK;
}

void lt_irse_body_free(struct lt_irse_body *body)
{
    if (body)
        free(body->unit);
    free(body);
}

int lt_irse_body_units(const struct lt_irse_body *body) { return body->units; }

/* The index of the unit that the map of a level enters: that of the level-th unit from the end
 * with stride 2, or the number of units for level 0. -1 where there is no such level. */
static int level_end(const struct lt_irse_body *b, int level)
{
    int i = b->units;
    for (int l = 0; l < level && i >= 0; l++)
        do
            i--;
        while (i >= 0 && b->unit[i].stride == 1);
    return i;
}

int64_t lt_irse_body_channels(const struct lt_irse_body *body, int level)
{
    const int end = level_end(body, level);
    return end < 0 ? 0 : end == body->units ? body->channels : body->unit[end].in;
}

int64_t lt_irse_body_side(const struct lt_irse_body *body, int level, int64_t side)
{
    const int end = level_end(body, level);
    for (int i = 0; i < end; i++)
        side = (side - 1) / body->unit[i].stride + 1;
    return side;
}

/* ---- running ---- */

lt_tensor *lt_irse_norm_run(lt_ctx *ctx, const struct lt_irse_norm *norm, lt_tensor *x)
{
    return lt_batch_norm(ctx, x, norm->mean, norm->var, norm->weight, norm->bias, bn_eps);
}

/* x times sigmoid(W2 relu(W1 mean(x))), one factor for each sample and channel. */
static lt_tensor *squeeze_excite(lt_ctx *ctx, const struct unit *u, lt_tensor *x)
{
    const int64_t c = lt_dim(u->squeeze, 1), r = lt_dim(u->squeeze, 0);
    lt_tensor *w1 = lt_reshape(ctx, u->squeeze, 2, (const int64_t[]){r, c});
    lt_tensor *w2 = lt_reshape(ctx, u->excite, 2, (const int64_t[]){c, r});
    lt_tensor *s = lt_mean(ctx, x, 1u << 2 | 1u << 3, false);
    s = lt_relu(ctx, lt_linear(ctx, s, w1, NULL));
    s = lt_sigmoid(ctx, lt_linear(ctx, s, w2, NULL));
    return s ? lt_bias_act(ctx, x, &(lt_act){.out_scale = s, .slope = 1.0f, .gain = 1.0f}) : NULL;
}

/* Runs one bottleneck. */
static lt_tensor *run_unit(lt_ctx *ctx, const struct unit *u, lt_tensor *x)
{
    lt_tensor *shortcut = x;
    if (u->shortcut)
        shortcut = lt_irse_norm_run(ctx, &u->shortcut_norm,
                                    lt_conv2d(ctx, x, NULL, u->shortcut, NULL, u->stride, 0));
    else if (u->stride > 1)
        shortcut = lt_max_pool2d(ctx, x, 1, u->stride);
    lt_tensor *y = lt_irse_norm_run(ctx, &u->first, x);
    y = lt_prelu(ctx, lt_conv2d(ctx, y, NULL, u->conv1, NULL, 1, 1), u->slope);
    y = lt_irse_norm_run(ctx, &u->second, lt_conv2d(ctx, y, NULL, u->conv2, NULL, u->stride, 1));
    return lt_add(ctx, squeeze_excite(ctx, u, y), shortcut);
}

lt_status lt_irse_body_run(lt_ctx *ctx, const struct lt_irse_body *body, lt_tensor *x, int levels,
                           lt_tensor *out[LT_IRSE_LEVELS])
{
    int end[LT_IRSE_LEVELS];
    lt_tensor *kept[LT_IRSE_LEVELS + 1] = {NULL};
    const lt_scope scope = lt_scope_open(ctx);
    for (int l = 0; l < LT_IRSE_LEVELS; l++) {
        end[l] = l < levels ? level_end(body, l) : -1;
        out[l] = NULL;
    }
    lt_tensor *y =
        lt_irse_norm_run(ctx, &body->norm, lt_conv2d(ctx, x, NULL, body->conv, NULL, 1, 1));
    y = lt_prelu(ctx, y, body->slope);
    for (int i = 0; y; i++) {
        for (int l = 0; l < LT_IRSE_LEVELS; l++)
            if (end[l] == i)
                kept[l] = y;
        kept[LT_IRSE_LEVELS] = y;
        lt_scope_close_keep(ctx, scope, kept, LT_IRSE_LEVELS + 1);
        if (i == body->units)
            break;
        y = run_unit(ctx, &body->unit[i], y);
    }
    if (!y) {
        lt_scope_close(ctx, scope, NULL);
        return lt_ctx_status(ctx);
    }
    for (int l = 0; l < LT_IRSE_LEVELS; l++)
        out[l] = kept[l];
    return LT_OK;
}
