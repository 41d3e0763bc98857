#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "engine/mapper/trainer_impl.h"

/* Random streams of the seed; within each, a number names the step, the epoch or the latent. */
enum { STREAM_WEIGHTS = 1, STREAM_ORDER = 2, STREAM_DRAWS = 3, STREAM_TEST_DRAWS = 4 };

static lt_rng stream(const struct ce_trainer *trainer, uint64_t purpose, int64_t number)
{
    return lt_rng_make(trainer->config.seed, purpose << 56 | (uint64_t)number);
}

struct ce_train_config ce_train_defaults(void)
{
    return (struct ce_train_config){.objective = ce_objective_defaults(),
                                    .mapper_type = CE_MAPPER_LEVELS,
                                    .level = {true, true, true},
                                    .optimizer = LT_RANGER,
                                    .lr = 0.5f,
                                    .batch = 2,
                                    .shuffle = true,
                                    .perc_bytes = (size_t)512 << 20};
}

/* ---- making ---- */

static lt_status make_mapper(struct ce_trainer *trainer)
{
    lt_ctx *ctx = trainer->models->ctx;
    const struct ce_train_config *config = &trainer->config;
    const int layers = lt_stylegan2_latents(trainer->models->generator);
    lt_status status = LT_OK;
    if (lt_params_count(trainer->params) == 0) {
        struct ce_mapper_config fresh = {
            .type = config->mapper_type,
            .latents = layers,
            .style_dim = lt_stylegan2_describe(trainer->models->generator)->style_dim,
            .text_dim = lt_clip_describe(trainer->models->clip)->embed_dim,
            .without_text = config->without_text};
        for (int i = 0; i < CE_LEVELS; i++)
            fresh.level[i] = config->level[i];
        lt_rng rng = stream(trainer, STREAM_WEIGHTS, 0);
        status = ce_mapper_init(ctx, trainer->params, &fresh, &rng);
    }
    for (int i = 0; i < CE_LEVELS && !status; i++)
        if (!config->level[i])
            status = lt_params_set_metadata(ctx, trainer->params, ce_mapper_level_off(i), "true");
    if (!status)
        status = lt_params_set_metadata(ctx, trainer->params, CE_META_TARGET,
                                        trainer->data.texts.target);
    if (!status)
        status = lt_params_set_metadata(ctx, trainer->params, CE_META_SOURCE,
                                        trainer->data.texts.source);
    char size[16];
    snprintf(size, sizeof size, "%d", lt_stylegan2_describe(trainer->models->generator)->size);
    if (!status)
        status = lt_params_set_metadata(ctx, trainer->params, CE_META_SIZE, size);
    if (!status)
        status = ce_mapper_create(ctx, trainer->params, layers, &trainer->mapper);
    if (!status && !ce_mapper_moves(trainer->mapper))
        status = lt_fail(ctx, LT_ERR_ARGUMENT,
                         "the levels of the mapper that are on begin behind the %d layers of this "
                         "generator, so no layer may move",
                         layers);
    if (!status)
        status = ce_mapper_require_grad(ctx, trainer->mapper, true);
    return status;
}

static lt_status make_optimizer(struct ce_trainer *trainer)
{
    lt_optim_config config = lt_optim_defaults(trainer->config.optimizer);
    config.lr = trainer->config.lr;
    return lt_optim_create(trainer->models->ctx, trainer->params, &config, &trainer->optim);
}

static lt_status check_data(struct ce_trainer *trainer)
{
    lt_ctx *ctx = trainer->models->ctx;
    const struct ce_train_data *data = &trainer->data;
    const struct ce_train_config *config = &trainer->config;
    const int copies = config->objective.nce.copies;
    if (config->mapper_type == CE_MAPPER_LEVELS && !config->level[CE_LEVEL_COARSE] &&
        !config->level[CE_LEVEL_MEDIUM] && !config->level[CE_LEVEL_FINE])
        return lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "the coarse, medium and fine level of the mapper are all off, so no layer may "
            "move");
    if (!trainer->models->generator || !trainer->models->clip || !trainer->models->tokenizer)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "a training needs a generator, CLIP and its tokenizer");
    if (config->batch < 1 || lt_dim(data->latents, 0) < config->batch)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "a batch of %d needs as many latents; there are %lld",
                       config->batch, (long long)lt_dim(data->latents, 0));
    if (!(config->lr > 0) || isinf(config->lr))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "lr is %g, expected above 0", (double)config->lr);
    if (data->points && lt_dim(data->points, 1) != copies)
        return lt_fail(ctx, LT_ERR_SHAPE, "perspective.points has %lld draws a step, expected %d",
                       (long long)lt_dim(data->points, 1), copies);
    return LT_OK;
}

