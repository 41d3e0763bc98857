/* Runs CLIP: the transformer that both towers share, pictures and texts to embeddings. */
#include "nn/models/clip_impl.h"

#include <math.h>
#include <stdio.h>

#include "autograd/ops.h"

const lt_clip_config *lt_clip_describe(const lt_clip *clip) { return &clip->config; }
lt_tensor *lt_clip_logit_scale(const lt_clip *clip) { return clip->logit_scale; }

void lt_clip_set_tap(lt_clip *clip, void (*tap)(void *user, const char *name, lt_tensor *t),
                     void *user)
{
    clip->tap = tap;
    clip->tap_user = user;
}

/* ---- the transformer ---- */

/* Calls the tap with the residual stream after i blocks. With a tap, texts are packed whole, so
 * that a stream of rows (T L, W) can be shown as (T, L, W). */
static void tap_stream(lt_ctx *ctx, const lt_clip *c, const struct lt_clip_tower *t, int i,
                       lt_tensor *x)
{
    char name[32];
    if (!c->tap || !x)
        return;
    const lt_scope scope = lt_scope_open(ctx);
    if (lt_ndim(x) == 2)
        x = lt_reshape(ctx, x, 3, (const int64_t[]){-1, c->config.context_length, t->width});
    snprintf(name, sizeof name, "%s.%d", t->name, i);
    if (x)
        c->tap(c->tap_user, name, x);
    lt_scope_close(ctx, scope, NULL);
}

/* The rows (N, W) that the embeddings are made of: position 0 of each picture in x (N, L, W),
 * the end token of each text in x (R, W). */
static lt_tensor *feature_row(lt_ctx *ctx, lt_tensor *x, const struct lt_clip_texts *texts)
{
    if (!x)
        return NULL;
    if (texts)
        return lt_embedding(ctx, x, texts->last);
    const int64_t n = lt_dim(x, 0), w = lt_dim(x, 2);
    return lt_reshape(ctx, lt_slice(ctx, x, 1, 0, 1), 2, (const int64_t[]){n, w});
}

/* From packed rows x (P, W) to stream rows (R, W), or with `last` to the rows of the end
 * tokens alone, (T, W). */
static lt_tensor *text_rows(lt_ctx *ctx, lt_tensor *x, const struct lt_clip_texts *texts, bool last)
{
    if (last)
        return lt_embedding(ctx, x, texts->ends);
    return texts->row_of ? lt_embedding(ctx, x, texts->one_of) : x;
}

/* Attention over queries, keys and values y of all rows; with `last` the result has only the
 * rows that feature_row() returns. */
static lt_tensor *attend(lt_ctx *ctx, const struct lt_clip_tower *t, lt_tensor *y,
                         const struct lt_clip_texts *texts, bool last)
{
    if (!texts) {
        y = lt_attention(ctx, y, t->heads, false);
        return last ? feature_row(ctx, y, NULL) : y;
    }
    if (texts->row_of)
        y = lt_embedding(ctx, y, texts->row_of);
    return text_rows(ctx, lt_attention_ragged(ctx, y, texts->starts, t->heads, true), texts, last);
}

/* One block: x + Attention(LN(x)), then x + MLP(LN(x)). In the last block only the rows of
 * feature_row() matter after the attention: with `last` no others are computed, (N, W). */
static lt_tensor *run_block(lt_ctx *ctx, const lt_clip *c, const struct lt_clip_tower *t,
                            const struct lt_clip_block *b, lt_tensor *x,
                            const struct lt_clip_texts *texts, bool last)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *y = lt_layer_norm(ctx, x, b->ln1_weight, b->ln1_bias, 1e-5f);
    y = lt_linear(ctx, y, b->in_weight, b->in_bias);
    y = attend(ctx, t, y, texts, last);
    if (last)
        x = feature_row(ctx, x, texts);
    x = lt_add(ctx, x, lt_linear(ctx, y, b->out_weight, b->out_bias));
    y = lt_layer_norm(ctx, x, b->ln2_weight, b->ln2_bias, 1e-5f);
    y = lt_linear(ctx, y, b->fc_weight, b->fc_bias);
    y = c->config.gelu ? lt_gelu(ctx, y) : lt_quick_gelu(ctx, y);
    x = lt_add(ctx, x, lt_linear(ctx, y, b->proj_weight, b->proj_bias));
    return lt_scope_close(ctx, scope, x);
}

