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
#include "weights/training.h"
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

/* ---- checkpoints ---- */

static lt_status save_checkpoint(struct run *r)
{
    lt_ctx *ctx = r->ctx;
    lt_params *state = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    char text[64];
    lt_status status = lt_params_create(ctx, &state);
    if (status == LT_OK)
        status = training_store(ctx, state, "params.", r->params);
    if (status == LT_OK)
        status = training_store(ctx, state, "average.", r->average);
    for (int i = 0; i < 2 && status == LT_OK; i++) {
        lt_params *part = NULL;
        status = lt_params_create(ctx, &part);
        if (status == LT_OK)
            status = lt_optim_store(ctx, r->optim[i], part);
        if (status == LT_OK)
            status = training_store(ctx, state, i ? "mapping." : "synthesis.", part);
        if (status == LT_OK && i == 0)
            status = lt_params_set_metadata(ctx, state, "optim.steps",
                                            lt_params_metadata(part, "optim.steps"));
        lt_params_free(part);
    }
    snprintf(text, sizeof text, "%lld", (long long)r->step);
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, state, "step", text);
    snprintf(text, sizeof text, "%.17g", r->squared_error);
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, state, "squared_error", text);
    if (status == LT_OK)
        status = lt_params_save(ctx, state, r->options.checkpoint, LT_F32);
    lt_params_free(state);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Restores an optimiser from the entries of `from` under `prefix` and the step count in its
 * metadata. */
static lt_status restore_optim(struct run *r, const lt_params *from, const char *prefix,
                               lt_optim *optim)
{
    lt_ctx *ctx = r->ctx;
    lt_params *part = NULL;
    lt_status status = lt_params_create(ctx, &part);
    const size_t skip = strlen(prefix);
    for (size_t i = 0; i < lt_params_count(from) && status == LT_OK; i++)
        if (strncmp(lt_params_name(from, i), prefix, skip) == 0)
            status =
                lt_params_add(ctx, part, lt_params_name(from, i) + skip, lt_params_at(from, i));
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, part, "optim.steps",
                                        lt_params_metadata(from, "optim.steps"));
    if (status == LT_OK)
        status = lt_optim_restore(ctx, optim, part);
    lt_params_free(part);
    return status;
}

static lt_status load_checkpoint(struct run *r)
{
    lt_ctx *ctx = r->ctx;
    lt_params *state = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = lt_params_create(ctx, &state);
    if (status == LT_OK)
        status = lt_params_load(ctx, state, r->options.checkpoint, NULL);
    if (status == LT_OK)
        status = training_restore(ctx, r->params, "params.", state);
    if (status == LT_OK)
        status = training_restore(ctx, r->average, "average.", state);
    if (status == LT_OK)
        status = restore_optim(r, state, "synthesis.", r->optim[0]);
    if (status == LT_OK)
        status = restore_optim(r, state, "mapping.", r->optim[1]);
    if (status == LT_OK) {
        const char *step = lt_params_metadata(state, "step");
        const char *error = lt_params_metadata(state, "squared_error");
        r->step = step ? strtoll(step, NULL, 10) : 0;
        r->squared_error = error ? strtod(error, NULL) : 0.0;
        fprintf(stderr, "continuing at step %lld\n", (long long)r->step);
    }
    lt_params_free(state);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Sets the tensor latent_avg: the mean of w over 16384 z. */
static lt_status set_latent_average(lt_ctx *ctx, lt_params *params)
{
    lt_stylegan2 *g = NULL;
    lt_status status = lt_stylegan2_create(ctx, params, &g);
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_rng rng = lt_rng_make(RUN, 7);
    lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){16384, WORLD_Z});
    if (status == LT_OK && z)
        status = lt_fill_normal(ctx, z, &rng, 0.0f, 1.0f);
    lt_tensor *mean =
        status == LT_OK ? lt_mean(ctx, lt_stylegan2_mapping(ctx, g, z), 1u, false) : NULL;
    lt_tensor *avg = lt_params_find(params, "latent_avg");
    if (mean && avg)
        status = lt_copy_into(ctx, avg, mean);
    else if (status == LT_OK)
        status = lt_ctx_status(ctx);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    lt_stylegan2_free(g);
    return status;
}

static lt_status write_generator(struct run *r)
{
    lt_params *out = NULL;
    lt_status status = training_clone(r->ctx, r->average, &out);
    if (status == LT_OK)
        status = set_latent_average(r->ctx, out);
    const char *const meta[][2] = {
        {"kind", "stylegan2"}, {"domain", "face"}, {"truncation", "1"}, {"edit_first_layer", "6"}};
    for (size_t i = 0; i < sizeof meta / sizeof *meta && status == LT_OK; i++)
        status = lt_params_set_metadata(r->ctx, out, meta[i][0], meta[i][1]);
    if (status == LT_OK)
        status = lt_params_save(r->ctx, out, r->options.out, LT_F16);
    lt_params_free(out);
    return status;
}

static lt_status set_up(struct run *r)
{
    lt_ctx *ctx = r->ctx;
    lt_status status = lt_ctx_set_threads(ctx, r->options.threads);
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
            if (strstr(name, "kernel") || strstr(name, "noise") || strcmp(name, "latent_avg") == 0)
                status = lt_set_requires_grad(ctx, lt_params_at(r->params, j), false);
        }
        if (status == LT_OK)
            status = lt_optim_create(ctx, r->params, &adam, &r->optim[i]);
    }
    /* Each optimiser took the weights that required gradients when it was made. From here on, all
     * weights require gradients. */
    for (size_t j = 0; j < lt_params_count(r->params) && status == LT_OK; j++) {
        const char *name = lt_params_name(r->params, j);
        const bool fixed =
            strstr(name, "kernel") || strstr(name, "noise") || strcmp(name, "latent_avg") == 0;
        status = lt_set_requires_grad(ctx, lt_params_at(r->params, j), !fixed);
    }
    if (status == LT_OK)
        status = lt_stylegan2_create(ctx, r->params, &r->g);
    if (status == LT_OK)
        lt_stylegan2_set_noise(r->g, LT_NOISE_NONE, NULL);
    if (status == LT_OK && training_file_exists(r->options.checkpoint))
        status = load_checkpoint(r);
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
    const lt_status status = save_checkpoint(r);
    return status == LT_OK ? write_generator(r) : status;
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
    if (!training_parse(&r.options, argc, argv))
        return 2;
    if (lt_ctx_create(&r.ctx) != LT_OK)
        return training_fail(NULL, "train_generator");
    lt_status status = set_up(&r);
    const struct training training = {&r, &r.step, train_step, figures, save};
    if (status == LT_OK)
        status = training_run(&r.options, &training);
    const int code = status == LT_OK ? 0 : training_fail(r.ctx, "train_generator");
    lt_stylegan2_free(r.g);
    for (int i = 0; i < 2; i++)
        lt_optim_free(r.optim[i]);
    lt_params_free(r.params);
    lt_params_free(r.average);
    lt_ctx_destroy(r.ctx);
    return code;
}
