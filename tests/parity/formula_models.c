/* Names, shapes and value ranges of the networks that the formula fills. */
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity/formula.h"

/* ---- rules: the first that matches name and axes gives centre and scale ---- */

/* ABS: the scale itself. STD: sqrt(3) times it, uniform values with that standard deviation.
 * FAN: sqrt(3 / n), n the product of the sizes of axes first..last. */
enum rule_kind { ABS, STD, FAN };

struct rule {
    const char *pattern; /* of fnmatch(3), "*" matches dots too; NULL ends a table */
    int ndim;            /* -1: any */
    double center;
    enum rule_kind kind;
    double value;
    int first, last; /* FAN */
};

static const struct rule clip_rules[] = {
    {"logit_scale", -1, 4.605170185988092, ABS, 0, 0, 0}, /* log(100) */
    {"token_embedding.weight", -1, 0, STD, 0.02, 0, 0},
    {"positional_embedding", -1, 0, STD, 0.01, 0, 0},
    {"visual.class_embedding", -1, 0, FAN, 0, 0, 0},
    {"visual.positional_embedding", -1, 0, FAN, 0, 1, 1},
    {"visual.proj", -1, 0, FAN, 0, 0, 0},
    {"text_projection", -1, 0, FAN, 0, 0, 0},
    {"*ln_*.weight", 1, 1, ABS, 0.1, 0, 0},
    {"*bias", 1, 0, ABS, 0.05, 0, 0},
    {"*weight", 2, 0, FAN, 0, 1, 1},
    {"*weight", 4, 0, FAN, 0, 1, 3},
    {NULL, 0, 0, ABS, 0, 0, 0},
};

static const struct rule stylegan2_rules[] = {
    {"style.*.weight", 2, 0, STD, 100, 0, 0}, /* the layer multiplies by 0.01 */
    {"style.*.bias", 1, 0, ABS, 10, 0, 0},          {"input.input", 4, 0, STD, 1, 0, 0},
    {"noises.noise_*", 4, 0, STD, 1, 0, 0},         {"*.noise.weight", 1, 0, ABS, 0.1, 0, 0},
    {"*.modulation.weight", 2, 0, STD, 1, 0, 0},    {"*.modulation.bias", 1, 1, ABS, 0.1, 0, 0},
    {"to_rgb*.conv.weight", 5, 0, STD, 0.25, 0, 0}, /* keeps the image near [-1, 1] */
    {"*.conv.weight", 5, 0, STD, 1, 0, 0},          {"to_rgb*.bias", 4, 0, ABS, 0.1, 0, 0},
    {"*.activate.bias", 1, 0, ABS, 0.1, 0, 0},      {NULL, 0, 0, ABS, 0, 0, 0},
};

static const struct rule mapper_rules[] = {
    {"*.weight", 2, 0, STD, 100, 0, 0}, /* the layers multiply by 0.01 */
    {"*.bias", 1, 0, ABS, 1, 0, 0},
    {NULL, 0, 0, ABS, 0, 0, 0},
};

static const struct rule irse50_rules[] = {
    {"*.running_mean", 1, 0, ABS, 0.1, 0, 0},
    {"*.running_var", 1, 1, ABS, 0.2, 0, 0},
    {"input_layer.2.weight", 1, 0.25, ABS, 0.1, 0, 0}, /* slopes of PReLU */
    {"body.*.res_layer.2.weight", 1, 0.25, ABS, 0.1, 0, 0},
    {"*.weight", 1, 1, ABS, 0.1, 0, 0}, /* batch norm */
    {"*.bias", 1, 0, ABS, 0.1, 0, 0},
    {"*.weight", 2, 0, FAN, 0, 1, 1},
    {"*.weight", 4, 0, FAN, 0, 1, 3},
    {NULL, 0, 0, ABS, 0, 0, 0},
};

static const struct rule vgg19_rules[] = {
    {"*.bias", 1, 0, ABS, 0.1, 0, 0},
    {"*.weight", 4, 0, FAN, 0, 1, 3},
    {NULL, 0, 0, ABS, 0, 0, 0},
};

static const struct rule *find_rule(const struct rule *rule, const char *name, int ndim)
{
    for (; rule->pattern; rule++)
        if ((rule->ndim < 0 || rule->ndim == ndim) && fnmatch(rule->pattern, name, 0) == 0)
            return rule;
    return NULL;
}

