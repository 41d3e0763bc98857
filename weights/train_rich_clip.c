/* Trains the CLIP of the rich world on captioned portraits, things that nature does not know
 * included.
 *
 * Contrastive training (Radford et al. 2021) alone learns small parts very late, so two things are
 * added. First, half of a batch are twins: two portraits that differ in the colour of one part or
 * in one form, each with a caption about that difference, so that only it tells which caption
 * belongs to which. Second, linear read-outs, which are thrown away afterwards, tell colours,
 * traits and numbers from the feature of the picture, what is stated from the feature of the text,
 * and which parts of a portrait lie in a patch, and their colours, from the token of the patch.
 * Half of the pictures are warped by CF-CLIP's augmentation, because the objective of an edit shows
 * the network warped pictures only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/models/clip.h"
#include "nn/optim.h"
#include "nn/text/tokenizer.h"
#include "tensor/team.h"
#include "weights/clip_training.h"
#include "weights/training.h"
#include "weights/training_state.h"
#include "weights/world/rich/captions.h"
#include "weights/world/rich/render.h"
#include "weights/world/text.h"
#include "weights/world/world.h"

enum {
    PATCH = 16,
    RUN = 4,
    CONTEXT = 77,
    MERGES = 1200,
    COLORS = 24 /* at least the number of colour words of any part */
};

/* The size of pictures in the last stage. Earlier stages take smaller ones, which have fewer
 * patches and take a fraction of the time. */
enum { FULL_SIZE = 224 };

static const float color_weight = 1.0f, trait_weight = 1.0f, number_weight = 1.0f,
                   text_weight = 0.5f, patch_weight = 10.0f, patch_color_weight = 1.0f,
                   silence_weight = 2.0f;

/* The running means that the log has. */
struct means {
    double loss, retrieval, twins; /* twins: the share told from each other */
    double patches, patch_colors;  /* what the read-outs of patches lose */
    double nce;                    /* the contrastive loss */
    double color[RICH_PARTS], trait[RICH_KINDS];
    double color_said, trait_said; /* what the read-outs of texts tell rightly */
};

/* The state of the training. */
struct run {
    lt_ctx *ctx;
    struct training_options options;
    lt_params *params; /* CLIP, and the read-outs under "readout." */
    lt_clip *clip;
    lt_tokenizer *tokenizer;
    lt_optim *optim;
    int64_t step;
    const char *templates[CE_TEMPLATES];
    lt_tensor
        *tokens; /* (B,1 + patches,width), of the last picture block; retained during a step */
    struct means means;
};

/* A batch of B pictures with their captions. */
struct batch {
    lt_tensor *images;  /* (B,3,S,S) */
    lt_tensor *ids;     /* int32 (B,CONTEXT) */
    lt_tensor *numbers; /* (B,RICH_FIELDS) */
    lt_tensor *patches; /* (B,patches,RICH_PARTS): the root of the share of each part in a patch */
    /* int32 (B,patches * RICH_PARTS): the colour word of each part that can be seen in the patch,
     * or -1. */
    lt_tensor *patch_color;
    /* int32 (B * RICH_PARTS): the colour word, -1 if the part does not show; and the word that the
     * caption states, or -1. */
    lt_tensor *color, *color_said;
    /* int32 (B * RICH_TRAITS): 1 yes, 0 no, -1 unclear or not said. */
    lt_tensor *trait, *trait_said;
};

/* What tells twins apart: the colour of a part or a trait, else both are -1. */
struct difference {
    int part, trait;
};

