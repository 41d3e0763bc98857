#include "engine/editor.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/contrasts.h"
#include "engine/text.h"

struct ce_editor {
    const struct ce_models *models;
    struct ce_edit_settings settings;
    char *source, *target;
    char *contrasts[CE_NCE_MAX_CONTRASTS];
    int contrast_count;
    struct ce_nce_texts texts;             /* latents, channels */
    struct ce_channels channels;           /* channels */
    lt_tensor *direction[CE_SPACE_STYLES]; /* channels; retained */
    ce_edit_watch *watch;
    void *watch_user;
    int64_t steps_before; /* of the pictures done */
};

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
        return lt_fail(
            models->ctx, LT_ERR_ARGUMENT,
            "render-size is %d, but such a picture ends at layer %d, before the first that may move, %d",
            size, layers - 1, first);
    return LT_OK;
}

static lt_status check_settings(const struct ce_models *models, const struct ce_edit_settings *s)
{
    const bool latent = s->family == CE_FAMILY_LATENT;
    if (latent && check_render_size(models, &s->latent) != LT_OK)
        return lt_ctx_status(models->ctx);
    if (latent && s->latent.id_lambda > 0.0f && !models->identity)
        return lt_fail(models->ctx, LT_ERR_ARGUMENT,
                       "id-lambda is %g, but the identity network is not there",
                       (double)s->latent.id_lambda);
    if (latent && s->latent.perc_lambda > 0.0f && !models->vgg)
        return lt_fail(models->ctx, LT_ERR_ARGUMENT, "perc-lambda is %g, but VGG19 is not there",
                       (double)s->latent.perc_lambda);
    return LT_OK;
}

static lt_status open_channels(struct ce_editor *e, const char *path,
                               ce_channels_progress *progress, void *user)
{
    const struct ce_models *models = e->models;
    lt_tensor *direction[CE_SPACE_STYLES] = {NULL};
    const lt_scope scope = lt_scope_open(models->ctx);
    lt_status status = path ? ce_channels_load(models, path, &e->channels)
                            : ce_channels_measure(models, &e->settings.channels.measure, progress,
                                                  user, &e->channels);
    if (status == LT_OK)
        status = ce_channels_direction(models, &e->channels, e->texts.direction,
                                       e->settings.channels.beta, direction, NULL);
    for (int i = 0; i < e->channels.styles && status == LT_OK; i++)
        e->direction[i] = lt_retain(direction[i]);
    lt_scope_close(models->ctx, scope, NULL);
    return status;
}

/* The CLIP-NCE settings of the family in use. */
static struct ce_nce_config *nce_of(struct ce_edit_settings *s)
{
    return s->family == CE_FAMILY_LATENT   ? &s->latent.nce
           : s->family == CE_FAMILY_MAPPER ? &s->mapper.train.objective.nce
                                           : &s->channels.nce;
}

static lt_status copy_texts(struct ce_editor *e, const struct ce_edit_texts *texts)
{
    lt_ctx *ctx = e->models->ctx;
    struct ce_nce_config *nce = nce_of(&e->settings);
    lt_status status = LT_OK;
    e->source = ce_copy(ctx, texts->source);
    e->target = ce_copy(ctx, texts->target);
    if (!e->source || !e->target)
        return lt_ctx_status(ctx);
    if (!(nce->contrast_lambda > 0.0f) || e->settings.family == CE_FAMILY_CHANNELS)
        return LT_OK;
    if (texts->contrast_count > CE_NCE_MAX_CONTRASTS)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%d contrasts, expected at most %d",
                       texts->contrast_count, CE_NCE_MAX_CONTRASTS);
    if (!texts->contrasts)
        status = ce_contrasts_of(ctx, texts->target, e->contrasts, &e->contrast_count,
                                 &nce->contrast_axes);
    for (int i = 0; texts->contrasts && i < texts->contrast_count && status == LT_OK; i++) {
        e->contrasts[e->contrast_count] = ce_copy(ctx, texts->contrasts[i]);
        status = lt_ctx_status(ctx);
        e->contrast_count += status == LT_OK;
    }
    nce->contrasts = (const char *const *)e->contrasts;
    nce->contrast_count = e->contrast_count;
    if (texts->contrasts)
        nce->contrast_axes = e->contrast_count;
    return status;
}

