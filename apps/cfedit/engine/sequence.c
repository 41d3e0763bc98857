#include "engine/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/tape.h"

struct ce_sequence {
    lt_ctx *ctx;
    int count;
    struct ce_editor *editor[CE_SEQUENCE_MAX];
    float strength[CE_SEQUENCE_MAX];
    ce_edit_watch *watch;
    void *watch_user;
    bool stopped;         /* the watch asked to stop */
    int64_t steps_before; /* steps of the sentences that are finished */
};

/* Whether `count` sentences can follow each other. */
static lt_status check(lt_ctx *ctx, const struct ce_edit_settings *settings, int count)
{
    if (count < 1 || count > CE_SEQUENCE_MAX)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%d sentences, expected 1 to %d", count,
                       CE_SEQUENCE_MAX);
    if (count > 1 && !ce_edit_moves_latents(settings))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "an edit in StyleSpace has no latent from which another sentence could "
                       "start; give one sentence, or another method or space");
    return LT_OK;
}

lt_status ce_sequence_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                           const struct ce_edit_texts *texts, const float *strengths, int count,
                           const char *channels_path, ce_channels_progress *progress, void *user,
                           struct ce_sequence **sequence)
{
    *sequence = NULL;
    lt_status status = check(models->ctx, settings, count);
    if (status != LT_OK)
        return status;
    struct ce_sequence *s = calloc(1, sizeof *s);
    if (!s)
        return lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for an edit");
    s->ctx = models->ctx;
    for (; s->count < count && status == LT_OK; s->count++) {
        s->strength[s->count] = strengths[s->count];
        status = ce_editor_open(models, settings, &texts[s->count], channels_path, progress, user,
                                &s->editor[s->count]);
    }
    if (status != LT_OK) {
        ce_sequence_close(s);
        return status;
    }
    *sequence = s;
    return LT_OK;
}

void ce_sequence_close(struct ce_sequence *sequence)
{
    for (int i = 0; sequence && i < sequence->count; i++)
        ce_editor_close(sequence->editor[i]);
    free(sequence);
}

const struct ce_editor *ce_sequence_editor(const struct ce_sequence *sequence, int index)
{
    return sequence->editor[index];
}

int64_t ce_sequence_steps(const struct ce_sequence *sequence, int64_t count)
{
    int64_t steps = 0;
    for (int i = 0; i < sequence->count; i++)
        steps += ce_editor_steps(sequence->editor[i], count);
    return steps;
}

/* Tells the caller of a step, counted over all sentences. */
static bool watch_on(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    struct ce_sequence *s = user;
    s->stopped =
        s->watch && !s->watch(s->watch_user, s->steps_before + step, stage, terms) && !stage;
    return !s->stopped;
}

/* The latents (n,L,D) of n results. NULL on failure. */
static lt_tensor *latents_of(lt_ctx *ctx, const struct ce_edit_result *results, int64_t n)
{
    lt_tensor **part = calloc((size_t)n, sizeof(lt_tensor *));
    if (!part) {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for %lld latents", (long long)n);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        part[i] = results[i].latents;
    lt_no_grad_begin(ctx);
    lt_tensor *joined = lt_concat(ctx, (int)n, part, 0);
    lt_no_grad_end(ctx);
    free(part);
    return joined;
}

/* Edits n results by sentence `index`. `before` has room for n results, all zero before and
 * after. */
static lt_status edit_further(struct ce_sequence *s, int index, int64_t n,
                              struct ce_edit_result *before, struct ce_edit_result *results)
{
    const lt_scope scope = lt_scope_open(s->ctx);
    lt_tensor *w = latents_of(s->ctx, results, n);
    memcpy(before, results, (size_t)n * sizeof *before);
    memset(results, 0, (size_t)n * sizeof *results);
    const lt_status status =
        w ? ce_editor_run(s->editor[index], w, s->strength[index], watch_on, s, results)
          : lt_ctx_status(s->ctx);
    for (int64_t i = 0; i < n; i++)
        if (status == LT_OK)
            ce_edit_result_join(&before[i], &results[i]);
        else
            ce_edit_result_free(&before[i]);
    lt_scope_close(s->ctx, scope, NULL);
    return status;
}

lt_status ce_sequence_run(struct ce_sequence *sequence, lt_tensor *w, ce_edit_watch *watch,
                          void *user, struct ce_edit_result *results)
{
    struct ce_sequence *s = sequence;
    if (!w)
        return lt_ctx_status(s->ctx);
    const int64_t n = lt_dim(w, 0);
    s->watch = watch;
    s->watch_user = user;
    s->stopped = false;
    s->steps_before = 0;
    memset(results, 0, (size_t)n * sizeof *results);
    struct ce_edit_result *before = calloc((size_t)n, sizeof *before);
    if (!before)
        return lt_fail(s->ctx, LT_ERR_MEMORY, "out of memory for %lld edits", (long long)n);
    lt_status status = ce_editor_run(s->editor[0], w, s->strength[0], watch_on, s, results);
    for (int i = 1; i < s->count && status == LT_OK && !s->stopped; i++) {
        s->steps_before += ce_editor_steps(s->editor[i - 1], n);
        status = edit_further(s, i, n, before, results);
    }
    free(before);
    return status;
}
