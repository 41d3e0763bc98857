/* Trains the shipped StyleGAN2 generator by regression on rendered portraits.
 *
 * The z of a portrait is known (world_attr_from_z()), so the network simply learns to draw the
 * renderer's picture of it. Half of each batch mixes the styles of two faces, as StyleGAN does, but
 * with a rendered truth: layers 0 .. CROSSOVER - 1 take geometry from the first face, the other
 * layers take colours and light from the second. The network sees natural portraits only. Small
 * parts weigh more in the squared error, because lips and brows would be learnt last otherwise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/models/stylegan2.h"
#include "nn/optim.h"
#include "tensor/team.h"
#include "weights/generator_training.h"
#include "weights/training.h"
#include "weights/training_state.h"
#include "weights/world/world.h"

enum { SIZE = 128, CROSSOVER = 6, STYLE_DIM = 512, PIXELS = SIZE * SIZE, RUN = 1 };

static const float part_weight = 4.0f; /* of brows, eyes, lips and glasses; other pixels weigh 1 */
static const float mapping_lr =
    30.0f; /* makes up for most of lr_mul, 0.01, of the mapping network */
static const float average_decay = 0.998f;

/* The state of the training. */
struct run {
    lt_ctx *ctx;
    struct training_options options;
    lt_params *params, *average;
    lt_stylegan2 *g;
    lt_optim *optim[2]; /* [1]: of the mapping network, [0]: of all other weights */
    int64_t step;
    double squared_error; /* running mean over steps, all pixels weighing 1, images in [0,1] */
};

/* A batch: z_form and z_color (B,Z), target (B,3,S,S), weight (B,1,S,S). */
struct batch {
    lt_tensor *z_form, *z_color, *target, *weight;
};

/* A batch that the threads draw; masks are (B, WORLD_PARTS, S, S). */
struct drawing {
    const struct run *r;
    struct batch *b;
    float *masks;
};

static void draw_items(void *arg, lt_range range)
{
    const struct drawing *d = arg;
    const struct batch *b = d->b;
    for (int64_t i = range.begin; i < range.end; i++) {
        uint64_t rng = training_seed(RUN, d->r->step, i);
        struct world_attr form, color;
        float *zf = lt_f32(b->z_form) + i * WORLD_Z, *zc = lt_f32(b->z_color) + i * WORLD_Z;
        world_attr_random_natural(&rng, &form, zf);
        if (i % 2 == 0) {
            memcpy(zc, zf, sizeof(float) * WORLD_Z);
        } else {
            world_attr_random_natural(&rng, &color, zc);
            world_attr_mix(&form, &color, &form);
        }
        float *m = d->masks + (size_t)i * WORLD_PARTS * PIXELS;
        world_render(&form, SIZE, lt_f32(b->target) + i * 3 * PIXELS, m);
        float *w = lt_f32(b->weight) + i * PIXELS;
        for (int p = 0; p < PIXELS; p++)
            w[p] = 1.0f + (part_weight - 1.0f) *
                              (m[WORLD_BROWS * PIXELS + p] + m[WORLD_EYES * PIXELS + p] +
                               m[WORLD_LIPS * PIXELS + p] + m[WORLD_GLASSES * PIXELS + p]);
    }
}

static lt_status draw_batch(struct run *r, struct batch *b)
{
    const int64_t n = r->options.batch;
    lt_ctx *ctx = r->ctx;
    b->z_form = lt_zeros(ctx, 2, (int64_t[]){n, WORLD_Z});
    b->z_color = lt_zeros(ctx, 2, (int64_t[]){n, WORLD_Z});
    b->target = lt_zeros(ctx, 4, (int64_t[]){n, 3, SIZE, SIZE});
    b->weight = lt_zeros(ctx, 4, (int64_t[]){n, 1, SIZE, SIZE});
    float *masks = malloc(sizeof(float) * WORLD_PARTS * PIXELS * (size_t)n);
    if (!masks || !b->weight) {
        free(masks);
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a batch");
    }
    lt_for(ctx, r->options.threads, n, draw_items, &(struct drawing){r, b, masks});
    free(masks);
    return LT_OK;
}

