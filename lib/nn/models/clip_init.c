/* Fresh weights of a CLIP network, drawn as OpenAI's code draws those of the text transformer;
 * the blocks of the vision transformer follow the same rule. */
#include <math.h>
#include <stdio.h>

#include "nn/models/clip.h"
#include "nn/init_impl.h"

static void make_norm(const struct lt_maker *m, const char *prefix, int64_t width)
{
    lt_make(m, prefix, ".weight", 1, (const int64_t[]){width}, 1.0f, 0.0f);
    lt_make(m, prefix, ".bias", 1, (const int64_t[]){width}, 0.0f, 0.0f);
}

/* The blocks of a transformer of width w. Standard deviations: 1 / sqrt(w) for attention, 1 /
 * sqrt(2 w) for the first layer of an MLP; layers that add to the residual stream are damped by
 * 1 / sqrt(2 layers). */
static void make_blocks(const struct lt_maker *m, const char *prefix, int64_t w, int layers)
{
    const float attn = 1.0f / sqrtf((float)w);
    const float proj = attn / sqrtf(2.0f * (float)layers);
    const float fc = 1.0f / sqrtf(2.0f * (float)w);
    for (int i = 0; i < layers; i++) {
        char block[64], norm[80];
        snprintf(block, sizeof block, "%s.resblocks.%d.", prefix, i);
        lt_make(m, block, "attn.in_proj_weight", 2, (const int64_t[]){3 * w, w}, 0.0f, attn);
        lt_make(m, block, "attn.in_proj_bias", 1, (const int64_t[]){3 * w}, 0.0f, 0.0f);
        lt_make(m, block, "attn.out_proj.weight", 2, (const int64_t[]){w, w}, 0.0f, proj);
        lt_make(m, block, "attn.out_proj.bias", 1, (const int64_t[]){w}, 0.0f, 0.0f);
        snprintf(norm, sizeof norm, "%sln_1", block);
        make_norm(m, norm, w);
        lt_make(m, block, "mlp.c_fc.weight", 2, (const int64_t[]){4 * w, w}, 0.0f, fc);
        lt_make(m, block, "mlp.c_fc.bias", 1, (const int64_t[]){4 * w}, 0.0f, 0.0f);
        lt_make(m, block, "mlp.c_proj.weight", 2, (const int64_t[]){w, 4 * w}, 0.0f, proj);
        lt_make(m, block, "mlp.c_proj.bias", 1, (const int64_t[]){w}, 0.0f, 0.0f);
        snprintf(norm, sizeof norm, "%sln_2", block);
        make_norm(m, norm, w);
    }
}

/* Checks a configuration. */
static lt_status check(lt_ctx *ctx, const lt_clip_config *c)
{
    if (c->vision_width < 64 || c->vision_width % 64 || c->text_width < 64 || c->text_width % 64)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "clip: widths %d and %d are not multiples of 64",
                       c->vision_width, c->text_width);
    if (c->patch < 1 || c->image_size < c->patch || c->image_size % c->patch)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "clip: image_size %d is no multiple of patch %d",
                       c->image_size, c->patch);
    if (c->embed_dim < 1 || c->vision_layers < 1 || c->text_layers < 1 || c->context_length < 2 ||
        c->vocab_size < 2)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "clip: embed_dim %d, layers %d and %d, "
                       "context_length %d, vocab_size %d are out of range",
                       c->embed_dim, c->vision_layers, c->text_layers, c->context_length,
                       c->vocab_size);
    return LT_OK;
}

lt_status lt_clip_init(lt_ctx *ctx, lt_params *params, const lt_clip_config *config, lt_rng *rng)
{
    const lt_status status = check(ctx, config);
    if (status)
        return status;
    struct lt_maker m = {ctx, params, rng};
    const int64_t v = config->vision_width, t = config->text_width, d = config->embed_dim;
    const int64_t p = config->patch, grid = config->image_size / p;
    const float vision = 1.0f / sqrtf((float)v);
    lt_make(&m, "visual.class_embedding", "", 1, (const int64_t[]){v}, 0.0f, vision);
    lt_make(&m, "visual.positional_embedding", "", 2, (const int64_t[]){grid * grid + 1, v}, 0.0f,
            vision);
    lt_make(&m, "visual.proj", "", 2, (const int64_t[]){v, d}, 0.0f, vision);
    /* The standard deviation of PyTorch's default for convolutions, which is uniform. */
    lt_make(&m, "visual.conv1.weight", "", 4, (const int64_t[]){v, 3, p, p}, 0.0f,
            1.0f / sqrtf(9.0f * (float)(p * p)));
    make_norm(&m, "visual.ln_pre", v);
    make_blocks(&m, "visual.transformer", v, config->vision_layers);
    make_norm(&m, "visual.ln_post", v);
    lt_make(&m, "token_embedding.weight", "", 2, (const int64_t[]){config->vocab_size, t}, 0.0f,
            0.02f);
    lt_make(&m, "positional_embedding", "", 2, (const int64_t[]){config->context_length, t}, 0.0f,
            0.01f);
    make_blocks(&m, "transformer", t, config->text_layers);
    make_norm(&m, "ln_final", t);
    lt_make(&m, "text_projection", "", 2, (const int64_t[]){t, d}, 0.0f, 1.0f / sqrtf((float)t));
    lt_make(&m, "logit_scale", "", 0, NULL, logf(1.0f / 0.07f), 0.0f);
    if (lt_ctx_status(ctx) == LT_OK && config->gelu)
        return lt_params_set_metadata(ctx, params, "activation", "gelu");
    return lt_ctx_status(ctx);
}
