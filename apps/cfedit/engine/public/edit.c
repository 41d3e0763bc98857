/* The public interface's editing, inversion and mappers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "engine/clock.h"
#include "engine/editor.h"
#include "engine/invert.h"
#include "engine/objective/match.h"
#include "engine/public/request.h"

/* ---- who is told ---- */

/* The steps of one call, which may do one thing after another (inversion, then the edit). */
struct telling {
    ce_watch *watch;
    void *user;
    int64_t before, all; /* steps of what is done; steps of the whole call */
    bool stopped;
};

static bool tell(struct telling *t, int64_t step, const char *stage, double loss)
{
    if (t->watch && !t->watch(t->user, t->before + step, t->all, stage, loss))
        t->stopped = true;
    return !t->stopped;
}

static bool tell_edit(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    return tell(user, step, stage, (double)terms->loss);
}

static bool tell_inversion(void *user, int64_t step, double loss)
{
    return tell(user, step, NULL, loss);
}

static void tell_channels(void *user, int64_t done, int64_t total)
{
    struct telling *t = user;
    char stage[64];
    snprintf(stage, sizeof stage, "measuring style channels, %lld of %lld", (long long)done,
             (long long)total);
    tell(t, 0, stage, NAN);
}

/* ---- edits ---- */

void ce_edited_free(ce_edited *edited)
{
    lt_release(edited->before);
    lt_release(edited->after);
    lt_release(edited->latents);
    *edited = (ce_edited){0};
}

/* Moves the engine's result of picture i to the caller's and rates both pictures by CLIP; `text` is
 * the target's raw feature. */
static lt_status hand_over(const struct ce_models *models, lt_tensor *text, bool antialias,
                           struct ce_edit_result *from, ce_edited *to)
{
    to->before = lt_retain(from->x);
    to->after = lt_retain(from->x_hat);
    to->latents = lt_retain(from->latents);
    to->seconds = from->seconds;
    to->match_before = ce_text_match(models, text, to->before, antialias);
    to->match_after = ce_text_match(models, text, to->after, antialias);
    return lt_ctx_status(models->ctx);
}

static lt_status hand_over_all(const struct ce_models *models, const char *target, bool antialias,
                               int64_t count, struct ce_edit_result *from, ce_edited *to)
{
    const lt_scope scope = lt_scope_open(models->ctx);
    lt_tensor *text = ce_text_feature(models, target);
    lt_status status = lt_ctx_status(models->ctx);
    for (int64_t i = 0; i < count && status == LT_OK; i++)
        status = hand_over(models, text, antialias, &from[i], &to[i]);
    lt_scope_close(models->ctx, scope, NULL);
    return status;
}

/* The channels' effects that lie in the model's folder, for global-directions; NULL where there are
 * none. To be given to free(). */
static char *channels_file(const ce_model *model)
{
    return ce_model_file(model->models.ctx, &model->paths, NULL, "channels.safetensors", false);
}

/* The request's method, its settings, and the networks that it needs. */
static lt_status prepare(ce_model *model, const ce_request *request,
                         struct ce_edit_settings *settings)
{
    const struct ce_method *method =
        ce_method_find(request->method ? request->method : ce_method_at(0));
    if (!method)
        return lt_fail(model->models.ctx, LT_ERR_ARGUMENT, "there is no method '%s'",
                       request->method);
    return ce_request_prepare(model, request, method, settings);
}

/* Edits latents (N,L,D) with settings that are ready. */
static lt_status edit(ce_model *model, const ce_request *request,
                      const struct ce_edit_settings *settings, struct telling *telling,
                      lt_tensor *latents, ce_edited *results)
{
    const struct ce_models *models = &model->models;
    const int64_t n = lt_dim(latents, 0);
    const struct ce_edit_texts texts = {.source =
                                            request->source ? request->source : models->domain,
                                        .target = request->target,
                                        .contrasts = request->contrasts,
                                        .contrast_count = request->contrast_count};
    struct ce_editor *editor = NULL;
    struct ce_edit_result *found = calloc((size_t)n, sizeof *found);
    char *channels = channels_file(model);
    lt_status status =
        found ? ce_editor_open(models, settings, &texts, channels, tell_channels, telling, &editor)
              : lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    if (status == LT_OK) {
        telling->all = telling->before + ce_editor_steps(editor, n);
        status = ce_editor_run(editor, latents, request->strength, tell_edit, telling, found);
    }
    if (status == LT_OK)
        status = hand_over_all(models, request->target, settings->latent.nce.antialias, n, found,
                               results);
    for (int64_t i = 0; found && i < n; i++)
        ce_edit_result_free(&found[i]);
    ce_editor_close(editor);
    free(channels);
    free(found);
    return status;
}