/* Writes a caption about the difference between twins. 0 where English has no word for it. */
static size_t caption_difference(const struct rich_attr *attr, const struct difference *d,
                                 uint64_t *rng, struct rich_said *said, char *text)
{
    memset(said->trait, 0, sizeof said->trait);
    for (int p = 0; p < RICH_PARTS; p++)
        said->color[p] = -1;
    if (d->part >= 0) {
        said->color[d->part] = attr->color_name[d->part];
        return rich_caption_part(attr, (enum rich_part)d->part, rng, text, RICH_CAPTION);
    }
    const enum rich_trait trait = (enum rich_trait)d->trait;
    const int opposite = rich_trait_words(trait)->opposite;
    const bool yes = rich_truth_of(attr, trait) == RICH_YES;
    if (!yes && opposite >= 0 && rich_truth_of(attr, (enum rich_trait)opposite) == RICH_YES &&
        world_chance(rng, 0.6f)) {
        said->trait[opposite] = 1;
        return rich_caption_trait(attr, (enum rich_trait)opposite, rng, text, RICH_CAPTION);
    }
    said->trait[trait] = yes ? 1 : -1;
    return rich_caption_trait(attr, trait, rng, text, RICH_CAPTION);
}

/* Draws a caption for a portrait, about *d if that is a difference, and tokenises it. */
static lt_status caption_item(struct run *r, const struct rich_attr *attr,
                              const struct difference *d, uint64_t *rng, int32_t *ids,
                              struct rich_said *said)
{
    char text[RICH_CAPTION];
    bool fits = false;
    lt_status status = LT_OK;
    while (!fits && status == LT_OK) {
        size_t length = 0;
        if (d->part >= 0 || d->trait >= 0)
            length = caption_difference(attr, d, rng, said, text);
        if (length == 0)
            length = rich_caption_templated(attr, rng, r->templates, CE_TEMPLATES, said, text,
                                            sizeof text);
        if (length < sizeof text)
            status = clip_tokenize_caption(r->ctx, r->tokenizer, text, ids, CONTEXT, &fits);
    }
    return status;
}

/* Gives a part that shows another colour. */
static void change_color(struct rich_attr *attr, uint64_t *rng, struct difference *d)
{
    do
        d->part = (int)(world_random(rng) % RICH_PARTS);
    while (!rich_has(attr, (enum rich_part)d->part));
    const int before = attr->color_name[d->part];
    do
        rich_attr_set_color(attr, (enum rich_part)d->part,
                            (enum world_color)(world_random(rng) % WORLD_COLORS), rng);
    while (attr->color_name[d->part] == before);
}

/* Takes a number, or something that nature does not know, from another portrait. */
static void change_form(struct rich_attr *attr, const struct rich_attr *other, uint64_t *rng)
{
    enum { FANTASY = 5 };
    const int i = (int)(world_random(rng) % (RICH_FIELDS + FANTASY));
    switch (i - RICH_FIELDS) {
    case 0: attr->horns = !attr->horns; break;
    case 1: attr->clown = !attr->clown; break;
    case 2: attr->metal = 1.0f - attr->metal; break;
    case 3: attr->ears_pointed = attr->ears_pointed > 0.5f ? 0.0f : 1.0f; break;
    case 4:
        attr->marking = attr->marking == RICH_PLAIN
                            ? (world_chance(rng, 0.5f) ? RICH_STRIPES : RICH_HALVES)
                            : RICH_PLAIN;
        break;
    default: rich_copy_number(attr, other, i); break;
    }
}

/* Makes a portrait into its twin, which differs in what *d tells. */
static void make_twin(struct rich_attr *attr, uint64_t *rng, struct difference *d)
{
    enum { TRIES = 200 };
    *d = (struct difference){-1, -1};
    if (world_chance(rng, 0.5f)) {
        change_color(attr, rng, d);
        return;
    }
    for (int try = 0; try < TRIES; try++) {
        struct rich_attr other, changed = *attr;
        rich_attr_random_any(rng, &other);
        change_form(&changed, &other, rng);
        int differ[RICH_TRAITS], count = 0;
        for (int t = 0; t < RICH_TRAITS; t++) {
            const enum rich_truth before = rich_truth_of(attr, (enum rich_trait)t);
            const enum rich_truth after = rich_truth_of(&changed, (enum rich_trait)t);
            if (before != after && before != RICH_UNCLEAR && after != RICH_UNCLEAR)
                differ[count++] = t;
        }
        if (count > 0) {
            d->trait = differ[world_random(rng) % (uint64_t)count];
            *attr = changed;
            return;
        }
    }
}

/* Portraits that the threads render. */
struct rendering {
    const struct rich_attr *attr;
    float *images, *patches;
    int size;
    bool out_of_memory;
};

