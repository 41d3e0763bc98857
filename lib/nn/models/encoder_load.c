/* Finds out the type of an encoder, and finds its layers in a checkpoint. */
#include "nn/models/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/models/encoder_impl.h"

enum { NAME_CAP = 64, PICTURE = 3, PICTURES = 6 };

struct type {
    const char *name;
    enum lt_encoder_layers layers;
    bool deltas;
    bool once, iterative; /* whether there are encoders of 3 channels, and of 6 */
};

/* A file without metadata counts as the first type. */
static const struct type types[] = {
    {"Encoder4Editing", LT_ENCODER_PYRAMID, true, true, false},
    {"GradualStyleEncoder", LT_ENCODER_PYRAMID, false, true, true},
    {"BackboneEncoder", LT_ENCODER_HEADS, false, false, true},
    {"ProgressiveBackboneEncoder", LT_ENCODER_HEADS, true, false, true},
    {"BackboneEncoderUsingLastLayerIntoW", LT_ENCODER_W, false, true, false},
    {"SingleStyleCodeEncoder", LT_ENCODER_W, false, true, false},
    {"BackboneEncoderUsingLastLayerIntoWPlus", LT_ENCODER_WPLUS, false, true, false},
};

enum { TYPES = sizeof types / sizeof types[0] };

static lt_tensor *get(lt_ctx *ctx, const lt_params *params, const char *prefix, const char *suffix,
                      int ndim, const int64_t *shape)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_get(ctx, params, name, ndim, shape);
}

static bool has(const lt_params *params, const char *prefix, const char *suffix)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_find(params, name) != NULL;
}

/* ---- the type ---- */

/* Reads the type from the metadata. */
static lt_status find_type(lt_ctx *ctx, const lt_params *params, const struct type **out)
{
    const char *name = lt_params_metadata(params, "encoder_type");
    char known[320] = "";
    *out = &types[0];
    if (!name)
        return LT_OK;
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *out = &types[i];
            return LT_OK;
        }
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", types[i].name);
    }
    return lt_fail(ctx, LT_ERR_FORMAT,
                   "encoder: metadata encoder_type is '%.80s', which is not supported; the types "
                   "that are: %s",
                   name, known);
}

/* Refuses a file whose tensors contradict its type; `reason` names the contradiction. */
static lt_status contradict(lt_ctx *ctx, const lt_params *params, const struct type *type,
                            const char *reason)
{
    if (lt_params_metadata(params, "encoder_type"))
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "encoder: metadata encoder_type is %s, but %s; convert the checkpoint again "
                       "with tools/convert_pt.py, which reads the type",
                       type->name, reason);
    return lt_fail(ctx, LT_ERR_FORMAT,
                   "encoder: without metadata encoder_type the file counts as %s, but %s; convert "
                   "the checkpoint again with tools/convert_pt.py --encoder-type TYPE",
                   type->name, reason);
}

/* Refuses a file with layers that its type does not have, or with a number of input channels that
 * its type does not read. *channels becomes the number of input channels. */
static lt_status check_type(lt_ctx *ctx, const lt_params *params, const struct type *type,
                            int64_t *channels)
{
    static const struct {
        const char *name;
        unsigned layers; /* a bit for each kind of layers that has this tensor */
    } marks[] = {
        {"encoder.latlayer1.weight", 1u << LT_ENCODER_PYRAMID},
        {"encoder.styles.0.linear.weight", 1u << LT_ENCODER_PYRAMID | 1u << LT_ENCODER_HEADS},
        {"encoder.linear.weight", 1u << LT_ENCODER_W | 1u << LT_ENCODER_WPLUS},
        {"encoder.output_layer_2.3.weight", 1u << LT_ENCODER_WPLUS},
        {"encoder.conv1.weight", 0}, /* ReStyle's encoders over ResNet34 */
    };
    const char *data = lt_params_metadata(params, "dataset_type");
    char reason[120];
    if (data && strcmp(data, "cars_encode") == 0)
        return lt_fail(
            ctx, LT_ERR_FORMAT,
            "encoder: metadata dataset_type is cars_encode, an encoder of pictures of 256 "
            "x 192 pixels; only encoders of square pictures are supported");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (lt_params_find(params, marks[i].name) && !(marks[i].layers >> type->layers & 1)) {
            snprintf(reason, sizeof reason, "there is a tensor %s", marks[i].name);
            return contradict(ctx, params, type, reason);
        }
    const lt_tensor *first =
        get(ctx, params, "input_layer.0.weight", "", 4, (const int64_t[]){-1, -1, 3, 3});
    if (!first)
        return lt_ctx_status(ctx);
    *channels = lt_dim(first, 1);
    if ((*channels == PICTURE && type->once) || (*channels == PICTURES && type->iterative))
        return LT_OK;
    snprintf(reason, sizeof reason, "encoder.input_layer.0.weight takes %lld channels, expected %s",
             (long long)*channels,
             !type->iterative ? "3"
             : type->once     ? "3 or 6"
                              : "6");
    return contradict(ctx, params, type, reason);
}