/* LT_ERR_SHAPE unless the tensor is (N,L,D) of the model. */
static lt_status check_latents(const ce_model *model, const lt_tensor *latents)
{
    const ce_model_info info = ce_model_describe(model);
    char shape[96];
    if (!latents)
        return lt_ctx_status(model->models.ctx) != LT_OK
                   ? lt_ctx_status(model->models.ctx)
                   : lt_fail(model->models.ctx, LT_ERR_ARGUMENT, "the latents are NULL");
    if (lt_ndim(latents) == 3 && lt_dim(latents, 0) > 0 && lt_dim(latents, 1) == info.latents &&
        lt_dim(latents, 2) == info.style_dim)
        return LT_OK;
    return lt_fail(model->models.ctx, LT_ERR_SHAPE, "the latents are %s, expected (N, %d, %d)",
                   lt_shape_string(latents, shape, sizeof shape), info.latents, info.style_dim);
}

lt_status ce_edit_latents(ce_model *model, const ce_request *request, lt_tensor *latents,
                          ce_edited *results)
{
    struct ce_edit_settings settings;
    struct telling telling = {.watch = request->watch, .user = request->user};
    lt_status status = check_latents(model, latents);
    if (status != LT_OK)
        return status;
    memset(results, 0, (size_t)lt_dim(latents, 0) * sizeof *results);
    status = prepare(model, request, &settings);
    return status == LT_OK ? edit(model, request, &settings, &telling, latents, results) : status;
}

/* ---- inversion ---- */

ce_inversion ce_inversion_defaults(void)
{
    const struct ce_invert_config c = ce_invert_defaults();
    return (ce_inversion){
        .steps = c.steps, .lr = c.lr, .l2_lambda = c.l2_lambda, .perc_lambda = c.perc_lambda};
}

void ce_inverted_free(ce_inverted *inverted)
{
    lt_release(inverted->latents);
    lt_release(inverted->picture);
    lt_release(inverted->target);
    *inverted = (ce_inverted){0};
}

static lt_status invert(ce_model *model, const ce_inversion *how, lt_tensor *picture,
                        struct telling *telling, ce_inverted *result)
{
    struct ce_models *models = &model->models;
    struct ce_invert_config config = ce_invert_defaults();
    config.steps = how->steps;
    config.lr = how->lr;
    config.l2_lambda = how->l2_lambda;
    config.perc_lambda = how->perc_lambda;
    struct ce_invert_result found = {0};
    const unsigned encoder =
        ce_models_has(models->ctx, &model->paths, CE_NEED_ENCODER) ? CE_NEED_ENCODER : 0u;
    const unsigned vgg = config.perc_lambda > 0.0f ? CE_NEED_VGG : 0u;
    const lt_scope scope = lt_scope_open(models->ctx);
    lt_status status = ce_model_need(model, encoder | vgg);
    lt_tensor *target = status == LT_OK ? ce_invert_fit(models, picture) : NULL;
    status = target ? ce_invert_run(models, &config, target, tell_inversion, telling, &found)
                    : lt_ctx_status(models->ctx);
    if (status == LT_OK)
        *result = (ce_inverted){.latents = lt_retain(found.w),
                                .picture = lt_retain(found.x_hat),
                                .target = lt_retain(target),
                                .psnr = found.psnr,
                                .seconds = found.seconds};
    ce_invert_free(&found);
    lt_scope_close(models->ctx, scope, NULL);
    return status;
}

static lt_status check_picture(const ce_model *model, const lt_tensor *picture)
{
    char shape[96];
    if (!picture)
        return lt_ctx_status(model->models.ctx) != LT_OK
                   ? lt_ctx_status(model->models.ctx)
                   : lt_fail(model->models.ctx, LT_ERR_ARGUMENT, "the picture is NULL");
    if (lt_ndim(picture) == 4 && lt_dim(picture, 0) == 1 && lt_dim(picture, 1) == 3 &&
        lt_numel(picture) > 0)
        return LT_OK;
    return lt_fail(model->models.ctx, LT_ERR_SHAPE, "the picture is %s, expected (1, 3, H, W)",
                   lt_shape_string(picture, shape, sizeof shape));
}