/* Writes the root of the share that each part has in each patch; masks are [RICH_PARTS][S][S]. The
 * root makes small parts count. */
static void pool_masks(const float *masks, int size, float *out)
{
    const int grid = size / PATCH;
    for (int y = 0; y < grid; y++)
        for (int x = 0; x < grid; x++)
            for (int p = 0; p < RICH_PARTS; p++) {
                double sum = 0.0;
                for (int v = 0; v < PATCH; v++)
                    for (int u = 0; u < PATCH; u++)
                        sum += (double)masks[(p * size + y * PATCH + v) * size + x * PATCH + u];
                out[(y * grid + x) * RICH_PARTS + p] = (float)sqrt(sum / (PATCH * PATCH));
            }
}

static void render_items(void *arg, lt_range range)
{
    struct rendering *j = arg;
    const int pixels = j->size * j->size, patches = pixels / (PATCH * PATCH);
    float *masks = malloc(sizeof *masks * RICH_PARTS * (size_t)pixels);
    if (!masks) {
        j->out_of_memory = true;
        return;
    }
    for (int64_t i = range.begin; i < range.end; i++) {
        rich_render(&j->attr[i], j->size, j->images + i * 3 * pixels, masks);
        pool_masks(masks, j->size, j->patches + i * patches * RICH_PARTS);
    }
    free(masks);
}

/* Copies the colours of item i to each of its patches in which enough of the part is seen. */
static void set_patch_colors(const struct batch *b, int64_t i)
{
    const float seen = 0.15f; /* the root of a share */
    const int64_t patches = lt_dim(b->patches, 1);
    for (int64_t k = 0; k < patches * RICH_PARTS; k++) {
        const int64_t at = i * patches * RICH_PARTS + k;
        const int32_t color = lt_i32(b->color)[i * RICH_PARTS + k % RICH_PARTS];
        lt_i32(b->patch_color)[at] = lt_f32(b->patches)[at] > seen ? color : -1;
    }
}

/* Writes what is true of a portrait, and what its caption states, into item i of a batch. */
static void set_truth(struct batch *b, int64_t i, const struct rich_attr *attr,
                      const struct rich_said *said)
{
    for (int k = 0; k < RICH_FIELDS; k++)
        lt_f32(b->numbers)[i * RICH_FIELDS + k] = rich_number(attr, k);
    for (int p = 0; p < RICH_PARTS; p++) {
        const bool shows = rich_has(attr, (enum rich_part)p);
        lt_i32(b->color)[i * RICH_PARTS + p] = shows ? attr->color_name[p] : -1;
        lt_i32(b->color_said)[i * RICH_PARTS + p] = said->color[p];
    }
    for (int t = 0; t < RICH_TRAITS; t++) {
        const enum rich_truth truth = rich_truth_of(attr, (enum rich_trait)t);
        lt_i32(b->trait)[i * RICH_TRAITS + t] = truth == RICH_UNCLEAR ? -1 : truth == RICH_YES;
        lt_i32(b->trait_said)[i * RICH_TRAITS + t] = said->trait[t] == 0 ? -1 : said->trait[t] > 0;
    }
}

static lt_status make_batch(struct run *r, struct batch *b)
{
    lt_ctx *ctx = r->ctx;
    const int64_t n = r->options.batch;
    b->images = lt_zeros(ctx, 4, (int64_t[]){n, 3, r->options.size, r->options.size});
    b->ids = lt_empty(ctx, LT_I32, 2, (int64_t[]){n, CONTEXT});
    b->numbers = lt_zeros(ctx, 2, (int64_t[]){n, RICH_FIELDS});
    const int64_t grid = r->options.size / PATCH;
    b->patches = lt_zeros(ctx, 3, (int64_t[]){n, grid * grid, RICH_PARTS});
    b->patch_color = lt_empty(ctx, LT_I32, 2, (int64_t[]){n, grid * grid * RICH_PARTS});
    b->color = lt_empty(ctx, LT_I32, 1, (int64_t[]){n * RICH_PARTS});
    b->color_said = lt_empty(ctx, LT_I32, 1, (int64_t[]){n * RICH_PARTS});
    b->trait = lt_empty(ctx, LT_I32, 1, (int64_t[]){n * RICH_TRAITS});
    b->trait_said = lt_empty(ctx, LT_I32, 1, (int64_t[]){n * RICH_TRAITS});
    if (lt_ctx_status(ctx) == LT_OK)
        memset(lt_i32(b->ids), 0, sizeof(int32_t) * (size_t)n * CONTEXT);
    return lt_ctx_status(ctx);
}