/* Runs the residual stream x, (N, L, W) of pictures or (R, W) of texts, through all blocks.
 * Returns the rows (N, W) of feature_row(). With a tap all rows are computed to the end. */
static lt_tensor *run_tower(lt_ctx *ctx, const lt_clip *c, const struct lt_clip_tower *t,
                            lt_tensor *x, const struct lt_clip_texts *texts)
{
    const lt_scope scope = lt_scope_open(ctx);
    tap_stream(ctx, c, t, 0, x);
    for (int i = 0; i < t->layers; i++) {
        const bool last = i + 1 == t->layers && !c->tap;
        x = lt_scope_close(ctx, scope, run_block(ctx, c, t, &t->block[i], x, texts, last));
        tap_stream(ctx, c, t, i + 1, x);
    }
    return lt_scope_close(ctx, scope, c->tap ? feature_row(ctx, x, texts) : x);
}

/* ---- pictures ---- */

static lt_tensor *fail_shape(lt_ctx *ctx, const char *what, const lt_tensor *t,
                             const char *expected)
{
    char s[80];
    if (t)
        lt_fail(ctx, LT_ERR_SHAPE, "clip: %s is %s, expected %s", what,
                lt_shape_string(t, s, sizeof s), expected);
    else if (lt_ctx_status(ctx) == LT_OK)
        lt_fail(ctx, LT_ERR_ARGUMENT, "clip: %s is NULL", what);
    return NULL;
}

lt_tensor *lt_clip_preprocess(lt_ctx *ctx, const lt_clip *clip, lt_tensor *images, bool antialias)
{
    if (!images || lt_ndim(images) != 4 || lt_dim(images, 1) != 3 || lt_dim(images, 2) < 1 ||
        lt_dim(images, 3) < 1)
        return fail_shape(ctx, "image", images, "(N, 3, H, W)");
    const int64_t r = clip->config.image_size, h = lt_dim(images, 2), w = lt_dim(images, 3);
    /* The whole image is resized before its middle is cut out, so a thread of pixels would become
     * a huge one. */
    if (h > LT_CLIP_MOST_ASPECT * w || w > LT_CLIP_MOST_ASPECT * h) {
        lt_fail(
            ctx, LT_ERR_SHAPE,
            "clip: an image of %lld x %lld; the longer side may be at most %d times the shorter",
            (long long)w, (long long)h, LT_CLIP_MOST_ASPECT);
        return NULL;
    }
    /* The longer side is rounded down, as in torchvision. */
    const int64_t h2 = h <= w ? r : r * h / w, w2 = w <= h ? r : r * w / h;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = images;
    if (h != h2 || w != w2)
        x = lt_resize_bicubic(ctx, x, h2, w2, antialias);
    if (h2 != r)
        x = lt_slice(ctx, x, 2, (int64_t)nearbyint((double)(h2 - r) / 2.0), r);
    if (w2 != r)
        x = lt_slice(ctx, x, 3, (int64_t)nearbyint((double)(w2 - r) / 2.0), r);
    /* Normalisation comes last, when there are the fewest pixels. That gives the same result,
     * because the weights of the resize sum to one. */
    lt_tensor *scale =
        lt_expand(ctx, clip->pixel_scale, 2, (const int64_t[]){lt_dim(images, 0), 3});
    x = scale ? lt_bias_act(
                    ctx, x,
                    &(lt_act){
                        .out_scale = scale, .bias = clip->pixel_shift, .slope = 1.0f, .gain = 1.0f})
              : NULL;
    return lt_scope_close(ctx, scope, x);
}

