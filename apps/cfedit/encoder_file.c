#include "encoder_file.h"

#include <stdio.h>

enum { NAME_CAP = 128 };

#define SHAPE(...) (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}

/* One step of looking; nothing more is looked for after a failure. */
struct search {
    lt_ctx *ctx;
    const lt_params *params;
};

/* prefix + suffix; NULL where it is missing, has another shape, or something before it failed. */
static lt_tensor *get(const struct search *s, const char *prefix, const char *suffix, int ndim, const int64_t *shape)
{
    char name[NAME_CAP];
    if (lt_ctx_status(s->ctx) != LT_OK)
        return NULL;
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_get(s->ctx, s->params, name, ndim, shape);
}

static bool has(const struct search *s, const char *prefix, const char *suffix)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_find(s->params, name) != NULL;
}

static int64_t rows(const lt_tensor *t) { return t ? lt_dim(t, 0) : 0; }

static void get_norm(const struct search *s, const char *prefix, const char *layer, int64_t channels)
{
    static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
    for (int i = 0; i < 4; i++) {
        char suffix[48];
        snprintf(suffix, sizeof suffix, "%s.%s", layer, part[i]);
        get(s, prefix, suffix, SHAPE(channels));
    }
}

/* A bottleneck with `in` channels; returns those it gives. */
static int64_t get_unit(const struct search *s, int index, int64_t in)
{
    char unit[32];
    snprintf(unit, sizeof unit, "body.%d.", index);
    const int64_t out = rows(get(s, unit, "res_layer.1.weight", SHAPE(-1, in, 3, 3)));
    get_norm(s, unit, "res_layer.0", in);
    get(s, unit, "res_layer.2.weight", SHAPE(out));
    get(s, unit, "res_layer.3.weight", SHAPE(out, out, 3, 3));
    get_norm(s, unit, "res_layer.4", out);
    const int64_t narrow = rows(get(s, unit, "res_layer.5.fc1.weight", SHAPE(-1, out, 1, 1)));
    get(s, unit, "res_layer.5.fc2.weight", SHAPE(out, narrow, 1, 1));
    if (in != out || has(s, unit, "shortcut_layer.0.weight")) {
        get(s, unit, "shortcut_layer.0.weight", SHAPE(out, in, 1, 1));
        get_norm(s, unit, "shortcut_layer.1", out);
    }
    return out;
}

/* The body; returns its channels. */
static int64_t get_body(const struct search *s, struct ce_encoder_config *config)
{
    char unit[32];
    int64_t channels = rows(get(s, "input_layer.0", ".weight", SHAPE(-1, 3, 3, 3)));
    get_norm(s, "", "input_layer.1", channels);
    get(s, "input_layer.2", ".weight", SHAPE(channels));
    do {
        channels = get_unit(s, config->units++, channels);
        snprintf(unit, sizeof unit, "body.%d.", config->units);
    } while (lt_ctx_status(s->ctx) == LT_OK && has(s, unit, "res_layer.1.weight"));
    return channels;
}

/* A head: convolutions, a leaky ReLU after each, and a linear layer. */
static void get_head(const struct search *s, int index, int64_t channels, int64_t style_dim)
{
    char head[32], conv[32];
    snprintf(head, sizeof head, "styles.%d.", index);
    int64_t in = channels;
    int i = 0;
    do {
        snprintf(conv, sizeof conv, "convs.%d", i);
        char bias[48], weight[48];
        snprintf(weight, sizeof weight, "%s.weight", conv);
        snprintf(bias, sizeof bias, "%s.bias", conv);
        get(s, head, weight, SHAPE(style_dim, in, 3, 3));
        get(s, head, bias, SHAPE(style_dim));
        in = style_dim;
        i += 2;
        snprintf(conv, sizeof conv, "convs.%d.weight", i);
    } while (lt_ctx_status(s->ctx) == LT_OK && has(s, head, conv));
    get(s, head, "linear.weight", SHAPE(style_dim, style_dim));
    get(s, head, "linear.bias", SHAPE(style_dim));
}

lt_status ce_encoder_check(lt_ctx *ctx, const lt_params *params, struct ce_encoder_config *config)
{
    const struct search s = {ctx, params};
    char head[32];
    *config = (struct ce_encoder_config){.latent_avg = lt_params_find(params, "latent_avg") != NULL};
    const int64_t channels = get_body(&s, config);
    for (int i = 1; i <= 2; i++) {
        char layer[24];
        snprintf(layer, sizeof layer, "latlayer%d", i);
        get(&s, layer, ".weight", SHAPE(channels, -1, 1, 1));
        get(&s, layer, ".bias", SHAPE(channels));
    }
    config->style_dim = rows(get(&s, "styles.0.", "linear.weight", SHAPE(-1, -1)));
    do {
        get_head(&s, config->latents++, channels, config->style_dim);
        snprintf(head, sizeof head, "styles.%d.", config->latents);
    } while (lt_ctx_status(ctx) == LT_OK && has(&s, head, "linear.weight"));
    return lt_ctx_status(ctx);
}