static lt_status draw_batch(struct run *r, struct batch *b)
{
    const int64_t n = r->options.batch;
    lt_status status = make_batch(r, b);
    struct rich_attr *attr = malloc(sizeof *attr * (size_t)n);
    if (!attr && status == LT_OK)
        status = lt_fail(r->ctx, LT_ERR_MEMORY, "out of memory for a batch");
    const int64_t twins = n / 4 * 2; /* items 0 .. twins - 1 are pairs of twins */
    struct difference differ = {-1, -1};
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        uint64_t rng = training_seed(RUN, r->step, i);
        struct rich_said said;
        if (i >= twins)
            differ = (struct difference){-1, -1};
        if (i >= twins || i % 2 == 0)
            rich_attr_random_any(&rng, &attr[i]);
        if (i < twins && i % 2 == 0) {
            attr[i + 1] = attr[i];
            make_twin(&attr[i + 1], &rng, &differ);
        }
        status = caption_item(r, &attr[i], &differ, &rng, lt_i32(b->ids) + i * CONTEXT, &said);
        set_truth(b, i, &attr[i], &said);
    }
    struct rendering rendering = {attr, NULL, NULL, r->options.size, false};
    if (status == LT_OK) {
        rendering.images = lt_f32(b->images);
        rendering.patches = lt_f32(b->patches);
        lt_for(r->ctx, r->options.threads, n, render_items, &rendering);
        for (int64_t i = 0; i < n; i++)
            set_patch_colors(b, i);
    }
    if (rendering.out_of_memory)
        status = lt_fail(r->ctx, LT_ERR_MEMORY, "out of memory for masks");
    free(attr);
    return status;
}

/* The cross entropy of logits (B, items * classes) to target int32 (B * items), -1 for what is not
 * known. For each known item i, the running mean number
 * mean_of[i] (without mean_of, number i) is told whether it was right; both may be NULL. */
static lt_tensor *item_loss(lt_ctx *ctx, lt_tensor *logits, int64_t items, int64_t classes,
                            const lt_tensor *target, double *means, const int *mean_of)
{
    if (!logits || !target)
        return NULL;
    const int64_t rows = lt_dim(logits, 0) * items;
    lt_tensor *x = lt_reshape(ctx, logits, 2, (int64_t[]){rows, classes});
    for (int64_t i = 0; x && means && i < rows; i++) {
        if (lt_i32(target)[i] < 0)
            continue;
        const float *row = lt_f32(x) + i * classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            best = row[k] > row[best] ? k : best;
        double *mean = &means[mean_of ? mean_of[i % items] : i % items];
        *mean += 0.002 * ((double)(lt_i32(target)[i] == best) - *mean);
    }
    return lt_cross_entropy(ctx, x, target);
}

/* The share of twins, the rows up to n / 4 * 2, that are nearer to their own caption. */
static double twin_share(const lt_tensor *logits)
{
    const int64_t n = lt_dim(logits, 0), twins = n / 4 * 2;
    const float *x = lt_f32(logits);
    int64_t right = 0;
    for (int64_t i = 0; i < twins; i++)
        right += x[i * n + i] > x[i * n + (i ^ 1)];
    return (double)right / (double)twins;
}

