/* Trains a StyleGAN2 generator of the rich world by regression on rendered portraits.
 *
 * The z of a portrait is known (rich_attr_from_z()), so the network simply learns to draw the
 * renderer's picture of it. It is trained in stages, coarse to fine: a run with --size 64 trains
 * the layers up to the generator's skip picture of 64 pixels, and a later run with --from continues
 * at the next size. Groups of attributes whose layers lie beyond a skip picture have their median
 * there.
 *
 * Each group of attributes goes with a pair of W+ layers, so that a step in one pair of layers
 * moves one group only. Two things make it so. The mapping network is set, not trained: every
 * feature of w follows one dimension of z (rich_set_mapping()). And the modulation of a layer reads
 * only the features of its own group; its other weights are held at 0. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/models/stylegan2.h"
#include "nn/optim.h"
#include "tensor/team.h"
#include "weights/rich_mapping.h"
#include "weights/generator_training.h"
#include "weights/training.h"
#include "weights/training_state.h"
#include "weights/world/rich/render.h"
#include "weights/world/world.h"

enum { SIZE = 256, STYLE_DIM = RICH_W, GROUP_LAYERS = 2, RUN = 3 };

/* What a pixel of a small part weighs in the loss; other pixels weigh 1. */
static const float part_weight = 3.0f;
static const enum rich_part small_parts[] = {
    RICH_BROWS, RICH_MOUSTACHE, RICH_EYES,     RICH_WHITES,  RICH_SHADOW,
    RICH_LIPS,  RICH_TEETH,     RICH_EARRINGS, RICH_GLASSES, RICH_LENSES};
/* The weight of the squared error of the differences of neighbouring pixels, which edges are. */
static const float edge_weight = 1.0f;
static const float average_decay = 0.998f;

/* The state of the training. */
struct run {
    lt_ctx *ctx;
    struct training_options options;
    lt_params *params, *average;
    lt_stylegan2 *g;
    lt_optim *optim;
    int64_t step;
    int size, layers;     /* of the skip picture that is trained, and the W+ layers that it needs */
    double squared_error; /* running mean over steps, all pixels weighing 1, images in [0,1] */
};

/* A batch: z (B,Z), target (B,3,S,S), weight (B,1,S,S). */
struct batch {
    lt_tensor *z, *target, *weight;
};

/* A batch that the threads draw; masks are (B, RICH_PARTS, S, S). */
struct drawing {
    const struct run *r;
    struct batch *b;
    float *masks;
};

/* The portrait of item i of the step; its z is written to the batch. */
static void draw_attr(const struct drawing *d, int64_t i, struct rich_attr *out)
{
    uint64_t rng = training_seed(RUN, d->r->step, i);
    struct rich_attr median;
    const float zero[RICH_Z] = {0};
    rich_attr_random_natural(&rng, out, lt_f32(d->b->z) + i * RICH_Z);
    rich_attr_from_z(zero, &median);
    const struct rich_attr *from[RICH_GROUPS];
    for (int g = 0; g < RICH_GROUPS; g++)
        from[g] = GROUP_LAYERS * g < d->r->layers ? out : &median;
    rich_attr_mix(from, out);
}

static void draw_items(void *arg, lt_range range)
{
    const struct drawing *d = arg;
    const int size = d->r->size, pixels = size * size;
    for (int64_t i = range.begin; i < range.end; i++) {
        struct rich_attr attr;
        draw_attr(d, i, &attr);
        float *m = d->masks + (size_t)i * RICH_PARTS * (size_t)pixels;
        rich_render(&attr, size, lt_f32(d->b->target) + i * 3 * pixels, m);
        float *w = lt_f32(d->b->weight) + i * pixels;
        for (int p = 0; p < pixels; p++) {
            float share = 0.0f;
            for (size_t k = 0; k < sizeof small_parts / sizeof *small_parts; k++)
                share += m[small_parts[k] * pixels + p];
            w[p] = 1.0f + (part_weight - 1.0f) * share;
        }
    }
}

