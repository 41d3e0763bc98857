#include "nn/models/clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"

enum { HEAD = 64 }; /* features of an attention head */

/* The statistics that OpenAI's images were normalised with. */
static const float image_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float image_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};

/* Weights of one residual attention block of width W. */
struct block {
    lt_tensor *ln1_weight, *ln1_bias, *ln2_weight, *ln2_bias; /* (W) */
    lt_tensor *in_weight, *in_bias;                           /* (3W,W), (3W) */
    lt_tensor *out_weight, *out_bias;                         /* (W,W), (W) */
    lt_tensor *fc_weight, *fc_bias;                           /* (4W,W), (4W) */
    lt_tensor *proj_weight, *proj_bias;                       /* (W,4W), (W) */
};

struct tower {
    const char *name; /* "visual", "text": the tap's */
    int width, layers;
    struct block *block;
};

struct lt_clip {
    lt_clip_config config;
    struct tower visual, text;
    lt_tensor *patch_weight;                /* (W,3,p,p) */
    lt_tensor *class_embedding;             /* (W) */
    lt_tensor *visual_position;             /* (1+grid^2,W) */
    lt_tensor *ln_pre_weight, *ln_pre_bias; /* (W) */
    lt_tensor *ln_post_weight, *ln_post_bias;
    lt_tensor *visual_proj;     /* (W,D) */
    lt_tensor *token_embedding; /* (V,W) */
    lt_tensor *text_position;   /* (L,W) */
    lt_tensor *ln_final_weight, *ln_final_bias;
    lt_tensor *text_proj;   /* (W,D) */
    lt_tensor *logit_scale; /* scalar */
    lt_params
        *widened; /* float32 copies of what the file has in 16 bits and products do not take so */
    lt_tensor *pixel_scale, *pixel_shift; /* retained: (1,3), (3): [-1,1] to the network's input */
    void (*tap)(void *user, const char *name, lt_tensor *t);
    void *tap_user;
};

/* ---- building ---- */

static int count_blocks(const lt_params *params, const char *prefix)
{
    char name[96];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "%s.resblocks.%d.attn.in_proj_weight", prefix, i);
        if (!lt_params_find(params, name))
            return i;
    }
}

/* lt_params_get() of a weight that is used as it is stored: by lt_linear(), lt_embedding(). */
static lt_tensor *stored(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                         const int64_t *shape)
{
    return lt_params_get(ctx, params, name, ndim, shape);
}

/* The same for one that other operations use: float32. */
static lt_tensor *wide(lt_ctx *ctx, lt_clip *c, const lt_params *params, const char *name, int ndim,
                       const int64_t *shape)
{
    lt_tensor *t = lt_params_get(ctx, params, name, ndim, shape);
    if (!t || lt_type(t) == LT_F32)
        return t;
    t = lt_cast(ctx, t, LT_F32);
    return t && lt_params_add(ctx, c->widened, name, t) == LT_OK ? t : NULL;
}