/* The W+ latents of a batch: both z are mapped and joined at the crossover. */
static lt_tensor *latents(struct run *r, const struct batch *b)
{
    lt_ctx *ctx = r->ctx;
    const int64_t n = r->options.batch;
    lt_tensor *z = lt_concat(ctx, 2, (lt_tensor *[]){b->z_form, b->z_color}, 0);
    lt_tensor *w = lt_stylegan2_mapping(ctx, r->g, z);
    lt_tensor *form = lt_stylegan2_broadcast(ctx, r->g, lt_slice(ctx, w, 0, 0, n));
    lt_tensor *color = lt_stylegan2_broadcast(ctx, r->g, lt_slice(ctx, w, 0, n, n));
    return lt_stylegan2_mix(ctx, form, color, CROSSOVER);
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
    lt_tensor *image = lt_stylegan2_synthesis(ctx, r->g, latents(r, &b));
    lt_tensor *diff = lt_square(ctx, lt_sub(ctx, image, b.target));
    lt_tensor *loss = lt_mean(ctx, lt_mul(ctx, diff, b.weight), 0, false);
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

    for (int i = 0; i < 2; i++)
        lt_optim_zero_grad(r->optim[i]);
    status = lt_backward(ctx, loss);
    const float lr = training_lr(&r->options, r->step);
    lt_optim_set_lr(r->optim[0], lr);
    lt_optim_set_lr(r->optim[1], lr * mapping_lr);
    for (int i = 0; i < 2 && status == LT_OK; i++)
        status = lt_optim_step(ctx, r->optim[i]);
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
                                   .optim = {r->optim[0], r->optim[1]},
                                   .prefix = {"synthesis.", "mapping."},
                                   .step = &r->step,
                                   .squared_error = &r->squared_error};
}

static lt_status set_up(void *user)
{
    struct run *r = user;
    lt_ctx *ctx = r->ctx;
    lt_status status = LT_OK;
    const lt_stylegan2_config config = {.size = SIZE,
                                        .z_dim = WORLD_Z,
                                        .style_dim = STYLE_DIM,
                                        .n_mlp = 4,
                                        .channels = {128, 128, 128, 128, 64, 32}};
    lt_rng rng = lt_rng_make(RUN, 0);
    if (status == LT_OK)
        status = lt_params_create(ctx, &r->params);
    if (status == LT_OK)
        status = lt_stylegan2_init(ctx, r->params, &config, &rng);
    if (status == LT_OK)
        status = training_clone(ctx, r->params, &r->average);

    lt_optim_config adam = lt_optim_defaults(LT_ADAM);
    adam.beta1 = 0.9;
    adam.beta2 = 0.99;
    for (int i = 0; i < 2 && status == LT_OK; i++) {
        status = lt_params_require_grad(ctx, r->params, NULL, i == 0);
        if (status == LT_OK)
            status = lt_params_require_grad(ctx, r->params, "style.", i == 1);
        /* Neither constants nor noise are trained: the renderer draws no noise. */
        for (size_t j = 0; j < lt_params_count(r->params) && i == 0 && status == LT_OK; j++) {
            const char *name = lt_params_name(r->params, j);
            if (generator_is_fixed(name))
                status = lt_set_requires_grad(ctx, lt_params_at(r->params, j), false);
        }
        if (status == LT_OK)
            status = lt_optim_create(ctx, r->params, &adam, &r->optim[i]);
    }
    /* Each optimiser took the weights that required gradients when it was made. From here on, all
     * weights require gradients. */
    for (size_t j = 0; j < lt_params_count(r->params) && status == LT_OK; j++) {
        const char *name = lt_params_name(r->params, j);
        status = lt_set_requires_grad(ctx, lt_params_at(r->params, j), !generator_is_fixed(name));
    }
    if (status == LT_OK)
        status = lt_stylegan2_create(ctx, r->params, &r->g);
    if (status == LT_OK)
        lt_stylegan2_set_noise(r->g, LT_NOISE_NONE, NULL);
    const struct training_state state = state_of(r);
    if (status == LT_OK && training_file_exists(r->options.checkpoint))
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
    return status == LT_OK ? generator_write(r->ctx, r->average, RUN, "6", r->options.out) : status;
}

static void clean_up(void *user)
{
    struct run *r = user;
    lt_stylegan2_free(r->g);
    for (int i = 0; i < 2; i++)
        lt_optim_free(r->optim[i]);
    lt_params_free(r->params);
    lt_params_free(r->average);
}

int main(int argc, char **argv)
{
    struct run r = {.options = {.steps = 8000,
                                .batch = 8,
                                .threads = 1,
                                .lr = 3e-2f,
                                .save_every = 250,
                                .out = "weights/generator.safetensors",
                                .checkpoint = "build/weights/generator.state",
                                .log = "build/weights/generator.jsonl"}};
    const struct training training = {.name = "train_generator",
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