/* What the read-outs of the pictures' features (B,D) lose. */
static lt_tensor *picture_loss(struct run *r, lt_tensor *image, const struct batch *b)
{
    lt_ctx *ctx = r->ctx;
    int kind[RICH_TRAITS];
    for (int t = 0; t < RICH_TRAITS; t++)
        kind[t] = rich_trait_words((enum rich_trait)t)->kind;
    lt_tensor *color = item_loss(ctx, clip_read_out(ctx, r->params, "color", image), RICH_PARTS,
                                 COLORS, b->color, r->means.color, NULL);
    lt_tensor *trait = item_loss(ctx, clip_read_out(ctx, r->params, "trait", image), RICH_TRAITS, 2,
                                 b->trait, r->means.trait, kind);
    lt_tensor *numbers =
        lt_mse_loss(ctx, clip_read_out(ctx, r->params, "number", image), b->numbers);
    lt_tensor *loss = lt_add(ctx, lt_affine(ctx, color, color_weight, 0.0f),
                             lt_affine(ctx, trait, trait_weight, 0.0f));
    return lt_add(ctx, loss, lt_affine(ctx, numbers, number_weight, 0.0f));
}

static void keep_tokens(void *user, const char *name, lt_tensor *t)
{
    struct run *r = user;
    (void)name;
    lt_release(r->tokens);
    r->tokens = lt_retain(t); /* that of the last block stays */
}

/* The colours in the patches of items i and i + 1, int32 (2 * patches * RICH_PARTS). */
static lt_tensor *colors_of_pair(lt_ctx *ctx, const struct batch *b, int64_t i)
{
    const int64_t row = lt_dim(b->patch_color, 1);
    return lt_from_copy(ctx, LT_I32, 1, (int64_t[]){2 * row}, lt_i32(b->patch_color) + i * row);
}

/* What the read-outs of the tokens of patches lose, over the pictures that are not warped: the
 * error of the parts in *parts, and of their colours in *colors. */
static void patch_loss(struct run *r, const struct batch *b, lt_tensor **parts, lt_tensor **colors)
{
    lt_ctx *ctx = r->ctx;
    const int64_t n = r->options.batch, patches = lt_dim(b->patches, 1);
    lt_tensor *part_sum = NULL, *color_sum = NULL;
    for (int64_t i = 0; i < n; i += 4) { /* items i and i + 1 are not warped */
        lt_tensor *tokens = lt_slice(ctx, lt_slice(ctx, r->tokens, 0, i, 2), 1, 1, patches);
        lt_tensor *x = lt_reshape(ctx, lt_contiguous(ctx, tokens), 2,
                                  (int64_t[]){2 * patches, lt_dim(r->tokens, 2)});
        lt_tensor *truth = lt_reshape(ctx, lt_slice(ctx, b->patches, 0, i, 2), 2,
                                      (int64_t[]){2 * patches, RICH_PARTS});
        lt_tensor *part = lt_mse_loss(ctx, clip_read_out(ctx, r->params, "patch", x), truth);
        lt_tensor *color = item_loss(ctx, clip_read_out(ctx, r->params, "patch_color", x),
                                     RICH_PARTS, COLORS, colors_of_pair(ctx, b, i), NULL, NULL);
        part_sum = part_sum ? lt_add(ctx, part_sum, part) : part;
        color_sum = color_sum ? lt_add(ctx, color_sum, color) : color;
    }
    *parts = lt_affine(ctx, part_sum, 4.0f / (float)n, 0.0f);
    *colors = lt_affine(ctx, color_sum, 4.0f / (float)n, 0.0f);
}

/* The cross entropy of logits (B, items * classes) to equal shares, over the items of which the
 * text says nothing (target -1). It keeps what a text does not say out of its feature, which would
 * otherwise stand between the text and pictures that it fits. */
static lt_tensor *silence_loss(lt_ctx *ctx, lt_tensor *logits, int64_t items, int64_t classes,
                               const lt_tensor *target)
{
    const int64_t rows = logits ? lt_dim(logits, 0) * items : 0;
    lt_tensor *silent = lt_zeros(ctx, 2, (int64_t[]){rows, 1});
    if (!silent)
        return NULL;
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++)
        count += lt_i32(target)[i] < 0;
    for (int64_t i = 0; i < rows; i++)
        lt_f32(silent)[i] = lt_i32(target)[i] < 0 ? 1.0f / (float)(count * classes) : 0.0f;
    lt_tensor *x = lt_log_softmax(ctx, lt_reshape(ctx, logits, 2, (int64_t[]){rows, classes}));
    /* The entropy of equal shares is taken off, so that the least loss is 0. */
    return lt_affine(ctx, lt_sum(ctx, lt_mul(ctx, x, silent), 0, false), -1.0f,
                     -logf((float)classes));
}