/* The scale is computed in double and rounded once, as the reference does. */
static float rule_scale(const struct rule *rule, const int64_t *shape)
{
    const double sqrt3 = 1.7320508075688772;
    double n = 1;
    switch (rule->kind) {
    case ABS: return (float)rule->value;
    case STD: return (float)(sqrt3 * rule->value);
    case FAN: break;
    }
    for (int axis = rule->first; axis <= rule->last; axis++)
        n *= (double)shape[axis];
    return (float)(sqrt3 * (1.0 / sqrt(n)));
}

/* ---- adding tensors; after a failure nothing more is added ---- */

struct maker {
    lt_ctx *ctx;
    lt_params *params;
    uint64_t seed;
    const struct rule *rules;
};

/* Expands to the arguments `ndim` and `shape` of put(). */
#define SHAPE(...)                                                                     \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }

/* Adds a tensor whose values follow the rules. The name is a printf format. */
static LT_PRINTF(4, 5) void put(struct maker *m, int ndim, const int64_t *shape, const char *format,
                                ...)
{
    char name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (lt_ctx_status(m->ctx))
        return;
    const struct rule *rule = find_rule(m->rules, name, ndim);
    if (!rule) {
        lt_fail(m->ctx, LT_ERR_ARGUMENT, "formula: no rule for tensor %s", name);
        return;
    }
    const lt_scope scope = lt_scope_open(m->ctx);
    lt_params_add(m->ctx, m->params, name,
                  formula_uniform(m->ctx, name, ndim, shape, m->seed, (float)rule->center,
                                  rule_scale(rule, shape)));
    lt_scope_close(m->ctx, scope, NULL);
}

/* Adds a tensor with given values: a blur kernel or a counter. */
static void put_fixed(struct maker *m, const char *prefix, const char *name, lt_dtype dtype,
                      int ndim, const int64_t *shape, const void *data)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    if (lt_ctx_status(m->ctx))
        return;
    const lt_scope scope = lt_scope_open(m->ctx);
    lt_params_add(m->ctx, m->params, full, lt_from_copy(m->ctx, dtype, ndim, shape, data));
    lt_scope_close(m->ctx, scope, NULL);
}

/* ---- CLIP ---- */

static void transformer(struct maker *m, const char *prefix, int64_t width, int layers)
{
    for (int i = 0; i < layers; i++) {
        char p[64];
        snprintf(p, sizeof p, "%s.resblocks.%d", prefix, i);
        put(m, SHAPE(3 * width, width), "%s.attn.in_proj_weight", p);
        put(m, SHAPE(3 * width), "%s.attn.in_proj_bias", p);
        put(m, SHAPE(width, width), "%s.attn.out_proj.weight", p);
        put(m, SHAPE(width), "%s.attn.out_proj.bias", p);
        put(m, SHAPE(4 * width, width), "%s.mlp.c_fc.weight", p);
        put(m, SHAPE(4 * width), "%s.mlp.c_fc.bias", p);
        put(m, SHAPE(width, 4 * width), "%s.mlp.c_proj.weight", p);
        put(m, SHAPE(width), "%s.mlp.c_proj.bias", p);
        for (int norm = 1; norm <= 2; norm++) {
            put(m, SHAPE(width), "%s.ln_%d.weight", p, norm);
            put(m, SHAPE(width), "%s.ln_%d.bias", p, norm);
        }
    }
}

struct clip_sizes {
    const char *name;
    int64_t embed, image, patch, vision_width, text_width;
    int vision_layers, text_layers;
};

static const struct clip_sizes clip_models[] = {
    {"clip-vit-b32", 512, 224, 32, 768, 512, 12, 12},
    {"clip-tiny", 64, 32, 8, 64, 64, 2, 2},
    {"clip-tiny512", 512, 32, 8, 64, 64, 2, 2},
};

static void clip(struct maker *m, const struct clip_sizes *s)
{
    const int64_t side = s->image / s->patch, context = 77, vocab = 49408;
    m->rules = clip_rules;
    put(m, SHAPE(context, s->text_width), "positional_embedding");
    put(m, SHAPE(s->text_width, s->embed), "text_projection");
    put(m, 0, NULL, "logit_scale");
    put(m, SHAPE(s->vision_width), "visual.class_embedding");
    put(m, SHAPE(side * side + 1, s->vision_width), "visual.positional_embedding");
    put(m, SHAPE(s->vision_width, s->embed), "visual.proj");
    put(m, SHAPE(s->vision_width, 3, s->patch, s->patch), "visual.conv1.weight");
    put(m, SHAPE(s->vision_width), "visual.ln_pre.weight");
    put(m, SHAPE(s->vision_width), "visual.ln_pre.bias");
    transformer(m, "visual.transformer", s->vision_width, s->vision_layers);
    put(m, SHAPE(s->vision_width), "visual.ln_post.weight");
    put(m, SHAPE(s->vision_width), "visual.ln_post.bias");
    transformer(m, "transformer", s->text_width, s->text_layers);
    put(m, SHAPE(vocab, s->text_width), "token_embedding.weight");
    put(m, SHAPE(s->text_width), "ln_final.weight");
    put(m, SHAPE(s->text_width), "ln_final.bias");
}