static lt_status find_blocks(lt_ctx *ctx, lt_clip *c, const lt_params *params, const char *prefix,
                             struct tower *t)
{
    const int64_t w = t->width;
    if (w < HEAD || w % HEAD)
        return lt_fail(ctx, LT_ERR_UNSUPPORTED,
                       "clip: width %d of the %s tower is not a multiple "
                       "of %d",
                       t->width, t->name, HEAD);
    if (t->layers == 0)
        return lt_fail(ctx, LT_ERR_MISSING,
                       "clip: there is no tensor "
                       "%s.resblocks.0.attn.in_proj_weight",
                       prefix);
    t->block = calloc((size_t)t->layers, sizeof *t->block);
    if (!t->block)
        return lt_fail(ctx, LT_ERR_MEMORY, "clip: out of memory");
    for (int i = 0; i < t->layers; i++) {
        struct block *b = &t->block[i];
        const struct {
            const char *suffix;
            lt_tensor **slot;
            int64_t rows, columns; /* columns 0: one axis */
        } want[] = {
            {"ln_1.weight", &b->ln1_weight, w, 0},
            {"ln_1.bias", &b->ln1_bias, w, 0},
            {"attn.in_proj_weight", &b->in_weight, 3 * w, w},
            {"attn.in_proj_bias", &b->in_bias, 3 * w, 0},
            {"attn.out_proj.weight", &b->out_weight, w, w},
            {"attn.out_proj.bias", &b->out_bias, w, 0},
            {"ln_2.weight", &b->ln2_weight, w, 0},
            {"ln_2.bias", &b->ln2_bias, w, 0},
            {"mlp.c_fc.weight", &b->fc_weight, 4 * w, w},
            {"mlp.c_fc.bias", &b->fc_bias, 4 * w, 0},
            {"mlp.c_proj.weight", &b->proj_weight, w, 4 * w},
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
                       "clip: %lld positions and patches of %lld x %lld "
                       "pixels make no square picture",
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
    c->visual = (struct tower){"visual", g->vision_width, g->vision_layers, NULL};
    return find_blocks(ctx, c, params, "visual.transformer", &c->visual);
}

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
    c->text = (struct tower){"text", g->text_width, g->text_layers, NULL};
    return find_blocks(ctx, c, params, "transformer", &c->text);
}

/* ((x + 1) / 2 - mean) / std as one scale and one shift a channel. */
static lt_status make_normalisation(lt_ctx *ctx, lt_clip *c)
{
    float scale[3], shift[3];
    for (int i = 0; i < 3; i++) {
        scale[i] = 0.5f / image_std[i];
        shift[i] = (0.5f - image_mean[i]) / image_std[i];
    }
    c->pixel_scale = lt_retain(lt_from_copy(ctx, LT_F32, 2, (const int64_t[]){1, 3}, scale));
    c->pixel_shift = lt_retain(lt_from_copy(ctx, LT_F32, 1, (const int64_t[]){3}, shift));
    return c->pixel_scale && c->pixel_shift ? LT_OK : lt_ctx_status(ctx);
}

lt_status lt_clip_create(lt_ctx *ctx, const lt_params *params, lt_clip **out)
{
    *out = NULL;
    lt_clip *c = calloc(1, sizeof *c);
    if (!c)
        return lt_fail(ctx, LT_ERR_MEMORY, "clip: out of memory");
    const lt_scope scope = lt_scope_open(ctx);
    const char *activation = lt_params_metadata(params, "activation");
    c->config.gelu = activation && strcmp(activation, "gelu") == 0;
    lt_status status = lt_params_create(ctx, &c->widened);
    if (status == LT_OK)
        status = find_visual(ctx, params, c);
    if (status == LT_OK)
        status = find_text(ctx, params, c);
    if (status == LT_OK)
        status = make_normalisation(ctx, c);
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

const lt_clip_config *lt_clip_describe(const lt_clip *clip) { return &clip->config; }
lt_tensor *lt_clip_logit_scale(const lt_clip *clip) { return clip->logit_scale; }

void lt_clip_set_tap(lt_clip *clip, void (*tap)(void *user, const char *name, lt_tensor *t),
                     void *user)
{
    clip->tap = tap;
    clip->tap_user = user;
}

/* ---- the transformer ---- */

/* Shows the tap the stream after i blocks; texts run whole then. */
static void tap_stream(lt_ctx *ctx, const lt_clip *c, const struct tower *t, int i, lt_tensor *x)
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

/* Texts, each up to its end token, so that nothing is computed for positions that no feature sees.
 * Beginnings that texts share have the same stream, since attention looks back only, and are
 * computed once: the stream has R rows, and attention sees all texts one after the other, text i in
 * rows starts[i] to starts[i + 1] of P. */
struct texts {
    lt_tensor *starts; /* int32 (T+1) */
    lt_tensor *ends;   /* int32 (T): of P rows, the end tokens */
    lt_tensor *row_of; /* int32 (P): of each of the P rows, its row of the stream; NULL: the same */
    lt_tensor *one_of; /* int32 (R): of each row of the stream, one of the P rows it stands for */
    lt_tensor *last;   /* int32 (T): of the stream's rows, the end tokens */
};

/* The row that the feature is taken from: position 0 of pictures x (N,L,W), the end tokens
 * of texts x (R,W). -> (N,W) */
static lt_tensor *feature_row(lt_ctx *ctx, lt_tensor *x, const struct texts *texts)
{
    if (!x)
        return NULL;
    if (texts)
        return lt_embedding(ctx, x, texts->last);
    const int64_t n = lt_dim(x, 0), w = lt_dim(x, 2);
    return lt_reshape(ctx, lt_slice(ctx, x, 1, 0, 1), 2, (const int64_t[]){n, w});
}

/* Rows x (P,W) of all texts -> rows of the stream (R,W), or only the end tokens' (T,W). */
static lt_tensor *text_rows(lt_ctx *ctx, lt_tensor *x, const struct texts *texts, bool last)
{
    if (last)
        return lt_embedding(ctx, x, texts->ends);
    return texts->row_of ? lt_embedding(ctx, x, texts->one_of) : x;
}

/* Packed queries, keys and values y -> what attention makes of them, for the same rows or the
 * features' only. */
static lt_tensor *attend(lt_ctx *ctx, const struct tower *t, lt_tensor *y,
                         const struct texts *texts, bool last)
{
    const int heads = t->width / HEAD;
    if (!texts) {
        y = lt_attention(ctx, y, heads, false);
        return last ? feature_row(ctx, y, NULL) : y;
    }
    if (texts->row_of)
        y = lt_embedding(ctx, y, texts->row_of);
    return text_rows(ctx, lt_attention_ragged(ctx, y, texts->starts, heads, true), texts, last);
}

/* x + Attention(LN(x)), then x + MLP(LN(x)). In the last block only the rows that the feature is
 * taken from are carried on past the attention: `last` gives (N,W) from the stream. */
static lt_tensor *run_block(lt_ctx *ctx, const lt_clip *c, const struct tower *t,
                            const struct block *b, lt_tensor *x, const struct texts *texts,
                            bool last)
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

/* The residual stream x, (N,L,W) of pictures or (R,W) of texts, through all blocks to the
 * features' rows (N,W). A tap sees whole streams, so nothing is left out then. */
static lt_tensor *run_tower(lt_ctx *ctx, const lt_clip *c, const struct tower *t, lt_tensor *x,
                            const struct texts *texts)
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
    /* The longer side as torchvision truncates it. */
    const int64_t h2 = h <= w ? r : r * h / w, w2 = w <= h ? r : r * w / h;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = images;
    if (h != h2 || w != w2)
        x = lt_resize_bicubic(ctx, x, h2, w2, antialias);
    if (h2 != r)
        x = lt_slice(ctx, x, 2, (int64_t)nearbyint((double)(h2 - r) / 2.0), r);
    if (w2 != r)
        x = lt_slice(ctx, x, 3, (int64_t)nearbyint((double)(w2 - r) / 2.0), r);
    /* Normalised last, on the fewest pixels; the filters' weights sum to one. */
    lt_tensor *scale =
        lt_expand(ctx, clip->pixel_scale, 2, (const int64_t[]){lt_dim(images, 0), 3});
    x = scale ? lt_bias_act(
                    ctx, x,
                    &(lt_act){
                        .out_scale = scale, .bias = clip->pixel_shift, .slope = 1.0f, .gain = 1.0f})
              : NULL;
    return lt_scope_close(ctx, scope, x);
}

/* Pixels (N,3,R,R) to tokens (N,1+grid^2,W): the class token and the patches. */
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

/* Position of the highest id, the first of equals. */
static int32_t find_end(const int32_t *id, int64_t count)
{
    int32_t best = 0;
    for (int32_t j = 1; j < count; j++)
        if (id[j] > id[best])
            best = j;
    return best;
}

static lt_tensor *new_ints(lt_ctx *ctx, int64_t n) { return lt_empty(ctx, LT_I32, 1, &n); }

/* Where texts part: rows of the stream as a tree, each below the row before it. Scratch of
 * pack_texts(). */
struct tree {
    int32_t rows;
    int32_t *id, *place;   /* token and place in the context */
    int32_t *child, *next; /* first of the rows that follow a row, next of those that follow the
                              same; -1: none */
    int32_t *one_of;
};

/* The row of token `id` below `above` (-1: a first one), made where it is not there, for row `at`
 * of all texts. */
static int32_t row_below(struct tree *t, int32_t above, int32_t id, int32_t at)
{
    int32_t *link = &t->child[above + 1];
    while (*link >= 0 && t->id[*link] != id)
        link = &t->next[*link];
    if (*link >= 0)
        return *link;
    const int32_t row = t->rows++;
    *link = row;
    t->child[row + 1] = t->next[row] = -1;
    t->id[row] = id;
    t->place[row] = above < 0 ? 0 : t->place[above] + 1;
    t->one_of[row] = at;
    return row;
}

static lt_tensor *first_ints(lt_ctx *ctx, const int32_t *x, int64_t n)
{
    return lt_from_copy(ctx, LT_I32, 1, &n, x);
}

/* The texts of ids (T,L), up to their end tokens or `whole`, and for each row of their stream its
 * token *id and its place *place in the context, int32 (R). Whole ones share nothing. */
static lt_status pack_texts(lt_ctx *ctx, const lt_tensor *ids, bool whole, struct texts *texts,
                            lt_tensor **id, lt_tensor **place)
{
    const int64_t n = lt_dim(ids, 0), columns = lt_dim(ids, 1);
    const int32_t *from = lt_i32(ids);
    texts->starts = new_ints(ctx, n + 1);
    texts->ends = new_ints(ctx, n);
    texts->last = new_ints(ctx, n);
    if (!texts->starts || !texts->ends || !texts->last)
        return lt_ctx_status(ctx);
    int32_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        const int32_t end = find_end(from + i * columns, columns);
        lt_i32(texts->starts)[i] = rows;
        lt_i32(texts->ends)[i] = rows + end;
        rows += whole ? (int32_t)columns : end + 1;
    }
    lt_i32(texts->starts)[n] = rows;