/* What the read-outs of the texts' features (B,D) lose, over what the texts state. They are the
 * read-outs of the pictures' features, so that both towers learn to tell a thing by the same
 * direction. */
static lt_tensor *text_loss(struct run *r, lt_tensor *text, const struct batch *b)
{
    static const int one_mean[RICH_PARTS + RICH_TRAITS]; /* zeros: all items share one mean */
    lt_ctx *ctx = r->ctx;
    lt_tensor *color = clip_read_out(ctx, r->params, "color", text),
              *trait = clip_read_out(ctx, r->params, "trait", text);
    lt_tensor *said = lt_add(
        ctx,
        item_loss(ctx, color, RICH_PARTS, COLORS, b->color_said, &r->means.color_said, one_mean),
        item_loss(ctx, trait, RICH_TRAITS, 2, b->trait_said, &r->means.trait_said, one_mean));
    lt_tensor *silent = lt_add(ctx, silence_loss(ctx, color, RICH_PARTS, COLORS, b->color_said),
                               silence_loss(ctx, trait, RICH_TRAITS, 2, b->trait_said));
    return lt_add(ctx, said, lt_affine(ctx, silent, silence_weight, 0.0f));
}

static lt_status train_step(void *user)
{
    struct run *r = user;
    lt_ctx *ctx = r->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    struct batch b;
    lt_status status = draw_batch(r, &b);
    if (status != LT_OK)
        goto out;
    lt_rng rng = lt_rng_make(training_seed(RUN, r->step, -1), 1);
    lt_tensor *pixels =
        lt_clip_preprocess(ctx, r->clip, clip_warp_half(ctx, b.images, &rng), false);
    lt_clip_set_tap(r->clip, keep_tokens, r);
    lt_tensor *image = lt_clip_encode_image(ctx, r->clip, pixels);
    lt_clip_set_tap(r->clip, NULL, NULL);
    lt_tensor *text = lt_clip_encode_text(ctx, r->clip, b.ids);
    lt_tensor *logits;
    lt_tensor *nce = clip_contrastive_loss(ctx, r->clip, image, text, &logits);
    lt_tensor *loss = lt_add(ctx, nce, picture_loss(r, image, &b));
    loss = lt_add(ctx, loss, lt_affine(ctx, text_loss(r, text, &b), text_weight, 0.0f));
    lt_tensor *patches, *patch_colors;
    patch_loss(r, &b, &patches, &patch_colors);
    loss = lt_add(ctx, loss, lt_affine(ctx, patches, patch_weight, 0.0f));
    loss = lt_add(ctx, loss, lt_affine(ctx, patch_colors, patch_color_weight, 0.0f));
    if (!loss) {
        status = lt_ctx_status(ctx);
        goto out;
    }
    struct means *m = &r->means;
    m->loss += (r->step == 0 ? 1.0 : 0.02) * ((double)lt_item(loss) - m->loss);
    m->nce += (r->step == 0 ? 1.0 : 0.02) * ((double)lt_item(nce) - m->nce);
    m->retrieval += 0.02 * (clip_diagonal_share(logits) - m->retrieval);
    m->patches += (r->step == 0 ? 1.0 : 0.02) * ((double)lt_item(patches) - m->patches);
    m->patch_colors += 0.02 * ((double)lt_item(patch_colors) - m->patch_colors);
    m->twins += 0.02 * (twin_share(logits) - m->twins);

    status = clip_descend(ctx, r->clip, r->optim, loss, training_lr(&r->options, r->step));
out:
    lt_release(r->tokens);
    r->tokens = NULL;
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* ---- setting up ---- */

/* A caption of a random portrait, part of them in templates. */
static void draw_caption(uint64_t *rng, char *text, size_t cap)
{
    struct rich_attr attr;
    const char *templates[CE_TEMPLATES];
    clip_list_templates(templates);
    rich_attr_random_any(rng, &attr);
    rich_caption_templated(&attr, rng, templates, CE_TEMPLATES, NULL, text, cap);
}

static lt_status add_heads(struct run *r, const lt_clip_config *config, lt_rng *rng)
{
    const struct {
        const char *name;
        int64_t out;
    } heads[] = {{"color", RICH_PARTS * COLORS},
                 {"trait", RICH_TRAITS * 2},
                 {"number", RICH_FIELDS},
                 {"patch", RICH_PARTS},
                 {"patch_color", RICH_PARTS * COLORS}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const int64_t in =
            strncmp(heads[i].name, "patch", 5) == 0 ? config->vision_width : config->embed_dim;
        clip_add_readout(r->ctx, r->params, heads[i].name, heads[i].out, in, rng);
    }
    return lt_ctx_status(r->ctx);
}

/* The positional embedding (1 + from * from, D) of a grid of patches, stretched bilinearly to a
 * grid of to x to: (1 + to * to, D). The first row belongs to the class token. */
static void stretch_positions(const float *in, int from, float *out, int to, int64_t width)
{
    memcpy(out, in, sizeof *out * (size_t)width);
    for (int y = 0; y < to; y++)
        for (int x = 0; x < to; x++) {
            const float scale = (float)from / (float)to;
            const float u = fminf(fmaxf(((float)x + 0.5f) * scale - 0.5f, 0.0f), (float)(from - 1));
            const float v = fminf(fmaxf(((float)y + 0.5f) * scale - 0.5f, 0.0f), (float)(from - 1));
            const int x0 = (int)u, y0 = (int)v;
            const int x1 = x0 + 1 < from ? x0 + 1 : x0, y1 = y0 + 1 < from ? y0 + 1 : y0;
            const float fx = u - (float)x0, fy = v - (float)y0;
            for (int64_t k = 0; k < width; k++) {
                const float *at = in + width + k;
                const float top =
                    at[(y0 * from + x0) * width] * (1.0f - fx) + at[(y0 * from + x1) * width] * fx;
                const float low =
                    at[(y1 * from + x0) * width] * (1.0f - fx) + at[(y1 * from + x1) * width] * fx;
                out[(1 + y * to + x) * width + k] = top * (1.0f - fy) + low * fy;
            }
        }
}

/* The tensor `name` in a checkpoint or in finished weights, which have no read-outs; or NULL. */
static lt_tensor *saved_tensor(const lt_params *from, const char *name)
{
    char key[256];
    snprintf(key, sizeof key, "params.%s", name);
    lt_tensor *saved = lt_params_find(from, key);
    return saved ? saved : lt_params_find(from, name);
}

/* Starts from the weights or the checkpoint of an earlier stage, whose pictures may be smaller.
 * Read-outs that the file does not have begin anew. */
static lt_status load_earlier(struct run *r)
{
    static const char positions[] = "visual.positional_embedding", readout[] = "readout.";
    lt_ctx *ctx = r->ctx;
    lt_params *from = NULL;
    lt_status status = lt_params_create(ctx, &from);
    if (status == LT_OK)
        status = lt_params_load(ctx, from, r->options.from, NULL);
    for (size_t i = 0; i < lt_params_count(r->params) && status == LT_OK; i++) {
        const char *name = lt_params_name(r->params, i);
        lt_tensor *to = lt_params_at(r->params, i), *saved = saved_tensor(from, name);
        if (!saved && strncmp(name, readout, sizeof readout - 1) == 0)
            continue;
        if (!saved) {
            status = lt_fail(ctx, LT_ERR_MISSING, "%s: no %s", r->options.from, name);
        } else if (strcmp(name, positions) == 0 && !lt_same_shape(to, saved)) {
            const int old = (int)sqrt((double)lt_dim(saved, 0)), grid = r->options.size / PATCH;
            stretch_positions(lt_f32(saved), old, lt_f32(to), grid, lt_dim(to, 1));
        } else {
            status = lt_copy_into(ctx, to, saved);
        }
    }
    lt_params_free(from);
    return status;
}

static struct training_state state_of(struct run *r)
{
    return (struct training_state){.params = r->params, .optim = {r->optim}, .step = &r->step};
}

static lt_status set_up(void *user)
{
    struct run *r = user;
    lt_ctx *ctx = r->ctx;
    lt_status status = LT_OK;
    clip_list_templates(r->templates);
    if (status == LT_OK)
        status = lt_params_create(ctx, &r->params);
    if (status == LT_OK)
        status = clip_learn_vocabulary(ctx, r->params, MERGES, draw_caption, RICH_CAPTION,
                                       &r->tokenizer);
    if (status != LT_OK)
        return status;
    const lt_clip_config config = {.embed_dim = 512,
                                   .image_size = r->options.size,
                                   .patch = PATCH,
                                   .vision_width = 192,
                                   .vision_layers = 4,
                                   .context_length = CONTEXT,
                                   .vocab_size = (int)lt_tokenizer_vocab_size(r->tokenizer),
                                   .text_width = 192,
                                   .text_layers = 3};
    lt_rng rng = lt_rng_make(RUN, 0);
    status = lt_clip_init(ctx, r->params, &config, &rng);
    if (status == LT_OK)
        status = add_heads(r, &config, &rng);
    const bool continues = training_file_exists(r->options.checkpoint);
    if (status == LT_OK && r->options.from && !continues)
        status = load_earlier(r);
    if (status == LT_OK)
        status = clip_make_optimizer(ctx, r->params, &r->optim);
    if (status == LT_OK)
        status = lt_clip_create(ctx, r->params, &r->clip);
    const struct training_state state = state_of(r);
    if (status == LT_OK && continues)
        status = training_load_state(ctx, &state, r->options.checkpoint);
    return status;
}

static int figures(const void *user, struct training_figure out[TRAINING_FIGURES])
{
    const struct means *m = &((const struct run *)user)->means;
    int n = 0;
    out[n++] = (struct training_figure){"loss", m->loss};
    out[n++] = (struct training_figure){"nce", m->nce};
    out[n++] = (struct training_figure){"retrieval", m->retrieval};
    out[n++] = (struct training_figure){"twins", m->twins};
    out[n++] = (struct training_figure){"patches", m->patches};
    out[n++] = (struct training_figure){"patch_colors", m->patch_colors};
    out[n++] = (struct training_figure){"color_said", m->color_said};
    out[n++] = (struct training_figure){"trait_said", m->trait_said};
    static const char *const kinds[RICH_KINDS] = {"expression", "age", "form", "thing", "view"};
    for (int k = 0; k < RICH_KINDS; k++)
        out[n++] = (struct training_figure){kinds[k], m->trait[k]};
    for (int p = 0; p < RICH_PARTS; p++)
        out[n++] = (struct training_figure){rich_part_name((enum rich_part)p), m->color[p]};
    return n;
}

static lt_status save(void *user)
{
    struct run *r = user;
    const struct training_state state = state_of(r);
    const lt_status status = training_save_state(r->ctx, &state, r->options.checkpoint);
    return status == LT_OK ? clip_write(r->ctx, r->params, r->options.out) : status;
}

static void clean_up(void *user)
{
    struct run *r = user;
    lt_clip_free(r->clip);
    lt_tokenizer_free(r->tokenizer);
    lt_optim_free(r->optim);
    lt_params_free(r->params);
}

int main(int argc, char **argv)
{
    struct run r = {.options = {.size = FULL_SIZE,
                                .steps = 4000,
                                .batch = 64,
                                .threads = 1,
                                .lr = 1e-3f,
                                .save_every = 200,
                                .out = "build/weights/rich-clip.safetensors",
                                .checkpoint = "build/weights/rich-clip.state",
                                .log = "build/weights/rich-clip.jsonl"}};
    const struct training training = {.name = "train_rich_clip",
                                      .options = &r.options,
                                      .ctx = &r.ctx,
                                      .user = &r,
                                      .set_up = set_up,
                                      .clean_up = clean_up,
                                      .step = &r.step,
                                      .once = train_step,
                                      .figures = figures,
                                      .save = save};
    return training_main(&training, argc, argv);
}