/* ---- StyleGAN2 ---- */

/* (1,3,3,1) outer (1,3,3,1), scaled to sum 4: the blur that belongs to doubling the size. */
static void put_kernel(struct maker *m, const char *prefix, const char *name)
{
    const float row[4] = {1, 3, 3, 1};
    float kernel[16];
    for (int i = 0; i < 16; i++)
        kernel[i] = row[i / 4] * row[i % 4] / 16.0f;
    put_fixed(m, prefix, name, LT_F32, SHAPE(4, 4), kernel);
}

static void modulated_conv(struct maker *m, const char *prefix, int64_t in, int64_t out, int64_t k)
{
    put(m, SHAPE(1, out, in, k, k), "%s.conv.weight", prefix);
    put(m, SHAPE(in, 512), "%s.conv.modulation.weight", prefix);
    put(m, SHAPE(in), "%s.conv.modulation.bias", prefix);
}

static void styled_conv(struct maker *m, const char *prefix, int64_t in, int64_t out, bool up)
{
    modulated_conv(m, prefix, in, out, 3);
    if (up)
        put_kernel(m, prefix, ".conv.blur.kernel");
    put(m, SHAPE(1), "%s.noise.weight", prefix);
    put(m, SHAPE(out), "%s.activate.bias", prefix);
}

static void to_rgb(struct maker *m, const char *prefix, int64_t in, bool up)
{
    put(m, SHAPE(1, 3, 1, 1), "%s.bias", prefix);
    if (up)
        put_kernel(m, prefix, ".upsample.kernel");
    modulated_conv(m, prefix, in, 3, 1);
}

static void stylegan2(struct maker *m, int size)
{
    m->rules = stylegan2_rules;
    for (int i = 1; i <= 8; i++) {
        put(m, SHAPE(512, 512), "style.%d.weight", i);
        put(m, SHAPE(512), "style.%d.bias", i);
    }
    put(m, SHAPE(1, 512, 4, 4), "input.input");
    styled_conv(m, "conv1", 512, 512, false);
    to_rgb(m, "to_rgb1", 512, false);
    put(m, SHAPE(1, 1, 4, 4), "noises.noise_0");
    int64_t in = 512;
    for (int level = 1, side = 8; side <= size; level++, side *= 2) {
        const int64_t out = side <= 64 ? 512 : 32768 / side;
        char prefix[32];
        snprintf(prefix, sizeof prefix, "convs.%d", 2 * level - 2);
        styled_conv(m, prefix, in, out, true);
        snprintf(prefix, sizeof prefix, "convs.%d", 2 * level - 1);
        styled_conv(m, prefix, out, out, false);
        snprintf(prefix, sizeof prefix, "to_rgbs.%d", level - 1);
        to_rgb(m, prefix, out, true);
        put(m, SHAPE(1, 1, side, side), "noises.noise_%d", 2 * level - 1);
        put(m, SHAPE(1, 1, side, side), "noises.noise_%d", 2 * level);
        in = out;
    }
}

lt_status formula_latent_avg(lt_ctx *ctx, uint64_t seed, lt_params *params)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_status status =
        lt_params_add(ctx, params, "latent_avg",
                      formula_uniform(ctx, "latent_avg", SHAPE(512), seed, 0.0f, 0.5f));
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* ---- the mappers of CF-CLIP ---- */

static void mapping(struct maker *m, const char *prefix)
{
    for (int i = 1; i <= 4; i++) {
        put(m, SHAPE(512, 512), "%s.mapping.%d.weight", prefix, i);
        put(m, SHAPE(512), "%s.mapping.%d.bias", prefix, i);
    }
}

static void mapper(struct maker *m, int latents)
{
    m->rules = mapper_rules;
    put(m, SHAPE(512, 1024), "mapper.fc.weight");
    put(m, SHAPE(512), "mapper.fc.bias");
    mapping(m, "mapper.course_mapping"); /* spelt so in the published checkpoints */
    mapping(m, "mapper.medium_mapping");
    mapping(m, "mapper.fine_mapping");
    for (int i = 0; i < latents; i++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "text_mapper.mapper_%d", i);
        mapping(m, prefix);
    }
}

/* ---- loss networks ---- */

