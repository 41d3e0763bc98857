#include "engine/mapper/mapper_edit.h"

#include "autograd/ops.h"
#include "engine/clock.h"

struct ce_mapper_edit_config ce_mapper_edit_defaults(void)
{
    struct ce_mapper_edit_config c = {.train = ce_train_defaults(), .steps = 130};
    c.train.objective.id_lambda = 0.0f;
    c.train.objective.nce.copies = 4;
    c.train.batch = 1;
    return c;
}

lt_status ce_mapper_edit_apply(const struct ce_models *models, const struct ce_mapper *mapper,
                               lt_tensor *text_feature, lt_tensor *w, float strength,
                               struct ce_edit_result *results)
{
    lt_ctx *ctx = models->ctx;
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *t_w = ce_mapper_text(ctx, mapper, text_feature);
    for (int64_t i = 0; i < lt_dim(w, 0) && status == LT_OK; i++) {
        const double start = ce_seconds();
        const lt_scope inner = lt_scope_open(ctx);
        lt_tensor *one = lt_contiguous(ctx, lt_slice(ctx, w, 0, i, 1));
        lt_tensor *w_hat = ce_mapper_edit(ctx, mapper, one, t_w, strength);
        lt_tensor *x = lt_stylegan2_synthesis(ctx, models->generator, one);
        lt_tensor *x_hat = lt_stylegan2_synthesis(ctx, models->generator, w_hat);
        status = ce_edit_result_set(ctx, &results[i], one, x, x_hat, w_hat, NULL, 0);
        results[i].first = results[i].last = ce_terms_none();
        results[i].seconds = ce_seconds() - start;
        lt_scope_close(ctx, inner, NULL);
    }
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_status train(struct ce_trainer *trainer, int64_t steps, ce_edit_watch *watch, void *user,
                       struct ce_terms *first, struct ce_terms *last)
{
    lt_status status = LT_OK;
    for (int64_t i = 0; i < steps && status == LT_OK; i++) {
        status = ce_trainer_step(trainer, last);
        if (status != LT_OK)
            break;
        if (i == 0)
            *first = *last;
        if (watch && !watch(user, i + 1, NULL, last))
            break;
    }
    return status;
}

/* Latents in a training step: no more than there are pictures. */
static int batch_of(const struct ce_mapper_edit_config *config, int64_t count)
{
    return config->train.batch < count ? config->train.batch : (int)count;
}

int64_t ce_mapper_edit_steps(const struct ce_mapper_edit_config *config, int64_t count)
{
    const int64_t batch = batch_of(config, count);
    return batch > 0 ? (count * config->steps + batch - 1) / batch : 0;
}

lt_status ce_mapper_edit_run(const struct ce_models *models,
                             const struct ce_mapper_edit_config *config,
                             const struct ce_texts *texts, lt_tensor *w, ce_edit_watch *watch,
                             void *user, struct ce_edit_result *results)
{
    lt_ctx *ctx = models->ctx;
    const int64_t n = lt_dim(w, 0);
    for (int64_t i = 0; i < n; i++)
        results[i] = (struct ce_edit_result){0};
    struct ce_train_config c = config->train;
    c.batch = batch_of(config, n);
    const struct ce_train_data data = {.texts = *texts, .latents = w};
    struct ce_terms first = ce_terms_none(), last = ce_terms_none();
    struct ce_trainer *trainer = NULL;
    lt_params *params = NULL;
    const double start = ce_seconds();
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = lt_params_create(ctx, &params);
    if (status == LT_OK)
        status = ce_trainer_create(models, &c, &data, params, &trainer);
    if (status == LT_OK)
        status = train(trainer, ce_mapper_edit_steps(config, n), watch, user, &first, &last);
    if (status == LT_OK)
        status = ce_mapper_edit_apply(models, ce_trainer_mapper(trainer),
                                      ce_text_feature(models, texts->target), w, 1.0f, results);
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        results[i].first = first;
        results[i].last = last;
        results[i].seconds = (ce_seconds() - start) / (double)n;
    }
    ce_trainer_free(trainer);
    lt_params_free(params);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
