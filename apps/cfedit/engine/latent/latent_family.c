/* The family of methods that optimise each picture's own latent. */
#include <stdlib.h>

#include "engine/family.h"

static struct ce_likeness likeness_of(const struct ce_edit_settings *settings)
{
    return (struct ce_likeness){settings->latent.id_lambda, settings->latent.perc_lambda};
}

static unsigned needs(const struct ce_edit_settings *settings)
{
    return CE_NEED_GENERATOR | CE_NEED_TEXT | ce_likeness_needs(likeness_of(settings));
}

static const struct ce_nce_config *nce(const struct ce_edit_settings *settings)
{
    return &settings->latent.nce;
}

static lt_status check_render_size(const struct ce_models *models,
                                   const struct ce_latent_edit_config *config)
{
    const int size = config->render_size, full = lt_stylegan2_describe(models->generator)->size;
    const int layers = lt_stylegan2_latents_at(models->generator, size);
    const int first = ce_first_layer(models, config->space.first_layer);
    if (size && !layers)
        return lt_fail(models->ctx, LT_ERR_ARGUMENT,
                       "render-size is %d, expected a power of two from 4 to the generator's %d",
                       size, full);
    if (size && first >= layers)
        return lt_fail(models->ctx, LT_ERR_ARGUMENT,
                       "render-size is %d, but such a picture ends at layer %d, before the first "
                       "that may move, %d",
                       size, layers - 1, first);
    return LT_OK;
}

static lt_status check(lt_ctx *ctx, const struct ce_edit_settings *settings,
                       const struct ce_models *models)
{
    const struct ce_space_config *space = &settings->latent.space;
    if (space->first_layer > space->last_layer)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "first-layer %d is behind last-layer %d, so no layer may move",
                       space->first_layer, space->last_layer);
    if (!models)
        return LT_OK;
    const int layers = lt_stylegan2_latents(models->generator);
    if (ce_first_layer(models, space->first_layer) >= layers)
        return lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "first-layer is %d, but the layers of this generator are 0 to %d, so none may "
            "move",
            ce_first_layer(models, space->first_layer), layers - 1);
    if (ce_first_layer(models, space->first_layer) > space->last_layer)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "last-layer is %d, but the first layer that may move is %d, as the "
                       "generator's metadata says, so no layer may move; give first-layer, too",
                       space->last_layer, ce_first_layer(models, space->first_layer));
    const lt_status status = check_render_size(models, &settings->latent);
    return status ? status : ce_likeness_check(models, likeness_of(settings));
}

/* The state is the encoded sentences, a struct ce_nce_texts. */
static lt_status encode_texts(const struct ce_edit_job *job, void **state)
{
    struct ce_nce_texts *texts = calloc(1, sizeof *texts);
    *state = texts;
    if (!texts)
        return lt_fail(job->models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    return ce_nce_texts_prepare(job->models, nce(job->settings), &job->texts, texts);
}

static void free_texts(void *state)
{
    if (state)
        ce_nce_texts_free(state);
    free(state);
}

/* The styles of StyleSpace cannot be written as a latent. */
static bool moves_latents(const struct ce_edit_settings *settings)
{
    return settings->latent.space.space != CE_SPACE_STYLE;
}

static int64_t steps(const struct ce_edit_job *job, const void *state, int64_t count)
{
    return count * ce_latent_edit_steps(&job->settings->latent, state);
}

static lt_status run(const struct ce_edit_job *job, void *state, lt_tensor *w, ce_edit_watch *watch,
                     void *user, struct ce_edit_result *results)
{
    return ce_latent_edit_run(job->models, &job->settings->latent, state, w, watch, user, results);
}

const struct ce_family_operations ce_latent_family = {
    .needs = needs,
    .check = check,
    .nce = nce,
    .open = encode_texts,
    .close = free_texts,
    .moves_latents = moves_latents,
    .steps = steps,
    .run = run,
};