lt_status ce_trainer_create(const struct ce_models *models, const struct ce_train_config *config,
                            const struct ce_train_data *data, lt_params *params,
                            struct ce_trainer **out)
{
    lt_ctx *ctx = models->ctx;
    *out = NULL;
    struct ce_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a training");
    *trainer = (struct ce_trainer){.models = models,
                                   .config = *config,
                                   .data = *data,
                                   .params = params,
                                   .best = NAN,
                                   .order_epoch = -1};
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = check_data(trainer);
    if (!status)
        status = ce_trainer_reserve_history(trainer, 1);
    if (!status)
        status =
            ce_objective_prepare(models, &config->objective, &data->texts, &trainer->objective);
    if (!status)
        status = make_mapper(trainer);
    if (!status)
        status = make_optimizer(trainer);
    if (!status) {
        trainer->text_feature = lt_retain(ce_text_feature(models, data->texts.target));
        status = lt_ctx_status(ctx);
    }
    if (!status)
        status = ce_source_cache_create(&trainer->objective, data->latents, config->perc_bytes,
                                        &trainer->sources);
    if (!status && data->tests)
        status = ce_source_cache_create(&trainer->objective, data->tests, config->perc_bytes,
                                        &trainer->test_sources);
    if (!status) {
        trainer->order = malloc((size_t)lt_dim(data->latents, 0) * sizeof *trainer->order);
        if (!trainer->order)
            status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a training");
    }
    lt_scope_close(ctx, scope, NULL);
    if (status) {
        ce_trainer_free(trainer);
        return status;
    }
    *out = trainer;
    return LT_OK;
}

void ce_trainer_free(struct ce_trainer *trainer)
{
    if (!trainer)
        return;
    ce_source_cache_free(trainer->sources);
    ce_source_cache_free(trainer->test_sources);
    ce_objective_free(&trainer->objective);
    lt_optim_free(trainer->optim);
    ce_mapper_free(trainer->mapper);
    lt_release(trainer->text_feature);
    free(trainer->history);
    free(trainer->order);
    free(trainer);
}

/* ---- a step ---- */

lt_status ce_trainer_reserve_history(struct ce_trainer *trainer, int64_t steps)
{
    if (steps <= trainer->history_cap)
        return LT_OK;
    const int64_t cap = steps + steps / 2 + 1024;
    float *grown = realloc(trainer->history, (size_t)cap * CE_TERMS_LOGGED * sizeof *grown);
    if (!grown)
        return lt_fail(trainer->models->ctx, LT_ERR_MEMORY,
                       "out of memory for the losses of %lld steps", (long long)steps);
    trainer->history = grown;
    trainer->history_cap = cap;
    return LT_OK;
}

/* Chooses the latents of the next step. The end of an epoch that does not fill a batch is left out,
 * as in the published training. */
static void next_batch(struct ce_trainer *trainer, int64_t *index)
{
    const int64_t n = lt_dim(trainer->data.latents, 0), batch = trainer->config.batch;
    const int64_t epoch = trainer->steps / (n / batch),
                  first = trainer->steps % (n / batch) * batch;
    if (trainer->order_epoch != epoch) {
        lt_rng rng = stream(trainer, STREAM_ORDER, epoch);
        for (int64_t i = 0; i < n; i++)
            trainer->order[i] = i;
        for (int64_t i = n - 1; trainer->config.shuffle && i > 0; i--) { /* Fisher and Yates */
            const int64_t j = (int64_t)lt_rng_below(&rng, (uint64_t)i + 1);
            const int64_t swap = trainer->order[i];
            trainer->order[i] = trainer->order[j];
            trainer->order[j] = swap;
        }
        trainer->order_epoch = epoch;
    }
    for (int64_t i = 0; i < batch; i++)
        index[i] = trainer->order[first + i];
}

