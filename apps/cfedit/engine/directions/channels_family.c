/* The family of methods that move all pictures along one direction in StyleSpace. */
#include <stdlib.h>

#include "engine/family.h"

struct state {
    struct ce_channels channels;
    lt_tensor *direction[CE_SPACE_STYLES]; /* of the sentence; retained */
};

static unsigned needs(const struct ce_edit_settings *settings)
{
    (void)settings;
    return CE_NEED_GENERATOR | CE_NEED_TEXT;
}

static const struct ce_nce_config *nce(const struct ce_edit_settings *settings)
{
    return &settings->channels.nce;
}

/* Reads the channels' effects, or measures them where no file is named. */
static lt_status open_channels(const struct ce_edit_job *job, struct ce_channels *channels)
{
    if (job->channels_path)
        return ce_channels_load(job->models, job->channels_path, channels);
    return ce_channels_measure(job->models, &job->settings->channels.measure, job->progress,
                               job->progress_user, channels);
}

/* The direction of the sentence whose unit text direction is `text` (1,D). */
static lt_status find_direction(const struct ce_edit_job *job, struct state *s, lt_tensor *text)
{
    lt_ctx *ctx = job->models->ctx;
    lt_tensor *direction[CE_SPACE_STYLES] = {NULL};
    const lt_scope scope = lt_scope_open(ctx);
    const lt_status status = ce_channels_direction(job->models, &s->channels, text,
                                                   job->settings->channels.beta, direction, NULL);
    for (int i = 0; i < s->channels.styles && status == LT_OK; i++)
        s->direction[i] = lt_retain(direction[i]);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_status open_direction(const struct ce_edit_job *job, void **out)
{
    struct state *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return lt_fail(job->models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    struct ce_nce_texts texts;
    lt_status status = ce_nce_texts_prepare(job->models, nce(job->settings), &job->texts, &texts);
    if (status == LT_OK)
        status = open_channels(job, &s->channels);
    if (status == LT_OK)
        status = find_direction(job, s, texts.direction);
    ce_nce_texts_free(&texts);
    return status;
}

static void close_direction(void *state)
{
    struct state *s = state;
    for (int i = 0; s && i < CE_SPACE_STYLES; i++)
        lt_release(s->direction[i]);
    if (s)
        ce_channels_close(&s->channels);
    free(s);
}

/* One picture, one step. */
static int64_t steps(const struct ce_edit_job *job, const void *state, int64_t count)
{
    (void)job;
    (void)state;
    return count;
}

static lt_status run(const struct ce_edit_job *job, void *state, lt_tensor *w, ce_edit_watch *watch,
                     void *user, struct ce_edit_result *results)
{
    const struct state *s = state;
    const lt_status status =
        ce_channels_edit(job->models, s->direction, w, job->settings->channels.alpha, results);
    if (status == LT_OK)
        watch(user, 1, NULL, &results->last);
    return status;
}

static lt_status save_channels(const struct ce_edit_job *job, const void *state, const char *path)
{
    const struct state *s = state;
    return ce_channels_save(job->models, &s->channels, path);
}

const struct ce_family_operations ce_channels_family = {
    .reads_channels = true,
    .needs = needs,
    .nce = nce,
    .open = open_direction,
    .close = close_direction,
    .steps = steps,
    .run = run,
    .save_channels = save_channels,
};