/* ---- heads ---- */

/* Finds the lateral convolutions of the pyramid. */
static lt_status find_pyramid(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    const int64_t channels = lt_irse_body_channels(net->body, 0);
    for (int l = 1; l < LT_IRSE_LEVELS; l++) {
        char layer[24];
        const int64_t in = lt_irse_body_channels(net->body, l);
        if (in == 0)
            return lt_fail(ctx, LT_ERR_SHAPE,
                           "encoder: the body's %d units halve a picture less than %d times",
                           lt_irse_body_units(net->body), LT_IRSE_LEVELS - 1);
        snprintf(layer, sizeof layer, "latlayer%d", l);
        net->lateral_weight[l] =
            get(ctx, params, layer, ".weight", 4, (const int64_t[]){channels, in, 1, 1});
        net->lateral_bias[l] = get(ctx, params, layer, ".bias", 1, &channels);
    }
    return lt_ctx_status(ctx);
}

/* Finds head i. Which level it reads follows from the number of its convolutions: as many as
 * halve the level to one pixel. From head to head, the level never gets coarser. */
static lt_status find_head(lt_ctx *ctx, const lt_params *params, int i, lt_encoder *net)
{
    const int64_t d = net->config.style_dim;
    const int levels = net->layers == LT_ENCODER_PYRAMID ? LT_IRSE_LEVELS : 1;
    int64_t in = lt_irse_body_channels(net->body, 0);
    struct lt_encoder_head *h = &net->head[i];
    char prefix[24], suffix[32];
    snprintf(prefix, sizeof prefix, "styles.%d.", i);
    do {
        snprintf(suffix, sizeof suffix, "convs.%d.weight", 2 * h->convs);
        h->weight[h->convs] = get(ctx, params, prefix, suffix, 4, (const int64_t[]){d, in, 3, 3});
        snprintf(suffix, sizeof suffix, "convs.%d.bias", 2 * h->convs);
        h->bias[h->convs] = get(ctx, params, prefix, suffix, 1, &d);
        in = d;
        h->convs++;
        snprintf(suffix, sizeof suffix, "convs.%d.weight", 2 * h->convs);
    } while (lt_ctx_status(ctx) == LT_OK && h->convs < LT_ENCODER_CONVS &&
             has(params, prefix, suffix));
    h->linear.weight = get(ctx, params, prefix, "linear.weight", 2, (const int64_t[]){d, d});
    h->linear.bias = get(ctx, params, prefix, "linear.bias", 1, &d);
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    for (h->level = i > 0 ? h[-1].level : 0; h->level < levels; h->level++)
        if (lt_irse_body_side(net->body, h->level, LT_ENCODER_SIDE) == (int64_t)1 << h->convs)
            return LT_OK;
    return lt_fail(
        ctx, LT_ERR_SHAPE,
        "encoder: encoder.%sconvs has %d convolutions, which fit no level of the pyramid that is at least as fine as the level of the head before",
        prefix, h->convs);
}

/* Finds as many heads as there are. */
static lt_status find_heads(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    lt_tensor *first = get(ctx, params, "styles.0.", "linear.weight", 2, (const int64_t[]){-1, -1});
    lt_status status = lt_ctx_status(ctx);
    char prefix[24];
    if (!first)
        return status;
    net->config.style_dim = lt_dim(first, 0);
    do
        snprintf(prefix, sizeof prefix, "styles.%d.", ++net->config.latents);
    while (has(params, prefix, "linear.weight"));
    net->head = calloc((size_t)net->config.latents, sizeof *net->head);
    if (!net->head)
        return lt_fail(ctx, LT_ERR_MEMORY, "encoder: out of memory");
    for (int i = 0; i < net->config.latents && status == LT_OK; i++)
        status = find_head(ctx, params, i, net);
    return status;
}

/* ---- linear layers ---- */

/* Finds the linear layer encoder.LAYER; -1 stands for any size. */
static struct lt_encoder_linear find_linear(lt_ctx *ctx, const lt_params *params, const char *layer,
                                            int64_t out, int64_t in)
{
    struct lt_encoder_linear linear = {0};
    linear.weight = get(ctx, params, layer, ".weight", 2, (const int64_t[]){out, in});
    if (linear.weight)
        linear.bias = get(ctx, params, layer, ".bias", 1, lt_shape(linear.weight));
    return linear;
}

/* Finds the linear layer of an encoder into W. */
static lt_status find_w(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    net->linear = find_linear(ctx, params, "linear", -1, lt_irse_body_channels(net->body, 0));
    net->config.latents = 1;
    net->config.style_dim = net->linear.weight ? lt_dim(net->linear.weight, 0) : 0;
    return lt_ctx_status(ctx);
}

