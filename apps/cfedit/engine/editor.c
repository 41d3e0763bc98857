#include "engine/editor.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/sentence/contrasts.h"
#include "engine/sentence/wishes.h"
#include "engine/strength.h"
#include "engine/text.h"

/* The edit by one sentence. A target with several wishes is edited wish by wish. */
struct stage {
    struct ce_edit_job job; /* borrows from the other members and from the editor */
    char *target;
    char *contrasts[CE_NCE_MAX_CONTRASTS];
    void *state; /* made by family->open() */
};

struct ce_editor {
    struct ce_edit_settings settings;
    const struct ce_family_operations *family;
    char *source;
    struct stage stage[CE_WISHES_MAX];
    int stages;
    ce_edit_watch *watch;
    void *watch_user;
    bool stopped;         /* the watch asked to stop */
    int64_t steps_before; /* steps of the stages and pictures that are finished */
};

/* Puts the contrasts that are given, or made from the target, into the stage. */
static lt_status copy_contrasts(struct stage *stage, const struct ce_edit_texts *texts)
{
    lt_ctx *ctx = stage->job.models->ctx;
    struct ce_texts *to = &stage->job.texts;
    lt_status status = LT_OK;
    if (texts->contrast_count > CE_NCE_MAX_CONTRASTS)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%d contrasts, expected at most %d",
                       texts->contrast_count, CE_NCE_MAX_CONTRASTS);
    to->contrasts = (const char *const *)stage->contrasts;
    if (!texts->contrasts)
        return ce_contrasts_of(ctx, stage->job.models->concepts, stage->target, stage->contrasts,
                               &to->contrast_count, &to->contrast_axes);
    for (int i = 0; i < texts->contrast_count && status == LT_OK; i++) {
        stage->contrasts[i] = ce_copy(ctx, texts->contrasts[i]);
        status = lt_ctx_status(ctx);
    }
    to->contrast_count = to->contrast_axes = texts->contrast_count;
    return status;
}

/* Whether each wish can be granted by an edit of its own: the result of an edit must be a latent
 * from which the next one can start, and all wishes must be colours of known parts, each of which
 * leaves the rest of the picture as it is. */
static bool can_split(const struct ce_editor *e, const struct ce_edit_texts *texts,
                      const struct ce_sentence *sentence)
{
    bool apart = !e->family->shares_work;
    for (int i = 0; i < sentence->wish_count; i++)
        apart = apart && sentence->wish[i].part >= 0;
    return apart && sentence->wish_count > 1 && !texts->contrasts &&
           ce_edit_moves_latents(&e->settings) &&
           e->family->nce(&e->settings)->contrast_lambda > 0.0f;
}

/* Sets the targets of the stages: the target itself, or a sentence for each of its wishes. */
static lt_status set_targets(struct ce_editor *e, const struct ce_models *models,
                             const struct ce_edit_texts *texts)
{
    lt_ctx *ctx = models->ctx;
    struct ce_sentence sentence;
    lt_status status = ce_sentence_read(ctx, models->concepts, texts->target, &sentence);
    if (status == LT_OK && can_split(e, texts, &sentence)) {
        for (; e->stages < sentence.wish_count && status == LT_OK; e->stages++) {
            e->stage[e->stages].target = ce_wishes_told(ctx, models->concepts, &sentence, e->stages,
                                                        e->stages + 1, texts->source);
            status = lt_ctx_status(ctx);
        }
    } else if (status == LT_OK) {
        e->stage[e->stages++].target = ce_copy(ctx, texts->target);
        status = lt_ctx_status(ctx);
    }
    ce_sentence_free(&sentence);
    return status;
}

static lt_status open_stage(struct ce_editor *e, struct stage *stage,
                            const struct ce_edit_texts *texts)
{
    lt_status status = LT_OK;
    stage->job.texts.source = e->source;
    stage->job.texts.target = stage->target;
    if (e->family->nce(&e->settings)->contrast_lambda > 0.0f)
        status = copy_contrasts(stage, texts);
    if (status == LT_OK && e->family->open)
        status = e->family->open(&stage->job, &stage->state);
    /* The caller lends the path and the progress only while the editor is opened. */
    stage->job.channels_path = NULL;
    stage->job.progress = NULL;
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
    e->settings = *settings;
    e->family = ce_family_of(settings);
    lt_status status = ce_edit_check(models->ctx, settings, models);
    if (status == LT_OK) {
        e->source = ce_copy(models->ctx, texts->source);
        status = lt_ctx_status(models->ctx);
    }
    if (status == LT_OK)
        status = set_targets(e, models, texts);
    for (int i = 0; i < e->stages && status == LT_OK; i++) {
        e->stage[i].job = (struct ce_edit_job){.models = models,
                                               .settings = &e->settings,
                                               .channels_path = channels_path,
                                               .progress = progress,
                                               .progress_user = user};
        status = open_stage(e, &e->stage[i], texts);
    }
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
    for (int i = 0; i < CE_WISHES_MAX; i++) {
        struct stage *stage = &editor->stage[i];
        if (editor->family->close)
            editor->family->close(stage->state);
        for (int k = 0; k < CE_NCE_MAX_CONTRASTS; k++)
            free(stage->contrasts[k]);
        free(stage->target);
    }
    free(editor->source);
    free(editor);
}