static lt_status next_draws(struct ce_trainer *trainer, double (*coeffs)[8])
{
    lt_ctx *ctx = trainer->models->ctx;
    const struct ce_nce_config *nce = &trainer->config.objective.nce;
    const lt_tensor *points = trainer->data.points;
    if (!points) {
        lt_rng rng = stream(trainer, STREAM_DRAWS, trainer->steps);
        return ce_nce_draw(ctx, nce, &rng, lt_stylegan2_describe(trainer->models->generator)->size,
                           coeffs);
    }
    if (trainer->steps >= lt_dim(points, 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "perspective.points has draws for %lld steps only",
                       (long long)lt_dim(points, 0));
    for (int c = 0; c < nce->copies; c++) {
        const struct ce_perspective p = ce_perspective_at(points, trainer->steps, c);
        const lt_status status = ce_perspective_solve(ctx, &p, coeffs[c]);
        if (status)
            return status;
    }
    return LT_OK;
}

/* Edits the latents w with the current mapper: *w_hat (B,L,D). Returns x_hat. */
static lt_tensor *edit(struct ce_trainer *trainer, lt_tensor *w, lt_tensor **w_hat)
{
    lt_ctx *ctx = trainer->models->ctx;
    lt_tensor *t_w = ce_mapper_text(ctx, trainer->mapper, trainer->text_feature);
    *w_hat = ce_mapper_edit(ctx, trainer->mapper, w, t_w, 1.0f);
    return *w_hat ? lt_stylegan2_synthesis(ctx, trainer->models->generator, *w_hat) : NULL;
}

static lt_status finite_loss(const struct ce_trainer *trainer, const struct ce_terms *terms)
{
    if (isfinite(terms->loss))
        return LT_OK;
    char message[96];
    snprintf(message, sizeof message, "the loss of step %lld is not a number; a lower lr may help",
             (long long)trainer->steps + 1);
    return ce_models_not_finite(trainer->models, message);
}

/* Forward pass, backward pass and update, in a scope of the caller's. */
static lt_status run_step(struct ce_trainer *trainer, struct ce_train_view *view,
                          struct ce_source *source)
{
    lt_ctx *ctx = trainer->models->ctx;
    double coeffs[CE_NCE_MAX_COPIES][8];
    lt_status status =
        ce_source_cache_get(trainer->sources, view->index, trainer->config.batch, source);
    if (!status)
        status = next_draws(trainer, coeffs);
    if (status)
        return status;
    view->w = source->w;
    view->x_hat = edit(trainer, source->w, &view->w_hat);
    lt_tensor *loss = ce_objective_loss(&trainer->objective, source, view->w_hat, view->x_hat,
                                        (const double(*)[8])coeffs, &view->terms);
    if (!loss)
        return lt_ctx_status(ctx);
    status = finite_loss(trainer, &view->terms);
    if (!status)
        status = lt_backward(ctx, loss);
    if (!status && trainer->observer) {
        view->source = source;
        view->coeffs = (const double(*)[8])coeffs;
        trainer->observer(trainer->observer_user, trainer, view);
    }
    if (!status)
        status = lt_optim_step(ctx, trainer->optim);
    return status;
}

lt_status ce_trainer_step(struct ce_trainer *trainer, struct ce_terms *terms)
{
    lt_ctx *ctx = trainer->models->ctx;
    lt_status status = ce_trainer_reserve_history(trainer, trainer->steps + 1);
    int64_t *index = malloc((size_t)trainer->config.batch * sizeof *index);
    if (!index)
        status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a batch");
    if (status) {
        free(index);
        return status;
    }
    next_batch(trainer, index);
    struct ce_train_view view = {.step = trainer->steps, .index = index};
    struct ce_source source = {0};
    const lt_scope scope = lt_scope_open(ctx);
    status = run_step(trainer, &view, &source);
    lt_tape_clear(ctx);
    lt_optim_zero_grad(trainer->optim);
    lt_scope_close(ctx, scope, NULL);
    ce_source_free(&source);
    free(index);
    if (status)
        return status;
    ce_terms_values(&view.terms, trainer->history + trainer->steps * CE_TERMS_LOGGED);
    trainer->steps++;
    if (terms)
        *terms = view.terms;
    return LT_OK;
}

/* ---- validation and pictures ---- */

static lt_status test_one(struct ce_trainer *trainer, int64_t i, struct ce_terms *terms)
{
    lt_ctx *ctx = trainer->models->ctx;
    double coeffs[CE_NCE_MAX_COPIES][8];
    struct ce_source source = {0};
    lt_rng rng = stream(trainer, STREAM_TEST_DRAWS, i);
    lt_status status = ce_source_cache_get(trainer->test_sources, &i, 1, &source);
    if (!status)
        status = ce_nce_draw(ctx, &trainer->config.objective.nce, &rng,
                             lt_stylegan2_describe(trainer->models->generator)->size, coeffs);
    if (!status) {
        lt_tensor *w_hat = NULL;
        lt_tensor *x_hat = edit(trainer, source.w, &w_hat);
        if (!ce_objective_loss(&trainer->objective, &source, w_hat, x_hat,
                               (const double(*)[8])coeffs, terms))
            status = lt_ctx_status(ctx);
    }
    ce_source_free(&source);
    return status;
}

lt_status ce_trainer_validate(struct ce_trainer *trainer, int64_t most, struct ce_terms *mean,
                              bool *better)
{
    lt_ctx *ctx = trainer->models->ctx;
    if (!trainer->test_sources)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "there are no test latents to validate on");
    const int64_t there = lt_dim(trainer->data.tests, 0), n = most < there ? most : there;
    double sum[CE_TERMS_LOGGED] = {0};
    lt_status status = LT_OK;
    lt_no_grad_begin(ctx);
    for (int64_t i = 0; i < n && !status; i++) {
        struct ce_terms terms;
        float value[CE_TERMS_LOGGED];
        const lt_scope scope = lt_scope_open(ctx);
        status = test_one(trainer, i, &terms);
        lt_scope_close(ctx, scope, NULL);
        if (status)
            break;
        ce_terms_values(&terms, value);
        for (int k = 0; k < CE_TERMS_LOGGED; k++)
            sum[k] += (double)value[k];
    }
    lt_no_grad_end(ctx);
    if (status)
        return status;
    const double over = 1.0 / (double)n, loss = sum[0] * over;
    float value[CE_TERMS_LOGGED];
    for (int k = 0; k < CE_TERMS_LOGGED; k++)
        value[k] = (float)(sum[k] * over);
    *mean = ce_terms_of_values(value);
    *better = !(loss >= trainer->best);
    if (*better)
        trainer->best = loss;
    return LT_OK;
}