    lt_tensor *row_of = new_ints(ctx, rows), *space = new_ints(ctx, 5 * (int64_t)rows + 1);
    if (!row_of || !space)
        return lt_ctx_status(ctx);
    int32_t *s = lt_i32(space);
    struct tree t = {0, s, s + rows, s + 2 * rows, s + 3 * rows + 1, s + 4 * rows + 1};
    t.child[0] = -1;
    for (int64_t i = 0; i < n; i++) {
        const int32_t first = lt_i32(texts->starts)[i],
                      length = lt_i32(texts->starts)[i + 1] - first;
        int32_t above = -1;
        for (int32_t j = 0; j < length; j++) {
            if (whole && j == 0)
                t.child[0] = -1;
            above = row_below(&t, above, from[i * columns + j], first + j);
            lt_i32(row_of)[first + j] = above;
        }
        lt_i32(texts->last)[i] = lt_i32(row_of)[lt_i32(texts->ends)[i]];
    }
    if (t.rows < rows) {
        texts->row_of = row_of;
        texts->one_of = first_ints(ctx, t.one_of, t.rows);
    }
    *id = first_ints(ctx, t.id, t.rows);
    *place = first_ints(ctx, t.place, t.rows);
    return lt_ctx_status(ctx);
}

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
    struct texts texts = {0};
    const lt_tensor *dense = lt_i32(ids) ? ids : lt_clone(ctx, ids);
    if (dense && pack_texts(ctx, dense, clip->tap != NULL, &texts, &id, &place) == LT_OK) {
        x = lt_add(ctx, lt_embedding(ctx, clip->token_embedding, id),
                   lt_embedding(ctx, clip->text_position, place));
        x = run_tower(ctx, clip, &clip->text, x, &texts);
        x = lt_layer_norm(ctx, x, clip->ln_final_weight, clip->ln_final_bias, 1e-5f);
        x = lt_matmul(ctx, x, clip->text_proj, false, false);
    }
    return lt_scope_close(ctx, scope, x);
}
