#include "engine/editor.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/contrasts.h"
#include "engine/text.h"

struct ce_editor {
    struct ce_edit_settings settings;
    const struct ce_family_operations *family;
    struct ce_edit_job job; /* borrows from the other members */
    char *source, *target;
    char *contrasts[CE_NCE_MAX_CONTRASTS];
    void *state; /* made by family->open() */
    ce_edit_watch *watch;
    void *watch_user;
    int64_t steps_before; /* steps of the pictures that are finished */
};

/* Puts the contrasts that are given, or made from the target, into e->contrasts and the job. */
static lt_status copy_contrasts(struct ce_editor *e, const struct ce_edit_texts *texts)
{
    lt_ctx *ctx = e->job.models->ctx;
    struct ce_texts *to = &e->job.texts;
    lt_status status = LT_OK;
    if (texts->contrast_count > CE_NCE_MAX_CONTRASTS)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%d contrasts, expected at most %d",
                       texts->contrast_count, CE_NCE_MAX_CONTRASTS);
    to->contrasts = (const char *const *)e->contrasts;
    if (!texts->contrasts)
        return ce_contrasts_of(ctx, texts->target, e->contrasts, &to->contrast_count,
                               &to->contrast_axes);
    for (int i = 0; i < texts->contrast_count && status == LT_OK; i++) {
        e->contrasts[i] = ce_copy(ctx, texts->contrasts[i]);
        status = lt_ctx_status(ctx);
    }
    to->contrast_count = to->contrast_axes = texts->contrast_count;
    return status;
}

static lt_status copy_texts(struct ce_editor *e, const struct ce_edit_texts *texts)
{
    lt_ctx *ctx = e->job.models->ctx;
    e->job.texts.source = e->source = ce_copy(ctx, texts->source);
    e->job.texts.target = e->target = ce_copy(ctx, texts->target);
    if (!e->source || !e->target)
        return lt_ctx_status(ctx);
    return e->family->nce(&e->settings)->contrast_lambda > 0.0f ? copy_contrasts(e, texts) : LT_OK;
}

lt_status ce_editor_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                         const struct ce_edit_texts *texts, const char *channels_path,
                         ce_channels_progress *progress, void *user, struct ce_editor **editor)
{
    *editor = NULL;
    struct ce_editor *e = calloc(1, sizeof *e);
    if (!e)
        return lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    e->settings = *settings;
    e->family = ce_family_of(settings);
    e->job = (struct ce_edit_job){.models = models,
                                  .settings = &e->settings,
                                  .channels_path = channels_path,
                                  .progress = progress,
                                  .progress_user = user};
    lt_status status = ce_edit_check(models->ctx, settings, models);
    if (status == LT_OK)
        status = copy_texts(e, texts);
    if (status == LT_OK && e->family->open)
        status = e->family->open(&e->job, &e->state);
    /* The caller lends the path and the progress only while the editor is opened. */
    e->job.channels_path = NULL;
    e->job.progress = NULL;
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
    if (editor->family->close)
        editor->family->close(editor->state);
    for (int i = 0; i < CE_NCE_MAX_CONTRASTS; i++)
        free(editor->contrasts[i]);
    free(editor->source);
    free(editor->target);
    free(editor);
}

lt_status ce_editor_save_channels(const struct ce_editor *editor, const char *path)
{
    const struct ce_family_operations *family = editor->family;
    return family->save_channels ? family->save_channels(&editor->job, editor->state, path) : LT_OK;
}

int64_t ce_editor_steps(const struct ce_editor *editor, int64_t count)
{
    return editor->family->steps(&editor->job, editor->state, count);
}

/* Tells the caller of a step, counted over all pictures. */
static bool watch_on(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    const struct ce_editor *e = user;
    return !e->watch || e->watch(e->watch_user, e->steps_before + step, stage, terms);
}

lt_status ce_editor_run(struct ce_editor *editor, lt_tensor *w, float strength,
                        ce_edit_watch *watch, void *user, struct ce_edit_result *results)
{
    struct ce_editor *e = editor;
    lt_ctx *ctx = e->job.models->ctx;
    if (!w)
        return lt_ctx_status(ctx);
    const int64_t n = lt_dim(w, 0), at_once = e->family->shares_work ? n : 1;
    memset(results, 0, (size_t)n * sizeof *results);
    e->watch = watch;
    e->watch_user = user;
    e->steps_before = 0;
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i += at_once) {
        const lt_scope scope = lt_scope_open(ctx);
        e->steps_before = ce_editor_steps(e, i);
        lt_tensor *some = lt_contiguous(ctx, lt_slice(ctx, w, 0, i, at_once));
        status = some ? e->family->run(&e->job, e->state, some, strength, watch_on, e, &results[i])
                      : lt_ctx_status(ctx);
        lt_scope_close(ctx, scope, NULL);
    }
    return status;
}