lt_status ce_editor_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                         const struct ce_edit_texts *texts, const char *channels_path,
                         ce_channels_progress *progress, void *user, struct ce_editor **editor)
{
    *editor = NULL;
    struct ce_editor *e = calloc(1, sizeof *e);
    if (!e)
        return lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    e->models = models;
    e->settings = *settings;
    lt_status status = check_settings(models, settings);
    if (status == LT_OK)
        status = copy_texts(e, texts);
    if (status == LT_OK && settings->family != CE_FAMILY_MAPPER)
        status =
            ce_nce_texts_prepare(models, nce_of(&e->settings), e->source, e->target, &e->texts);
    if (status == LT_OK && settings->family == CE_FAMILY_CHANNELS)
        status = open_channels(e, channels_path, progress, user);
    if (status != LT_OK) {
        ce_editor_close(e);
        return status;
    }
    *editor = e;
    return LT_OK;
}

void ce_editor_close(struct ce_editor *editor)
{
    if (!editor)
        return;
    for (int i = 0; i < CE_SPACE_STYLES; i++)
        lt_release(editor->direction[i]);
    ce_channels_close(&editor->channels);
    ce_nce_texts_free(&editor->texts);
    for (int i = 0; i < editor->contrast_count; i++)
        free(editor->contrasts[i]);
    free(editor->source);
    free(editor->target);
    free(editor);
}

lt_status ce_editor_save_channels(const struct ce_editor *editor, const char *path)
{
    if (editor->settings.family != CE_FAMILY_CHANNELS)
        return LT_OK;
    return ce_channels_save(editor->models, &editor->channels, path);
}

int64_t ce_editor_steps(const struct ce_editor *editor, int64_t count)
{
    const struct ce_edit_settings *s = &editor->settings;
    const int64_t batch = s->mapper.train.batch < count ? s->mapper.train.batch : count;
    switch (s->family) {
    case CE_FAMILY_LATENT: return count * ce_latent_edit_steps(&s->latent, &editor->texts);
    case CE_FAMILY_MAPPER: return (count * s->mapper.steps + batch - 1) / batch;
    default: return count;
    }
}

static bool watch_on(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    const struct ce_editor *e = user;
    return !e->watch || e->watch(e->watch_user, e->steps_before + step, stage, terms);
}

/* Picture i, w (1,L,D). */
static lt_status edit_one(struct ce_editor *e, lt_tensor *w, float strength,
                          struct ce_edit_result *result)
{
    const struct ce_edit_settings *s = &e->settings;
    if (s->family == CE_FAMILY_LATENT)
        return ce_latent_edit_run(e->models, &s->latent, &e->texts, w, strength, watch_on, e,
                                  result);
    const lt_status status =
        ce_channels_edit(e->models, e->direction, w, s->channels.alpha * strength, result);
    if (status == LT_OK)
        watch_on(e, 1, NULL, &result->last);
    return status;
}

lt_status ce_editor_run(struct ce_editor *editor, lt_tensor *w, float strength,
                        ce_edit_watch *watch, void *user, struct ce_edit_result *results)
{
    struct ce_editor *e = editor;
    lt_ctx *ctx = e->models->ctx;
    if (!w)
        return lt_ctx_status(ctx);
    e->watch = watch;
    e->watch_user = user;
    e->steps_before = 0;
    const int64_t n = lt_dim(w, 0);
    memset(results, 0, (size_t)n * sizeof *results);
    if (e->settings.family == CE_FAMILY_MAPPER)
        return ce_mapper_edit_run(e->models, &e->settings.mapper, e->source, e->target, w, strength,
                                  watch_on, e, results);
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(ctx);
        e->steps_before = ce_editor_steps(e, i);
        status = edit_one(e, lt_contiguous(ctx, lt_slice(ctx, w, 0, i, 1)), strength, &results[i]);
        lt_scope_close(ctx, scope, NULL);
    }
    return status;
}