lt_status ce_invert(ce_model *model, const ce_inversion *how, lt_tensor *picture,
                    ce_inverted *result)
{
    struct telling telling = {.watch = how->watch, .user = how->user, .all = how->steps};
    *result = (ce_inverted){0};
    const lt_status status = check_picture(model, picture);
    return status == LT_OK ? invert(model, how, picture, &telling, result) : status;
}

lt_status ce_edit_picture(ce_model *model, const ce_request *request, lt_tensor *picture,
                          ce_edited *result)
{
    const ce_inversion how = ce_inversion_defaults();
    struct telling telling = {.watch = request->watch, .user = request->user, .all = how.steps};
    struct ce_edit_settings settings;
    ce_inverted inverted = {0};
    *result = (ce_edited){0};
    lt_status status = check_picture(model, picture);
    if (status == LT_OK)
        status = prepare(model, request, &settings);
    if (status == LT_OK)
        status = invert(model, &how, picture, &telling, &inverted);
    telling.before = how.steps;
    telling.stopped = false;
    if (status == LT_OK)
        status = edit(model, request, &settings, &telling, inverted.latents, result);
    ce_inverted_free(&inverted);
    return status;
}

/* ---- mappers ---- */

lt_status ce_train_mapper(ce_model *model, const ce_request *request, lt_tensor *latents,
                          int64_t steps, const char *path)
{
    const struct ce_models *models = &model->models;
    const struct ce_method *method = ce_method_find("cf-clip-mapper");
    struct telling telling = {.watch = request->watch, .user = request->user, .all = steps};
    struct ce_edit_settings settings;
    struct ce_trainer *trainer = NULL;
    lt_params *params = NULL;
    lt_status status = check_latents(model, latents);
    if (status == LT_OK)
        status = ce_request_prepare(model, request, method, &settings);
    if (status == LT_OK)
        status = lt_params_create(models->ctx, &params);
    if (status != LT_OK)
        return status;
    const struct ce_train_data data = {
        .texts = {.source = request->source ? request->source : models->domain,
                  .target = request->target},
        .latents = latents};
    if (settings.mapper.train.batch > lt_dim(latents, 0))
        settings.mapper.train.batch = (int)lt_dim(latents, 0);
    status = ce_trainer_create(models, &settings.mapper.train, &data, params, &trainer);
    for (int64_t i = 0; i < steps && status == LT_OK && !telling.stopped; i++) {
        struct ce_terms terms;
        status = ce_trainer_step(trainer, &terms);
        if (status == LT_OK)
            tell(&telling, i + 1, NULL, (double)terms.loss);
    }
    if (status == LT_OK)
        status = ce_trainer_save_mapper(trainer, path);
    ce_trainer_free(trainer);
    lt_params_free(params);
    return status;
}

/* Edits with an open mapper. */
static lt_status apply(ce_model *model, const struct ce_mapper *mapper, const char *target,
                       lt_tensor *latents, float strength, ce_edited *results)
{
    const struct ce_models *models = &model->models;
    const int64_t n = lt_dim(latents, 0);
    struct ce_edit_result *found = calloc((size_t)n, sizeof *found);
    if (!found)
        return lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    lt_status status = ce_mapper_edit_apply(models, mapper, ce_text_feature(models, target),
                                            latents, strength, found);
    if (status == LT_OK)
        status = hand_over_all(models, target, false, n, found, results);
    for (int64_t i = 0; i < n; i++)
        ce_edit_result_free(&found[i]);
    free(found);
    return status;
}

lt_status ce_apply_mapper(ce_model *model, const char *path, const char *target, lt_tensor *latents,
                          float strength, ce_edited *results)
{
    lt_ctx *ctx = model->models.ctx;
    lt_params *params = NULL;
    struct ce_mapper *mapper = NULL;
    lt_status status = check_latents(model, latents);
    if (status != LT_OK)
        return status;
    memset(results, 0, (size_t)lt_dim(latents, 0) * sizeof *results);
    const lt_scope scope = lt_scope_open(ctx);
    status = lt_params_create(ctx, &params);
    if (status == LT_OK)
        status = ce_mapper_load(ctx, params, path);
    if (status == LT_OK)
        status =
            ce_mapper_create(ctx, params, lt_stylegan2_latents(model->models.generator), &mapper);
    if (status == LT_OK && !target)
        target = lt_params_metadata(params, CE_META_TARGET);
    if (status == LT_OK && !target)
        status =
            lt_fail(ctx, LT_ERR_MISSING, "%s does not say which text it was trained for", path);
    if (status == LT_OK)
        status = apply(model, mapper, target, latents, strength, results);
    ce_mapper_free(mapper);
    lt_params_free(params);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