static lt_status draw_batch(struct run *r, struct batch *b)
{
    const int64_t n = r->options.batch, s = r->size;
    lt_ctx *ctx = r->ctx;
    b->z = lt_zeros(ctx, 2, (int64_t[]){n, RICH_Z});
    b->target = lt_zeros(ctx, 4, (int64_t[]){n, 3, s, s});
    b->weight = lt_zeros(ctx, 4, (int64_t[]){n, 1, s, s});
    float *masks = malloc(sizeof(float) * RICH_PARTS * (size_t)(n * s * s));
    if (!masks || !b->weight) {
        free(masks);
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a batch");
    }
    lt_for(ctx, r->options.threads, n, draw_items, &(struct drawing){r, b, masks});
    free(masks);
    return LT_OK;
}

/* Holds the weights of the modulations that read features of other groups at 0. */
static lt_status keep_groups_apart(struct run *r)
{
    int group_of[STYLE_DIM];
    for (int k = 0; k < STYLE_DIM; k++)
        group_of[k] = rich_feature_group(k);
    for (int i = 0; i < lt_stylegan2_styles_count(r->g); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.conv.modulation.weight", lt_stylegan2_style_name(r->g, i));
        lt_tensor *w = lt_params_find(r->params, name);
        if (!w)
            return lt_fail(r->ctx, LT_ERR_MISSING, "%s: missing", name);
        const int group = lt_stylegan2_style_layer(r->g, i) / GROUP_LAYERS;
        for (int64_t row = 0; row < lt_dim(w, 0); row++)
            for (int k = 0; k < STYLE_DIM; k++)
                if (group_of[k] != group)
                    lt_f32(w)[row * STYLE_DIM + k] = 0.0f;
    }
    return LT_OK;
}

