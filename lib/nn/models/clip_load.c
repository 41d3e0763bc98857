/* Finds the weights of a CLIP network among the tensors of a checkpoint, under OpenAI's names, and
 * reads all sizes from their shapes. */
#include "nn/models/clip_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/files/json_reader.h"

enum { HEAD = 64 }; /* features of an attention head of OpenAI's networks */

/* The statistics that OpenAI's training images were normalised with, per channel (RGB). Files of
 * other models have their own in the metadata. */
static const float image_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float image_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};

/* The number of blocks that have weights. */
static int count_blocks(const lt_params *params, const char *prefix)
{
    char name[96];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "%s.resblocks.%d.attn.in_proj_weight", prefix, i);
        if (!lt_params_find(params, name))
            return i;
    }
}

/* A weight that lt_linear() or lt_embedding() uses as it is stored, float32 or 16 bits wide. */
static lt_tensor *stored(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                         const int64_t *shape)
{
    return lt_params_get(ctx, params, name, ndim, shape);
}

/* A weight in float32, for all other operations: the tensor itself, or a copy that the network
 * owns. */
static lt_tensor *wide(lt_ctx *ctx, lt_clip *c, const lt_params *params, const char *name, int ndim,
                       const int64_t *shape)
{
    lt_tensor *t = lt_params_get(ctx, params, name, ndim, shape);
    if (!t || lt_type(t) == LT_F32)
        return t;
    t = lt_cast(ctx, t, LT_F32);
    return t && lt_params_add(ctx, c->widened, name, t) == LT_OK ? t : NULL;
}

/* Reads the number of a tower's attention heads: from the metadata `key`, or, as OpenAI's loader
 * counts them, one for each 64 features of the width. */
static lt_status find_heads(lt_ctx *ctx, const lt_params *params, const char *key,
                            struct lt_clip_tower *t)
{
    const char *text = lt_params_metadata(params, key);
    if (!text) {
        t->heads = t->width / HEAD;
        return t->heads > 0 && t->width % HEAD == 0
                   ? LT_OK
                   : lt_fail(ctx, LT_ERR_UNSUPPORTED,
                             "clip: width %d of the %s tower is not a multiple of %d, and there is "
                             "no metadata %s",
                             t->width, t->name, HEAD, key);
    }
    char *end;
    const long heads = strtol(text, &end, 10);
    if (end == text || *end || heads < 1 || heads > t->width || t->width % heads)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "clip: metadata %s is \"%s\", expected a divisor of the %s tower's width %d",
                       key, text, t->name, t->width);
    t->heads = (int)heads;
    return LT_OK;
}

/* The hidden width of the MLP of block i: four times the width in OpenAI's networks, something else
 * in some of open_clip's. */
static int64_t hidden_width(const lt_params *params, const char *prefix, int i, int64_t width)
{
    char name[96];
    snprintf(name, sizeof name, "%s.resblocks.%d.mlp.c_fc.weight", prefix, i);
    const lt_tensor *fc = lt_params_find(params, name);
    return lt_ndim(fc) == 2 && lt_dim(fc, 0) > 0 ? lt_dim(fc, 0) : 4 * width;
}

/* Finds the weights of all blocks of a tower whose width and number of layers are set. */
static lt_status find_blocks(lt_ctx *ctx, lt_clip *c, const lt_params *params, const char *prefix,
                             struct lt_clip_tower *t)
{
    const int64_t w = t->width;
    if (t->layers == 0)
        return lt_fail(ctx, LT_ERR_MISSING,
                       "clip: there is no tensor %s.resblocks.0.attn.in_proj_weight", prefix);
    t->block = calloc((size_t)t->layers, sizeof *t->block);
    if (!t->block)
        return lt_fail(ctx, LT_ERR_MEMORY, "clip: out of memory");
    for (int i = 0; i < t->layers; i++) {
        struct lt_clip_block *b = &t->block[i];
        const int64_t hidden = hidden_width(params, prefix, i, w);
        const struct {
            const char *suffix;
            lt_tensor **slot;
            int64_t rows, columns; /* columns is 0 for tensors of one axis */
        } want[] = {
            {"ln_1.weight", &b->ln1_weight, w, 0},
            {"ln_1.bias", &b->ln1_bias, w, 0},
            {"attn.in_proj_weight", &b->in_weight, 3 * w, w},
            {"attn.in_proj_bias", &b->in_bias, 3 * w, 0},
            {"attn.out_proj.weight", &b->out_weight, w, w},
            {"attn.out_proj.bias", &b->out_bias, w, 0},
            {"ln_2.weight", &b->ln2_weight, w, 0},
            {"ln_2.bias", &b->ln2_bias, w, 0},
            {"mlp.c_fc.weight", &b->fc_weight, hidden, w},
            {"mlp.c_fc.bias", &b->fc_bias, hidden, 0},
            {"mlp.c_proj.weight", &b->proj_weight, w, hidden},
            {"mlp.c_proj.bias", &b->proj_bias, w, 0},
        };
        for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
            char name[96];
            snprintf(name, sizeof name, "%s.resblocks.%d.%s", prefix, i, want[k].suffix);
            const int64_t shape[2] = {want[k].rows, want[k].columns};
            *want[k].slot = want[k].columns ? stored(ctx, params, name, 2, shape)
                                            : wide(ctx, c, params, name, 1, shape);
            if (!*want[k].slot)
                return lt_ctx_status(ctx);
        }
    }
    return LT_OK;
}