lt_status ce_editor_save_channels(const struct ce_editor *editor, const char *path)
{
    const struct ce_family_operations *family = editor->family;
    const struct stage *first = &editor->stage[0];
    return family->save_channels ? family->save_channels(&first->job, first->state, path) : LT_OK;
}

static int64_t stage_steps(const struct ce_editor *e, int stage, int64_t count)
{
    return e->family->steps(&e->stage[stage].job, e->stage[stage].state, count);
}

int64_t ce_editor_steps(const struct ce_editor *editor, int64_t count)
{
    int64_t steps = 0;
    for (int i = 0; i < editor->stages; i++)
        steps += stage_steps(editor, i, count);
    return steps;
}

/* Tells the caller of a step, counted over all pictures. */
static bool watch_on(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    struct ce_editor *e = user;
    e->stopped =
        e->watch && !e->watch(e->watch_user, e->steps_before + step, stage, terms) && !stage;
    return !e->stopped;
}

/* Edits the pictures of w (n,L,D) by all stages; each starts from the latents of the one before. */
static lt_status run_stages(struct ce_editor *e, lt_tensor *w, struct ce_edit_result *results)
{
    lt_ctx *ctx = e->stage[0].job.models->ctx;
    const int64_t n = lt_dim(w, 0);
    lt_status status = e->family->run(&e->stage[0].job, e->stage[0].state, w, watch_on, e, results);
    for (int k = 1; k < e->stages && status == LT_OK && !e->stopped; k++) {
        /* A stage after the first edits one picture at a time: see can_split(). */
        e->steps_before += stage_steps(e, k - 1, n);
        struct ce_edit_result before = results[0];
        memset(results, 0, sizeof *results);
        lt_tensor *edited = lt_contiguous(ctx, before.latents);
        status = edited ? e->family->run(&e->stage[k].job, e->stage[k].state, edited, watch_on, e,
                                         results)
                        : lt_ctx_status(ctx);
        if (status == LT_OK)
            ce_edit_result_join(&before, results);
        else
            ce_edit_result_free(&before);
    }
    return status;
}

/* Draws the found edits of `count` pictures at another strength. */
static lt_status redraw(const struct ce_models *models, float strength, int64_t count,
                        struct ce_edit_result *results)
{
    lt_status status = LT_OK;
    for (int64_t i = 0; i < count && status == LT_OK && strength != 1.0f; i++) {
        struct ce_edit_result found = results[i];
        status = ce_strength_draw(models, &found, strength, &results[i]);
        ce_edit_result_free(&found);
    }
    return status;
}

lt_status ce_editor_run(struct ce_editor *editor, lt_tensor *w, float strength,
                        ce_edit_watch *watch, void *user, struct ce_edit_result *results)
{
    struct ce_editor *e = editor;
    lt_ctx *ctx = e->stage[0].job.models->ctx;
    if (!w)
        return lt_ctx_status(ctx);
    const int64_t n = lt_dim(w, 0), at_once = e->family->shares_work ? n : 1;
    memset(results, 0, (size_t)n * sizeof *results);
    e->watch = watch;
    e->watch_user = user;
    e->stopped = false;
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i += at_once) {
        const lt_scope scope = lt_scope_open(ctx);
        e->steps_before = ce_editor_steps(e, i);
        lt_tensor *some = lt_contiguous(ctx, lt_slice(ctx, w, 0, i, at_once));
        status = some ? run_stages(e, some, &results[i]) : lt_ctx_status(ctx);
        if (status == LT_OK)
            status = redraw(e->stage[0].job.models, strength, at_once, &results[i]);
        lt_scope_close(ctx, scope, NULL);
    }
    return status;
}