static void batch_norm(struct maker *m, int64_t channels, const char *prefix)
{
    const int64_t never = 0;
    put(m, SHAPE(channels), "%s.weight", prefix);
    put(m, SHAPE(channels), "%s.bias", prefix);
    put(m, SHAPE(channels), "%s.running_mean", prefix);
    put(m, SHAPE(channels), "%s.running_var", prefix);
    put_fixed(m, prefix, ".num_batches_tracked", LT_I64, 0, NULL, &never);
}

/* Unit i of IR-SE50's body. */
static void bottleneck(struct maker *m, int i, int64_t in, int64_t depth)
{
    char p[48], sub[64];
    snprintf(p, sizeof p, "body.%d.res_layer", i);
    if (in != depth) {
        put(m, SHAPE(depth, in, 1, 1), "body.%d.shortcut_layer.0.weight", i);
        snprintf(sub, sizeof sub, "body.%d.shortcut_layer.1", i);
        batch_norm(m, depth, sub);
    }
    snprintf(sub, sizeof sub, "%s.0", p);
    batch_norm(m, in, sub);
    put(m, SHAPE(depth, in, 3, 3), "%s.1.weight", p);
    put(m, SHAPE(depth), "%s.2.weight", p);
    put(m, SHAPE(depth, depth, 3, 3), "%s.3.weight", p);
    snprintf(sub, sizeof sub, "%s.4", p);
    batch_norm(m, depth, sub);
    put(m, SHAPE(depth / 16, depth, 1, 1), "%s.5.fc1.weight", p);
    put(m, SHAPE(depth, depth / 16, 1, 1), "%s.5.fc2.weight", p);
}

static void irse50(struct maker *m)
{
    static const struct {
        int64_t in, depth;
        int units;
    } stages[] = {{64, 64, 3}, {64, 128, 4}, {128, 256, 14}, {256, 512, 3}};
    m->rules = irse50_rules;
    put(m, SHAPE(64, 3, 3, 3), "input_layer.0.weight");
    batch_norm(m, 64, "input_layer.1");
    put(m, SHAPE(64), "input_layer.2.weight");
    batch_norm(m, 512, "output_layer.0");
    put(m, SHAPE(512, 512 * 7 * 7), "output_layer.3.weight");
    put(m, SHAPE(512), "output_layer.3.bias");
    batch_norm(m, 512, "output_layer.4");
    for (int stage = 0, i = 0; stage < 4; stage++)
        for (int unit = 0; unit < stages[stage].units; unit++, i++)
            bottleneck(m, i, unit ? stages[stage].depth : stages[stage].in, stages[stage].depth);
}

static void vgg19(struct maker *m)
{
    static const struct {
        int64_t channels;
        int convs;
    } stages[] = {{64, 2}, {128, 2}, {256, 4}, {512, 4}, {512, 4}};
    int64_t in = 3;
    m->rules = vgg19_rules;
    for (int stage = 0; stage < 5; stage++)
        for (int i = 1; i <= stages[stage].convs; i++) {
            put(m, SHAPE(stages[stage].channels, in, 3, 3), "conv%d_%d.weight", stage + 1, i);
            put(m, SHAPE(stages[stage].channels), "conv%d_%d.bias", stage + 1, i);
            in = stages[stage].channels;
        }
}

/* ---- by name ---- */

/* The number that follows `prefix` if `model` consists of the two, else -1. */
static int number_after(const char *model, const char *prefix)
{
    const size_t length = strlen(prefix);
    char *end;
    if (strncmp(model, prefix, length) != 0 || model[length] < '1' || model[length] > '9')
        return -1;
    const long n = strtol(model + length, &end, 10);
    return *end == '\0' && n <= 4096 ? (int)n : -1;
}

lt_status formula_params(lt_ctx *ctx, const char *model, uint64_t seed, lt_params *params)
{
    struct maker m = {.ctx = ctx, .params = params, .seed = seed};
    const int size = number_after(model, "stylegan2-"), latents = number_after(model, "mapper-");
    for (size_t i = 0; i < sizeof clip_models / sizeof clip_models[0]; i++)
        if (strcmp(model, clip_models[i].name) == 0) {
            clip(&m, &clip_models[i]);
            return lt_ctx_status(ctx);
        }
    if (size >= 32 && size <= 1024 && (size & (size - 1)) == 0)
        stylegan2(&m, size);
    else if (latents >= 1 && latents <= 18)
        mapper(&m, latents);
    else if (strcmp(model, "irse50") == 0)
        irse50(&m);
    else if (strcmp(model, "vgg19") == 0)
        vgg19(&m);
    else
        return lt_fail(ctx, LT_ERR_ARGUMENT, "formula: there is no network \"%s\"", model);
    return lt_ctx_status(ctx);
}