/* Finds the vision transformer and reads its sizes. */
static lt_status find_visual(lt_ctx *ctx, const lt_params *params, lt_clip *c)
{
    lt_clip_config *g = &c->config;
    c->patch_weight =
        wide(ctx, c, params, "visual.conv1.weight", 4, (const int64_t[]){-1, 3, -1, -1});
    if (!c->patch_weight)
        return lt_ctx_status(ctx);
    const int64_t w = lt_dim(c->patch_weight, 0), p = lt_dim(c->patch_weight, 3);
    c->visual_position =
        wide(ctx, c, params, "visual.positional_embedding", 2, (const int64_t[]){-1, w});
    if (!c->visual_position)
        return lt_ctx_status(ctx);
    const int64_t patches = lt_dim(c->visual_position, 0) - 1;
    const int64_t grid = (int64_t)lround(sqrt((double)patches));
    if (lt_dim(c->patch_weight, 2) != p || p < 1 || grid < 1 || grid * grid != patches)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "clip: visual.positional_embedding has %lld patches and visual.conv1.weight "
                       "patches of %lld x %lld pixels, which make no square image",
                       (long long)patches, (long long)lt_dim(c->patch_weight, 2), (long long)p);
    g->vision_width = (int)w;
    g->patch = (int)p;
    g->image_size = (int)(p * grid);
    c->class_embedding = wide(ctx, c, params, "visual.class_embedding", 1, (const int64_t[]){w});
    c->ln_pre_weight = wide(ctx, c, params, "visual.ln_pre.weight", 1, (const int64_t[]){w});
    c->ln_pre_bias = wide(ctx, c, params, "visual.ln_pre.bias", 1, (const int64_t[]){w});
    c->ln_post_weight = wide(ctx, c, params, "visual.ln_post.weight", 1, (const int64_t[]){w});
    c->ln_post_bias = wide(ctx, c, params, "visual.ln_post.bias", 1, (const int64_t[]){w});
    c->visual_proj = wide(ctx, c, params, "visual.proj", 2, (const int64_t[]){w, -1});
    if (lt_ctx_status(ctx))
        return lt_ctx_status(ctx);
    g->embed_dim = (int)lt_dim(c->visual_proj, 1);
    g->vision_layers = count_blocks(params, "visual.transformer");
    c->visual = (struct lt_clip_tower){
        .name = "visual", .width = g->vision_width, .layers = g->vision_layers};
    if (find_heads(ctx, params, "vision_heads", &c->visual) != LT_OK)
        return lt_ctx_status(ctx);
    return find_blocks(ctx, c, params, "visual.transformer", &c->visual);
}

/* Finds the text transformer and reads its sizes; the width of the embeddings is set already. */
static lt_status find_text(lt_ctx *ctx, const lt_params *params, lt_clip *c)
{
    lt_clip_config *g = &c->config;
    c->token_embedding =
        stored(ctx, params, "token_embedding.weight", 2, (const int64_t[]){-1, -1});
    if (!c->token_embedding)
        return lt_ctx_status(ctx);
    const int64_t w = lt_dim(c->token_embedding, 1);
    c->text_position = wide(ctx, c, params, "positional_embedding", 2, (const int64_t[]){-1, w});
    c->ln_final_weight = wide(ctx, c, params, "ln_final.weight", 1, (const int64_t[]){w});
    c->ln_final_bias = wide(ctx, c, params, "ln_final.bias", 1, (const int64_t[]){w});
    c->text_proj = wide(ctx, c, params, "text_projection", 2, (const int64_t[]){w, g->embed_dim});
    c->logit_scale = wide(ctx, c, params, "logit_scale", 0, NULL);
    if (lt_ctx_status(ctx))
        return lt_ctx_status(ctx);
    g->vocab_size = (int)lt_dim(c->token_embedding, 0);
    g->context_length = (int)lt_dim(c->text_position, 0);
    g->text_width = (int)w;
    g->text_layers = count_blocks(params, "transformer");
    c->text =
        (struct lt_clip_tower){.name = "text", .width = g->text_width, .layers = g->text_layers};
    if (find_heads(ctx, params, "text_heads", &c->text) != LT_OK)
        return lt_ctx_status(ctx);
    return find_blocks(ctx, c, params, "transformer", &c->text);
}

