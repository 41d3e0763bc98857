/* The training step of `cfedit train` with the published settings, identity loss off. */
#include "autograd/ops.h"
#include "bench/speed/flops.h"
#include "bench/speed/work.h"

/* Weights whose gradients are compared with the peers': of the layer that joins w and text, of the
 * last layer of each level, and of the first text mapper. */
static const char *const watched[] = {"mapper.fc.weight", "mapper.course_mapping.mapping.4.weight",
                                      "mapper.medium_mapping.mapping.4.weight",
                                      "mapper.fine_mapping.mapping.4.weight",
                                      "text_mapper.mapper_0.mapping.4.weight"};

/* Keeps losses, latent, image and gradients of a step. */
static void observe(void *user, const struct ce_trainer *trainer, const struct ce_train_view *view)
{
    (void)trainer;
    struct session *s = user;
    lt_ctx *ctx = s->ctx;
    session_keep(s, "loss", lt_scalar(ctx, view->terms.loss));
    session_keep(s, "loss_nce", lt_scalar(ctx, view->terms.value[CE_TERM_TEXT]));
    session_keep(s, "loss_l2_latent", lt_scalar(ctx, view->terms.value[CE_TERM_LATENT_L2]));
    session_keep(s, "w_hat", lt_detach(ctx, view->w_hat));
    session_keep(s, "x_hat", lt_detach(ctx, view->x_hat));
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        const lt_tensor *p = lt_params_find(s->mapper_params, watched[i]);
        session_keep(s, watched[i], p ? lt_grad(p) : NULL);
    }
}

/* Opens a training over `latents`. If they are one batch, every step has the same sources, whose
 * features are known from the second step on. */
static lt_status open_trainer(struct session *s, lt_tensor *latents)
{
    lt_ctx *ctx = s->ctx;
    char path[BENCH_PATH];
    struct ce_train_config config = ce_train_defaults();
    config.batch = s->setup->batch;
    config.objective.id_lambda = 0.0f;
    config.shuffle = false;
    const struct ce_train_data data = {
        .texts = {.source = BENCH_SOURCE_TEXT, .target = BENCH_TARGET_TEXT},
        .latents = latents,
        .points = s->points};
    lt_status status = lt_params_create(ctx, &s->mapper_params);
    if (status == LT_OK)
        status =
            ce_mapper_load(ctx, s->mapper_params, setup_path(s->setup, "mapper.safetensors", path));
    if (status == LT_OK)
        status = ce_trainer_create(&s->models, &config, &data, s->mapper_params, &s->trainer);
    if (status == LT_OK && s->keep)
        ce_trainer_observe(s->trainer, observe, s);
    return status;
}

static lt_status open_same(struct session *s) { return open_trainer(s, s->w); }
static lt_status open_new(struct session *s) { return open_trainer(s, s->latents); }

static lt_status step(struct session *s) { return ce_trainer_step(s->trainer, NULL); }

static double step_macs(const struct session *s)
{
    return s->setup->batch *
           flops_step(lt_stylegan2_describe(s->models.generator), lt_clip_describe(s->models.clip));
}

static double new_macs(const struct session *s)
{
    return step_macs(s) +
           s->setup->batch * (flops_generator(lt_stylegan2_describe(s->models.generator)) +
                              flops_clip_image(lt_clip_describe(s->models.clip)));
}

const struct work work_train_step = {"train-step",
                                     "training step, sources' features known",
                                     CE_NEED_GENERATOR | CE_NEED_TEXT,
                                     open_same,
                                     step,
                                     step_macs};
const struct work work_train_new = {"train-new",
                                    "training step, sources not seen before",
                                    CE_NEED_GENERATOR | CE_NEED_TEXT,
                                    open_new,
                                    step,
                                    new_macs};