lt_status ce_trainer_pictures(struct ce_trainer *trainer, lt_tensor *latents, lt_tensor **x,
                              lt_tensor **x_hat)
{
    lt_ctx *ctx = trainer->models->ctx;
    lt_no_grad_begin(ctx);
    *x = ce_models_generate(trainer->models, latents, NULL, NULL);
    lt_tensor *t_w = ce_mapper_text(ctx, trainer->mapper, trainer->text_feature);
    lt_tensor *w_hat = ce_mapper_edit(ctx, trainer->mapper, latents, t_w, 1.0f);
    *x_hat = ce_models_generate(trainer->models, w_hat, NULL, NULL);
    lt_no_grad_end(ctx);
    return lt_ctx_status(ctx);
}

/* ---- looking in ---- */

int64_t ce_trainer_steps(const struct ce_trainer *trainer) { return trainer->steps; }

const float *ce_trainer_history(const struct ce_trainer *trainer, int64_t i)
{
    return trainer->history + i * CE_TERMS_LOGGED;
}

double ce_trainer_best(const struct ce_trainer *trainer) { return trainer->best; }

void ce_trainer_observe(struct ce_trainer *trainer, ce_train_observer *observer, void *user)
{
    trainer->observer = observer;
    trainer->observer_user = user;
}

const struct ce_objective *ce_trainer_objective(const struct ce_trainer *trainer)
{
    return &trainer->objective;
}
const struct ce_mapper *ce_trainer_mapper(const struct ce_trainer *trainer)
{
    return trainer->mapper;
}
