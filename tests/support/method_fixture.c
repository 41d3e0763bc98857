#include "support/method_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/random_weights.h"

static lt_ctx *ctx;
static lt_rng rng;

static void make_generator(struct ce_models *models)
{
    const lt_stylegan2_config config = {.size = METHOD_SIDE,
                                        .z_dim = METHOD_D,
                                        .style_dim = METHOD_D,
                                        .n_mlp = 2,
                                        .channels = {6, 5, 4}};
    lt_params_create(ctx, &models->generator_params);
    ck_assert_int_eq(lt_stylegan2_init(ctx, models->generator_params, &config, &rng), LT_OK);
    lt_stylegan2_create(ctx, models->generator_params, &models->generator);
}

static void make_clip(struct ce_models *models)
{
    static const char merges[] = "#version: 0.2\nt h\nth e</w>\np h\n";
    ck_assert_int_eq(lt_tokenizer_create(ctx, merges, sizeof merges - 1, &models->tokenizer),
                     LT_OK);
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

/* Channels of a body of four units, 3 to 6. The image is halved in the first unit and where the
 * number of channels changes. */
static const int64_t body_channels[5] = {3, 3, 4, 5, 6};

static struct lt_maker weights_of(lt_params **params)
{
    ck_assert_int_eq(lt_params_create(ctx, params), LT_OK);
    return (struct lt_maker){ctx, *params, &rng};
}

static void make_identity(struct ce_models *models)
{
    const struct lt_maker to = weights_of(&models->identity_params);
    random_irse_body(&to, "", body_channels);
    random_irse_head(&to, body_channels[4], 0.06f);
    lt_irse50_create(ctx, to.params, &models->identity);
}

/* An encoder with two style heads on each level of the pyramid. */
static void make_encoder(struct ce_models *models)
{
    const struct lt_maker to = weights_of(&models->encoder_params);
    random_irse_body(&to, "encoder.", body_channels);
    for (int l = 1; l <= 2; l++) {
        char layer[32];
        snprintf(layer, sizeof layer, "encoder.latlayer%d", l);
        random_filter(&to, layer, ".weight", 6, body_channels[4 - l], 1);
        random_weight(&to, layer, ".bias", 1, (const int64_t[]){6}, 0.0f, 0.1f);
    }
    for (int i = 0; i < METHOD_LAYERS; i++) {
        char head[32], layer[32];
        snprintf(head, sizeof head, "encoder.styles.%d.", i);
        for (int k = 0; k < 4 + i / 2; k++) {
            snprintf(layer, sizeof layer, "convs.%d.weight", 2 * k);
            random_filter(&to, head, layer, METHOD_D, 6, 3);
            snprintf(layer, sizeof layer, "convs.%d.bias", 2 * k);
            random_weight(&to, head, layer, 1, (const int64_t[]){METHOD_D}, 0.0f, 0.1f);
        }
        random_weight(&to, head, "linear.weight", 2, (const int64_t[]){METHOD_D, METHOD_D}, 0.0f,
                      1.0f);
        random_weight(&to, head, "linear.bias", 1, (const int64_t[]){METHOD_D}, 0.0f, 0.1f);
    }
    random_weight(&to, "latent_avg", "", 1, (const int64_t[]){METHOD_D}, 0.0f, 0.5f);
    ck_assert_msg(lt_encoder_create(ctx, to.params, &models->encoder) == LT_OK, "%s",
                  lt_ctx_message(ctx));
}

static void make_vgg(struct ce_models *models)
{
    const struct lt_maker to = weights_of(&models->vgg_params);
    random_vgg19(&to, 2);
    lt_vgg19_create(ctx, to.params, &models->vgg);
}

void method_models_make(struct ce_models *models, unsigned needs)
{
    ctx = nn_context();
    rng = lt_rng_make(77, 0);
    *models = (struct ce_models){.ctx = ctx, .domain = "face", .truncation = 0.7};
    if (needs & CE_NEED_GENERATOR)
        make_generator(models);
    if (needs & CE_NEED_TEXT) {
        make_clip(models);
        ck_assert_int_eq(ce_concepts_load(ctx, "weights/concepts.json", &models->concepts), LT_OK);
    }
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
    lt_encoder_free(models->encoder);
    lt_tokenizer_free(models->tokenizer);
    ce_concepts_free(models->concepts);
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
            ck_assert_int_eq(
                lt_params_add(c, rest, lt_params_name(params, i), lt_params_at(params, i)), LT_OK);
    return rest;
}

bool method_same_bits(const lt_tensor *a, const lt_tensor *b)
{
    return a && b && lt_same_shape(a, b) &&
           memcmp(lt_f32(a), lt_f32(b), (size_t)lt_numel(a) * sizeof(float)) == 0;
}