/* From pixels (N, 3, R, R) to tokens (N, 1 + grid^2, W): the class token, then the patches, with
 * their positions added. */
static lt_tensor *embed_patches(lt_ctx *ctx, const lt_clip *c, lt_tensor *pixels)
{
    const int64_t n = lt_dim(pixels, 0), p = c->config.patch, w = c->config.vision_width;
    const int64_t grid = c->config.image_size / p;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_reshape(ctx, pixels, 6, (const int64_t[]){n, 3, grid, p, grid, p});
    x = lt_permute(ctx, x, (const int[]){0, 2, 4, 1, 3, 5});
    x = lt_reshape(ctx, x, 3, (const int64_t[]){n, grid * grid, 3 * p * p});
    lt_tensor *kernel = lt_reshape(ctx, c->patch_weight, 2, (const int64_t[]){w, 3 * p * p});
    lt_tensor *token[2] = {lt_expand(ctx, c->class_embedding, 3, (const int64_t[]){n, 1, w}),
                           kernel ? lt_linear(ctx, x, kernel, NULL) : NULL};
    x = token[0] && token[1] ? lt_concat(ctx, 2, token, 1) : NULL;
    return lt_scope_close(ctx, scope, lt_add(ctx, x, c->visual_position));
}

lt_tensor *lt_clip_encode_image(lt_ctx *ctx, const lt_clip *clip, lt_tensor *pixels)
{
    const int64_t r = clip->config.image_size;
    if (!pixels || lt_ndim(pixels) != 4 || lt_dim(pixels, 1) != 3 || lt_dim(pixels, 2) != r ||
        lt_dim(pixels, 3) != r) {
        char expected[64];
        snprintf(expected, sizeof expected, "(N, 3, %lld, %lld)", (long long)r, (long long)r);
        return fail_shape(ctx, "pixels", pixels, expected);
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = embed_patches(ctx, clip, pixels);
    x = lt_layer_norm(ctx, x, clip->ln_pre_weight, clip->ln_pre_bias, 1e-5f);
    x = run_tower(ctx, clip, &clip->visual, x, NULL);
    x = lt_layer_norm(ctx, x, clip->ln_post_weight, clip->ln_post_bias, 1e-5f);
    return lt_scope_close(ctx, scope, lt_matmul(ctx, x, clip->visual_proj, false, false));
}

/* ---- texts ---- */

lt_tensor *lt_clip_encode_text(lt_ctx *ctx, const lt_clip *clip, const lt_tensor *ids)
{
    const int64_t context = clip->config.context_length;
    if (!ids || lt_ndim(ids) != 2 || lt_dim(ids, 1) != context) {
        char expected[48];
        snprintf(expected, sizeof expected, "(T, %lld)", (long long)context);
        return fail_shape(ctx, "ids", ids, expected);
    }
    if (lt_type(ids) != LT_I32) {
        lt_fail(ctx, LT_ERR_DTYPE, "clip: ids is %s, expected I32", lt_dtype_name(lt_type(ids)));
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = NULL, *id = NULL, *place = NULL;
    struct lt_clip_texts texts = {0};
    const lt_tensor *dense = lt_i32(ids) ? ids : lt_clone(ctx, ids);
    if (dense && lt_clip_pack_texts(ctx, dense, clip->tap != NULL, &texts, &id, &place) == LT_OK) {
        x = lt_add(ctx, lt_embedding(ctx, clip->token_embedding, id),
                   lt_embedding(ctx, clip->text_position, place));
        x = run_tower(ctx, clip, &clip->text, x, &texts);
        x = lt_layer_norm(ctx, x, clip->ln_final_weight, clip->ln_final_bias, 1e-5f);
        x = lt_matmul(ctx, x, clip->text_proj, false, false);
    }
    return lt_scope_close(ctx, scope, x);
}
