/* Trains the shipped CLIP on captioned portraits of the whole world, unnatural colours included.
 *
 * Contrastive training (Radford et al. 2021) alone learns the colours of small parts very late, so
 * two things are added. First, half of a batch are twins: two portraits that differ in the colour
 * of one part, each with a caption about that part, so that only this colour tells which caption
 * belongs to which. Second, linear read-outs, which are thrown away afterwards, name the colours of
 * all parts and the form from the feature of the picture, and the stated colours from the feature
 * of the text. Half of the pictures are warped by CF-CLIP's augmentation, because the objective of
 * an edit shows the network warped pictures only. */
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
#include "weights/world/captions.h"
#include "weights/world/world.h"

enum {
    SIZE = 128,
    PIXELS = SIZE * SIZE,
    RUN = 2,
    CONTEXT = 64,
    MERGES = 700,
    CAPTION = 320,
    FORMS = WORLD_Z_FORM + 3
};

static const float readout_weight = 1.0f, form_weight = 0.5f, text_readout_weight = 0.5f;

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
    int colors;             /* number of colour words of all parts together */
    double loss, retrieval; /* running means */
    double accuracy[WORLD_PARTS];
};

/* A batch of B pictures with their captions. */
struct batch {
    lt_tensor *images; /* (B,3,S,S) */
    lt_tensor *ids;    /* int32 (B,CONTEXT) */
    lt_tensor *form;   /* (B,FORMS) */
    /* int32 (B) for each part: the colour word, -1 if the part does not show; and the colour word
     * that the caption states, or -1. */
    lt_tensor *color[WORLD_PARTS], *said[WORLD_PARTS];
};

static void form_target(const struct world_attr *attr, float *out)
{
    /* The attributes of form and light are the first members of the struct, all of them floats. */
    memcpy(out, &attr->head_width, sizeof(float) * FORMS);
}

/* Draws a caption for a portrait, about twin_part if that is not -1, and tokenises it. */
static lt_status caption_item(struct run *r, const struct world_attr *attr, int twin_part,
                              uint64_t *rng, int32_t *ids, int said[WORLD_PARTS])
{
    char text[CAPTION];
    bool fits = false;
    lt_status status = LT_OK;
    while (!fits && status == LT_OK) {
        size_t length;
        if (twin_part >= 0) {
            length = world_caption_part(attr, (enum world_part)twin_part, rng, text, sizeof text);
            for (int p = 0; p < WORLD_PARTS; p++)
                said[p] = p == twin_part ? attr->color_name[p] : -1;
        } else {
            length = world_caption_templated(attr, rng, r->templates, CE_TEMPLATES, said, text,
                                             sizeof text);
        }
        if (length < sizeof text)
            status = clip_tokenize_caption(r->ctx, r->tokenizer, text, ids, CONTEXT, &fits);
    }
    return status;
}

/* Makes a portrait into its twin: gives one part that shows another colour. Returns the part. */
static int make_twin(struct world_attr *attr, uint64_t *rng)
{
    const int parts = world_has_glasses(attr) ? WORLD_PARTS : WORLD_PARTS - 1;
    /* Small parts are the hardest to learn, so they are chosen more often. */
    static const int often[] = {WORLD_BROWS, WORLD_EYES, WORLD_LIPS, WORLD_GLASSES};
    int part = world_random(rng) % 2 ? often[world_random(rng) % 4]
                                     : (int)(world_random(rng) % WORLD_PARTS);
    if (part >= parts)
        part = WORLD_EYES;
    const int before = attr->color_name[part];
    do {
        world_attr_set_color(attr, (enum world_part)part,
                             (enum world_color)(world_random(rng) % WORLD_COLORS), rng);
    } while (attr->color_name[part] == before);
    return part;
}

/* Portraits that the threads render. */
struct rendering {
    const struct world_attr *attr;
    float *images;
};

static void render_items(void *arg, lt_range range)
{
    const struct rendering *j = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        world_render(&j->attr[i], SIZE, j->images + i * 3 * PIXELS, NULL);
}