/* The squared errors of differences along an axis of diff (B,3,S,S), averaged. */
static lt_tensor *edge_loss(lt_ctx *ctx, lt_tensor *diff, int axis)
{
    const int64_t n = lt_dim(diff, axis) - 1;
    lt_tensor *step = lt_sub(ctx, lt_slice(ctx, diff, axis, 1, n), lt_slice(ctx, diff, axis, 0, n));
    return lt_mean(ctx, lt_square(ctx, step), 0, false);
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
    lt_tensor *w = lt_stylegan2_broadcast(ctx, r->g, lt_stylegan2_mapping(ctx, r->g, b.z));
    lt_tensor *image = lt_stylegan2_synthesis_at(ctx, r->g, w, r->size);
    lt_tensor *difference = lt_sub(ctx, image, b.target);
    lt_tensor *diff = lt_square(ctx, difference);
    lt_tensor *edges = lt_add(ctx, edge_loss(ctx, difference, 2), edge_loss(ctx, difference, 3));
    lt_tensor *loss = lt_add(ctx, lt_mean(ctx, lt_mul(ctx, diff, b.weight), 0, false),
                             lt_affine(ctx, edges, edge_weight, 0.0f));
    lt_no_grad_begin(ctx);
    lt_tensor *plain = lt_mean(ctx, diff, 0, false);
    lt_no_grad_end(ctx);
    if (!plain) {
        status = lt_ctx_status(ctx);
        goto out;
    }
    const double error = 0.25 * (double)lt_item(plain);
    const double keep = r->step < 100 ? 0.9 : 0.99;
    r->squared_error = r->step == 0 ? error : keep * r->squared_error + (1.0 - keep) * error;

    lt_optim_zero_grad(r->optim);
    status = lt_backward(ctx, loss);
    lt_optim_set_lr(r->optim, training_lr(&r->options, r->step));
    if (status == LT_OK)
        status = lt_optim_step(ctx, r->optim);
    if (status == LT_OK)
        status = keep_groups_apart(r);
    if (status == LT_OK)
        status = training_average(ctx, r->average, r->params, r->step < 500 ? 0.9f : average_decay);
out:
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static struct training_state state_of(struct run *r)
{
    return (struct training_state){.params = r->params,
                                   .average = r->average,
                                   .optim = {r->optim},
                                   .step = &r->step,
                                   .squared_error = &r->squared_error};
}

static lt_status set_up(void *user)
{
    struct run *r = user;
    lt_ctx *ctx = r->ctx;
    lt_status status = LT_OK;
    const lt_stylegan2_config config = {.size = SIZE,
                                        .z_dim = RICH_Z,
                                        .style_dim = STYLE_DIM,
                                        .n_mlp = 1,
                                        .channels = {128, 128, 128, 128, 96, 64, 32}};
    lt_rng rng = lt_rng_make(RUN, 0);
    if (status == LT_OK)
        status = lt_params_create(ctx, &r->params);
    if (status == LT_OK)
        status = lt_stylegan2_init(ctx, r->params, &config, &rng);
    const bool continues = training_file_exists(r->options.checkpoint);
    if (status == LT_OK && !continues)
        status = r->options.from ? training_load(ctx, r->params, r->options.from)
                                 : rich_set_mapping(ctx, r->params);
    if (status == LT_OK)
        status = training_clone(ctx, r->params, &r->average);

    lt_optim_config adam = lt_optim_defaults(LT_ADAM);
    adam.beta1 = 0.9;
    adam.beta2 = 0.99;
    /* Neither constants nor noise are trained: the renderer draws no noise. */
    for (size_t j = 0; j < lt_params_count(r->params) && status == LT_OK; j++) {
        const char *name = lt_params_name(r->params, j);
        const bool fixed = generator_is_fixed(name) || strncmp(name, "style.", 6) == 0;
        status = lt_set_requires_grad(ctx, lt_params_at(r->params, j), !fixed);
    }
    if (status == LT_OK)
        status = lt_optim_create(ctx, r->params, &adam, &r->optim);
    if (status == LT_OK)
        status = lt_stylegan2_create(ctx, r->params, &r->g);
    if (status == LT_OK)
        lt_stylegan2_set_noise(r->g, LT_NOISE_NONE, NULL);
    r->size = r->options.size;
    if (status == LT_OK)
        r->layers = lt_stylegan2_latents_at(r->g, r->size);
    if (status == LT_OK && (r->size < WORLD_SIZE_MIN || r->layers == 0))
        status = lt_fail(ctx, LT_ERR_ARGUMENT, "--size %d: takes 32, 64, 128 or 256", r->size);
    const struct training_state state = state_of(r);
    if (status == LT_OK && continues)
        status = training_load_state(ctx, &state, r->options.checkpoint);
    return status;
}

static int figures(const void *user, struct training_figure out[TRAINING_FIGURES])
{
    const struct run *r = user;
    out[0] = (struct training_figure){"psnr", -10.0 * log10(r->squared_error)};
    return 1;
}

static lt_status save(void *user)
{
    struct run *r = user;
    const struct training_state state = state_of(r);
    const lt_status status = training_save_state(r->ctx, &state, r->options.checkpoint);
    return status == LT_OK ? generator_write(r->ctx, r->average, RUN, "10", r->options.out)
                           : status;
}

static void clean_up(void *user)
{
    struct run *r = user;
    lt_stylegan2_free(r->g);
    lt_optim_free(r->optim);
    lt_params_free(r->params);
    lt_params_free(r->average);
}

int main(int argc, char **argv)
{
    struct run r = {.options = {.size = SIZE,
                                .steps = 8000,
                                .batch = 8,
                                .threads = 1,
                                .lr = 3e-2f,
                                .save_every = 250,
                                .out = "build/weights/rich-generator.safetensors",
                                .checkpoint = "build/weights/rich-generator.state",
                                .log = "build/weights/rich-generator.jsonl"}};
    const struct training training = {.name = "train_rich_generator",
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
