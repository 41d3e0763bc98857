#include "method_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static lt_ctx *ctx;
static lt_rng rng;

static void add(lt_params *params, const char *prefix, const char *suffix, int ndim, const int64_t *shape,
                float mean, float std)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    ck_assert_ptr_nonnull(lt_params_new(ctx, params, name, ndim, shape, &rng, mean, std));
}

static void add_filter(lt_params *params, const char *prefix, const char *suffix, int64_t out, int64_t in,
                       int64_t k)
{
    add(params, prefix, suffix, 4, (const int64_t[]){out, in, k, k}, 0.0f, sqrtf(2.0f / (float)(in * k * k)));
}

static void add_norm(lt_params *params, const char *prefix, const char *suffix, int64_t c)
{
    static const char *const part[] = {".weight", ".bias", ".running_mean", ".running_var"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", suffix, part[i]);
        add(params, prefix, name, 1, &c, i % 3 ? 0.0f : 1.0f, i < 3 ? 0.1f : 0.0f);
    }
}

static void make_generator(struct ce_models *models)
{
    const lt_stylegan2_config config = {
        .size = METHOD_SIDE, .z_dim = METHOD_D, .style_dim = METHOD_D, .n_mlp = 2, .channels = {6, 5, 4}};
    lt_params_create(ctx, &models->generator_params);
    ck_assert_int_eq(lt_stylegan2_init(ctx, models->generator_params, &config, &rng), LT_OK);
    lt_stylegan2_create(ctx, models->generator_params, &models->generator);
}

static void make_clip(struct ce_models *models)
{
    static const char merges[] = "#version: 0.2\nt h\nth e</w>\np h\n";
    ck_assert_int_eq(lt_tokenizer_create(ctx, merges, sizeof merges - 1, &models->tokenizer), LT_OK);
    const lt_clip_config config = {.embed_dim = METHOD_E,
                                   .image_size = METHOD_SIDE,
                                   .patch = 8,
                                   .vision_width = 64,
                                   .vision_layers = 1,
                                   .context_length = 60,
                                   .vocab_size = (int)lt_tokenizer_vocab_size(models->tokenizer),
                                   .text_width = 64,
                                   .text_layers = 1};
    lt_params_create(ctx, &models->clip_params);
    ck_assert_int_eq(lt_clip_init(ctx, models->clip_params, &config, &rng), LT_OK);
    lt_clip_create(ctx, models->clip_params, &models->clip);
}

/* Four units of 3 to 6 channels; the halvings are at the first and where channels change. */
static const int64_t body_channels[5] = {3, 3, 4, 5, 6};

static void add_body(lt_params *p, const char *prefix)
{
    char layer[40];
    snprintf(layer, sizeof layer, "%sinput_layer.", prefix);
    add_filter(p, layer, "0.weight", 3, 3, 3);
    add_norm(p, layer, "1", 3);
    add(p, layer, "2.weight", 1, (const int64_t[]){3}, 0.25f, 0.1f);
    for (int i = 0; i < 4; i++) {
        const int64_t in = body_channels[i], out = body_channels[i + 1];
        snprintf(layer, sizeof layer, "%sbody.%d.", prefix, i);
        add_norm(p, layer, "res_layer.0", in);
        add_filter(p, layer, "res_layer.1.weight", out, in, 3);
        add(p, layer, "res_layer.2.weight", 1, &out, 0.25f, 0.1f);
        add_filter(p, layer, "res_layer.3.weight", out, out, 3);
        add_norm(p, layer, "res_layer.4", out);
        add_filter(p, layer, "res_layer.5.fc1.weight", 2, out, 1);
        add_filter(p, layer, "res_layer.5.fc2.weight", out, 2, 1);
        if (in != out) {
            add_filter(p, layer, "shortcut_layer.0.weight", out, in, 1);
            add_norm(p, layer, "shortcut_layer.1", out);
        }
    }
}

static void make_identity(struct ce_models *models)
{
    lt_params *p = NULL;
    lt_params_create(ctx, &p);
    add_body(p, "");
    add_norm(p, "output_layer.0", "", 6);
    add(p, "output_layer.3", ".weight", 2, (const int64_t[]){7, 6 * 49}, 0.0f, 0.06f);
    add(p, "output_layer.3", ".bias", 1, (const int64_t[]){7}, 0.0f, 0.1f);
    add_norm(p, "output_layer.4", "", 7);
    models->identity_params = p;
    lt_irse50_create(ctx, p, &models->identity);
}