static lt_status draw_batch(struct run *r, struct batch *b)
{
    lt_ctx *ctx = r->ctx;
    const int64_t n = r->options.batch;
    b->images = lt_zeros(ctx, 4, (int64_t[]){n, 3, SIZE, SIZE});
    b->ids = lt_empty(ctx, LT_I32, 2, (int64_t[]){n, CONTEXT});
    b->form = lt_zeros(ctx, 2, (int64_t[]){n, FORMS});
    for (int p = 0; p < WORLD_PARTS; p++) {
        b->color[p] = lt_empty(ctx, LT_I32, 1, &n);
        b->said[p] = lt_empty(ctx, LT_I32, 1, &n);
    }
    struct world_attr *attr = malloc(sizeof *attr * (size_t)n);
    if (!attr || lt_ctx_status(ctx) != LT_OK) {
        free(attr);
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a batch");
    }
    memset(lt_i32(b->ids), 0, sizeof(int32_t) * (size_t)n * CONTEXT);

    lt_status status = LT_OK;
    const int64_t twins = n / 4 * 2; /* items 0 .. twins - 1 are pairs of twins */
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        uint64_t rng = training_seed(RUN, r->step, i);
        int twin_part = -1, said[WORLD_PARTS];
        if (i >= twins || i % 2 == 0)
            world_attr_random_any(&rng, &attr[i]);
        if (i < twins) {
            /* Both portraits of a pair draw the part from the same random state, so that they
             * agree. */
            uint64_t shared = training_seed(RUN + 1000, r->step, i / 2);
            struct world_attr other = attr[i - i % 2];
            twin_part = make_twin(&other, &shared);
            if (i % 2)
                attr[i] = other;
        }
        status = caption_item(r, &attr[i], twin_part, &rng, lt_i32(b->ids) + i * CONTEXT, said);
        form_target(&attr[i], lt_f32(b->form) + i * FORMS);
        for (int p = 0; p < WORLD_PARTS; p++) {
            const bool shows = p != WORLD_GLASSES || world_has_glasses(&attr[i]);
            lt_i32(b->color[p])[i] = shows ? attr[i].color_name[p] : -1;
            lt_i32(b->said[p])[i] = said[p];
        }
    }
    lt_for(r->ctx, r->options.threads, n, render_items,
           &(struct rendering){attr, lt_f32(b->images)});
    free(attr);
    return status;
}

/* The mean over parts of the cross entropy between logits and colour words. The running means in
 * accuracy, if not NULL, are updated. */