/* Finds the batch norm and the two linear layers of an encoder into W+. */
static lt_status find_wplus(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    const int64_t channels = lt_irse_body_channels(net->body, 0),
                  means = channels * LT_ENCODER_POOLED * LT_ENCODER_POOLED;
    lt_irse_norm_find(ctx, params, "encoder.output_layer_2.0", channels, &net->norm);
    net->pooled = find_linear(ctx, params, "output_layer_2.3", -1, means);
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    const int64_t d = lt_dim(net->pooled.weight, 0);
    net->linear = find_linear(ctx, params, "linear", -1, d);
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    const int64_t out = lt_dim(net->linear.weight, 0);
    if (out % d != 0 || out / d > INT16_MAX)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "encoder: encoder.linear.weight gives %lld numbers, which are no latents of "
                       "%lld each",
                       (long long)out, (long long)d);
    net->config.latents = (int)(out / d);
    net->config.style_dim = d;
    return LT_OK;
}

/* ---- the mean latent ---- */

/* Reads the metadata key start_from_latent_avg; `given` stays as it is where there is none. */
static lt_status find_flag(lt_ctx *ctx, const lt_params *params, bool *given)
{
    const char *text = lt_params_metadata(params, "start_from_latent_avg");
    if (!text)
        return LT_OK;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "encoder: metadata start_from_latent_avg is '%.80s', expected true or false",
                       text);
    *given = *text == 't';
    return LT_OK;
}

/* Finds the mean latent, of one layer or of all. ReStyle starts from it whatever the metadata say,
 * as the published code does. An encoder into W gives as many latents as the mean has rows. */
static lt_status find_latent_avg(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    lt_tensor *avg = lt_params_find(params, "latent_avg");
    const int64_t d = net->config.style_dim;
    bool wanted = avg != NULL;
    const lt_status status = find_flag(ctx, params, &wanted);
    if (status != LT_OK)
        return status;
    if (!wanted && !net->config.iterative)
        return LT_OK;
    if (!avg)
        return lt_fail(ctx, LT_ERR_MISSING,
                       "encoder: there is no tensor latent_avg, to which the latents of this %s "
                       "are relative; take it from the generator that the encoder was trained with",
                       net->config.type);
    const bool rows = lt_ndim(avg) == 2,
               all = rows && (net->layers != LT_ENCODER_W && lt_dim(avg, 0) != 1);
    const int64_t shape[2] = {all ? net->config.latents : -1, d};
    net->config.latent_avg = true;
    net->latent_avg = rows ? lt_params_get(ctx, params, "latent_avg", 2, shape)
                           : lt_params_get(ctx, params, "latent_avg", 1, &d);
    if (net->latent_avg && rows && net->layers == LT_ENCODER_W) {
        if (lt_dim(avg, 0) > INT16_MAX)
            return lt_fail(ctx, LT_ERR_SHAPE, "encoder: latent_avg has %lld rows",
                           (long long)lt_dim(avg, 0));
        net->config.latents = (int)lt_dim(avg, 0);
    }
    return lt_ctx_status(ctx);
}

/* ---- all together ---- */

/* Finds the type, the body, the layers behind it, and the mean latent. */
static lt_status find_all(lt_ctx *ctx, const lt_params *params, lt_encoder *net)
{
    const struct type *type;
    int64_t channels = 0;
    lt_status status = find_type(ctx, params, &type);
    if (status == LT_OK)
        status = check_type(ctx, params, type, &channels);
    if (status == LT_OK)
        status = lt_irse_body_find(ctx, params, "encoder.", channels, &net->body);
    if (status != LT_OK)
        return status;
    net->config.type = type->name;
    net->config.iterative = channels == PICTURES;
    net->config.units = lt_irse_body_units(net->body);
    net->layers = type->layers;
    net->deltas = type->deltas;
    switch (type->layers) {
    case LT_ENCODER_PYRAMID:
        status = find_pyramid(ctx, params, net);
        if (status == LT_OK)
            status = find_heads(ctx, params, net);
        break;
    case LT_ENCODER_HEADS: status = find_heads(ctx, params, net); break;
    case LT_ENCODER_W: status = find_w(ctx, params, net); break;
    case LT_ENCODER_WPLUS: status = find_wplus(ctx, params, net); break;
    }
    return status == LT_OK ? find_latent_avg(ctx, params, net) : status;
}

lt_status lt_encoder_create(lt_ctx *ctx, const lt_params *params, lt_encoder **out)
{
    *out = NULL;
    lt_encoder *net = calloc(1, sizeof *net);
    const lt_status status =
        net ? find_all(ctx, params, net) : lt_fail(ctx, LT_ERR_MEMORY, "encoder: out of memory");
    if (status) {
        lt_encoder_free(net);
        return status;
    }
    *out = net;
    return LT_OK;
}

void lt_encoder_free(lt_encoder *net)
{
    if (net) {
        lt_irse_body_free(net->body);
        free(net->head);
    }
    free(net);
}

const lt_encoder_config *lt_encoder_describe(const lt_encoder *net) { return &net->config; }