/* Two heads on each level. */
static void make_encoder(struct ce_models *models)
{
    lt_params *p = NULL;
    lt_params_create(ctx, &p);
    add_body(p, "encoder.");
    for (int l = 1; l <= 2; l++) {
        char layer[24];
        snprintf(layer, sizeof layer, "encoder.latlayer%d", l);
        add_filter(p, layer, ".weight", 6, body_channels[4 - l], 1);
        add(p, layer, ".bias", 1, (const int64_t[]){6}, 0.0f, 0.1f);
    }
    for (int i = 0; i < METHOD_LAYERS; i++) {
        char head[24], layer[16];
        snprintf(head, sizeof head, "encoder.styles.%d.", i);
        for (int k = 0; k < 4 + i / 2; k++) {
            snprintf(layer, sizeof layer, "convs.%d.weight", 2 * k);
            add_filter(p, head, layer, METHOD_D, 6, 3);
            snprintf(layer, sizeof layer, "convs.%d.bias", 2 * k);
            add(p, head, layer, 1, (const int64_t[]){METHOD_D}, 0.0f, 0.1f);
        }
        add(p, head, "linear.weight", 2, (const int64_t[]){METHOD_D, METHOD_D}, 0.0f, 1.0f);
        add(p, head, "linear.bias", 1, (const int64_t[]){METHOD_D}, 0.0f, 0.1f);
    }
    add(p, "latent_avg", "", 1, (const int64_t[]){METHOD_D}, 0.0f, 0.5f);
    models->encoder_params = p;
    ck_assert_msg(lt_e4e_create(ctx, p, &models->encoder) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void make_vgg(struct ce_models *models)
{
    lt_params_create(ctx, &models->vgg_params);
    for (int i = 0; i < LT_VGG19_CONVS; i++) {
        add_filter(models->vgg_params, lt_vgg19_layer_name(i), ".weight", 2, i ? 2 : 3, 3);
        add(models->vgg_params, lt_vgg19_layer_name(i), ".bias", 1, (const int64_t[]){2}, 0.5f, 0.1f);
    }
    lt_vgg19_create(ctx, models->vgg_params, &models->vgg);
}

void method_models_make(struct ce_models *models, unsigned needs)
{
    ctx = nn_context();
    rng = lt_rng_make(77, 0);
    *models = (struct ce_models){.ctx = ctx, .domain = "face", .truncation = 0.7};
    if (needs & CE_NEED_GENERATOR)
        make_generator(models);
    if (needs & CE_NEED_TEXT)
        make_clip(models);
    if (needs & CE_NEED_IDENTITY)
        make_identity(models);
    if (needs & CE_NEED_VGG)
        make_vgg(models);
    if (needs & CE_NEED_ENCODER)
        make_encoder(models);
    nn_assert_ok(ctx);
}

void method_models_free(struct ce_models *models)
{
    lt_stylegan2_free(models->generator);
    lt_clip_free(models->clip);
    lt_irse50_free(models->identity);
    lt_vgg19_free(models->vgg);
    lt_e4e_free(models->encoder);
    lt_tokenizer_free(models->tokenizer);
    lt_params_free(models->generator_params);
    lt_params_free(models->clip_params);
    lt_params_free(models->identity_params);
    lt_params_free(models->vgg_params);
    lt_params_free(models->encoder_params);
    lt_ctx_destroy(models->ctx);
}

lt_tensor *method_latents(lt_ctx *c, int64_t n, uint64_t seed)
{
    lt_rng r = lt_rng_make(seed, 5);
    return nn_normal(c, &r, 3, (const int64_t[]){n, METHOD_LAYERS, METHOD_D});
}

lt_params *method_params_without(lt_ctx *c, const lt_params *params, const char *prefix)
{
    lt_params *rest = NULL;
    ck_assert_int_eq(lt_params_create(c, &rest), LT_OK);
    for (size_t i = 0; i < lt_params_count(params); i++)
        if (strncmp(lt_params_name(params, i), prefix, strlen(prefix)))
            ck_assert_int_eq(lt_params_add(c, rest, lt_params_name(params, i), lt_params_at(params, i)), LT_OK);
    return rest;
}

bool method_same_bits(const lt_tensor *a, const lt_tensor *b)
{
    return a && b && lt_same_shape(a, b) &&
           memcmp(lt_f32(a), lt_f32(b), (size_t)lt_numel(a) * sizeof(float)) == 0;
}