static lt_tensor *color_loss(struct run *r, lt_tensor *logits, lt_tensor *const target[WORLD_PARTS],
                             double *accuracy)
{
    lt_ctx *ctx = r->ctx;
    lt_tensor *sum = NULL;
    int64_t at = 0;
    for (int p = 0; p < WORLD_PARTS; p++) {
        const int count = world_color_count((enum world_part)p);
        lt_tensor *x = lt_contiguous(ctx, lt_slice(ctx, logits, 1, at, count));
        at += count;
        int64_t known = 0, right = 0;
        for (int64_t i = 0; x && i < lt_dim(x, 0); i++) {
            const float *row = lt_f32(x) + i * count;
            int best = 0;
            for (int k = 1; k < count; k++)
                best = row[k] > row[best] ? k : best;
            known += lt_i32(target[p])[i] >= 0;
            right += lt_i32(target[p])[i] == best;
        }
        if (known == 0)
            continue;
        if (accuracy)
            accuracy[p] += 0.02 * ((double)right / (double)known - accuracy[p]);
        lt_tensor *ce = lt_cross_entropy(ctx, x, target[p]);
        sum = sum ? lt_add(ctx, sum, ce) : ce;
    }
    return lt_affine(ctx, sum ? sum : lt_scalar(ctx, 0.0f), 1.0f / WORLD_PARTS, 0.0f);
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
    lt_tensor *image = lt_clip_encode_image(ctx, r->clip, pixels);
    lt_tensor *text = lt_clip_encode_text(ctx, r->clip, b.ids);
    lt_tensor *logits;
    lt_tensor *nce = clip_contrastive_loss(ctx, r->clip, image, text, &logits);
    lt_tensor *colors =
        color_loss(r, clip_read_out(ctx, r->params, "image", image), b.color, r->accuracy);
    lt_tensor *said = color_loss(r, clip_read_out(ctx, r->params, "text", text), b.said, NULL);
    lt_tensor *form = lt_mse_loss(ctx, clip_read_out(ctx, r->params, "form", image), b.form);
    lt_tensor *loss = lt_add(ctx, nce, lt_affine(ctx, colors, readout_weight, 0.0f));
    loss = lt_add(ctx, loss, lt_affine(ctx, said, text_readout_weight, 0.0f));
    loss = lt_add(ctx, loss, lt_affine(ctx, form, form_weight, 0.0f));
    if (!loss) {
        status = lt_ctx_status(ctx);
        goto out;
    }
    r->loss += (r->step == 0 ? 1.0 : 0.02) * ((double)lt_item(loss) - r->loss);
    r->retrieval += 0.02 * (clip_diagonal_share(logits) - r->retrieval);

    status = clip_descend(ctx, r->clip, r->optim, loss, training_lr(&r->options, r->step));
out:
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* ---- setting up ---- */

/* A caption of a random portrait, part of them in templates. */
static void draw_caption(uint64_t *rng, char *text, size_t cap)
{
    struct world_attr attr;
    const char *templates[CE_TEMPLATES];
    clip_list_templates(templates);
    world_attr_random_any(rng, &attr);
    world_caption_templated(&attr, rng, templates, CE_TEMPLATES, NULL, text, cap);
}

static lt_status add_heads(struct run *r, int64_t width, lt_rng *rng)
{
    const struct {
        const char *name;
        int64_t out;
    } heads[] = {{"image", r->colors}, {"text", r->colors}, {"form", FORMS}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        clip_add_readout(r->ctx, r->params, heads[i].name, heads[i].out, width, rng);
    return lt_ctx_status(r->ctx);
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
    for (int p = 0; p < WORLD_PARTS; p++)
        r->colors += world_color_count((enum world_part)p);
    clip_list_templates(r->templates);
    if (status == LT_OK)
        status = lt_params_create(ctx, &r->params);
    if (status == LT_OK)
        status =
            clip_learn_vocabulary(ctx, r->params, MERGES, draw_caption, CAPTION, &r->tokenizer);
    if (status != LT_OK)
        return status;
    const lt_clip_config config = {.embed_dim = 512,
                                   .image_size = SIZE,
                                   .patch = 16,
                                   .vision_width = 192,
                                   .vision_layers = 4,
                                   .context_length = CONTEXT,
                                   .vocab_size = (int)lt_tokenizer_vocab_size(r->tokenizer),
                                   .text_width = 128,
                                   .text_layers = 3};
    lt_rng rng = lt_rng_make(RUN, 0);
    status = lt_clip_init(ctx, r->params, &config, &rng);
    if (status == LT_OK)
        status = add_heads(r, config.embed_dim, &rng);
    if (status == LT_OK)
        status = clip_make_optimizer(ctx, r->params, &r->optim);
    if (status == LT_OK)
        status = lt_clip_create(ctx, r->params, &r->clip);
    const struct training_state state = state_of(r);
    if (status == LT_OK && training_file_exists(r->options.checkpoint))
        status = training_load_state(ctx, &state, r->options.checkpoint);
    return status;
}

static int figures(const void *user, struct training_figure out[TRAINING_FIGURES])
{
    const struct run *r = user;
    int n = 0;
    out[n++] = (struct training_figure){"loss", r->loss};
    out[n++] = (struct training_figure){"retrieval", r->retrieval};
    for (int p = 0; p < WORLD_PARTS; p++)
        out[n++] = (struct training_figure){world_part_name((enum world_part)p), r->accuracy[p]};
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
    struct run r = {.options = {.steps = 6000,
                                .batch = 64,
                                .threads = 1,
                                .lr = 1e-3f,
                                .save_every = 200,
                                .out = "weights/clip.safetensors",
                                .checkpoint = "build/weights/clip.state",
                                .log = "build/weights/clip.jsonl"}};
    const struct training training = {.name = "train_clip",
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