/* Reads the metadata `key`, a JSON list of three numbers of at least `low`; values[3] stay as they
 * are where there is none. */
static lt_status read_channels(lt_ctx *ctx, const lt_params *params, const char *key, double low,
                               float *values)
{
    const char *text = lt_params_metadata(params, key);
    lt_json *list = NULL;
    if (!text)
        return LT_OK;
    if (lt_json_parse(ctx, key, text, strlen(text), &list) != LT_OK)
        return lt_ctx_status(ctx);
    bool good = lt_json_type(list) == LT_JSON_ARRAY && lt_json_count(list) == 3;
    for (size_t i = 0; good && i < 3; i++) {
        const double v = lt_json_number(lt_json_at(list, i), NAN);
        good = v >= low && v <= 1e3;
        values[i] = (float)v;
    }
    lt_json_free(list);
    return good ? LT_OK
                : lt_fail(ctx, LT_ERR_FORMAT,
                          "clip: metadata %s is \"%.60s\", expected a list of three numbers from "
                          "%g on",
                          key, text, low);
}

/* Sets the scale and the shift of each channel that compute ((x + 1) / 2 - mean) / std. */
static lt_status make_normalisation(lt_ctx *ctx, const lt_params *params, lt_clip *c)
{
    float scale[3], shift[3], mean[3], std[3];
    memcpy(mean, image_mean, sizeof mean);
    memcpy(std, image_std, sizeof std);
    if (read_channels(ctx, params, "image_mean", -1e3, mean) != LT_OK ||
        read_channels(ctx, params, "image_std", 1e-3, std) != LT_OK)
        return lt_ctx_status(ctx);
    for (int i = 0; i < 3; i++) {
        scale[i] = 0.5f / std[i];
        shift[i] = (0.5f - mean[i]) / std[i];
    }
    c->pixel_scale = lt_retain(lt_from_copy(ctx, LT_F32, 2, (const int64_t[]){1, 3}, scale));
    c->pixel_shift = lt_retain(lt_from_copy(ctx, LT_F32, 1, (const int64_t[]){3}, shift));
    return c->pixel_scale && c->pixel_shift ? LT_OK : lt_ctx_status(ctx);
}

/* Reads the metadata `activation`; OpenAI's QuickGELU where there is none. */
static lt_status read_activation(lt_ctx *ctx, const lt_params *params, lt_clip *c)
{
    const char *name = lt_params_metadata(params, "activation");
    c->config.gelu = name && strcmp(name, "gelu") == 0;
    if (!name || c->config.gelu || strcmp(name, "quick_gelu") == 0)
        return LT_OK;
    return lt_fail(ctx, LT_ERR_UNSUPPORTED,
                   "clip: metadata activation is \"%.60s\", expected quick_gelu or gelu", name);
}

lt_status lt_clip_create(lt_ctx *ctx, const lt_params *params, lt_clip **out)
{
    *out = NULL;
    lt_clip *c = calloc(1, sizeof *c);
    if (!c)
        return lt_fail(ctx, LT_ERR_MEMORY, "clip: out of memory");
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = read_activation(ctx, params, c);
    /* Long-CLIP keeps its later positions in a second table. Half of it would be left out. */
    if (status == LT_OK && lt_params_find(params, "positional_embedding_res"))
        status = lt_fail(ctx, LT_ERR_UNSUPPORTED,
                         "clip: a Long-CLIP network (tensor positional_embedding_res), which is "
                         "not supported");
    if (status == LT_OK)
        status = lt_params_create(ctx, &c->widened);
    if (status == LT_OK)
        status = find_visual(ctx, params, c);
    if (status == LT_OK)
        status = find_text(ctx, params, c);
    if (status == LT_OK)
        status = make_normalisation(ctx, params, c);
    lt_scope_close(ctx, scope, NULL);
    if (status) {
        lt_clip_free(c);
        return status;
    }
    *out = c;
    return LT_OK;
}

void lt_clip_free(lt_clip *clip)
{
    if (!clip)
        return;
    lt_params_free(clip->widened);
    lt_release(clip->pixel_scale);
    lt_release(clip->pixel_shift);
    free(clip->visual.block);
    free(clip->text.block);
    free(clip);
}
