#include "weights/training_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/training.h"

static const char *prefix_of(const struct training_state *s, int i)
{
    return s->prefix[i] ? s->prefix[i] : "";
}

/* Adds an optimiser to `file`, its tensors under the prefix. */
static lt_status store_optim(lt_ctx *ctx, const struct training_state *s, int i, lt_params *file)
{
    lt_params *part = NULL;
    lt_status status = lt_params_create(ctx, &part);
    if (status == LT_OK)
        status = lt_optim_store(ctx, s->optim[i], part);
    if (status == LT_OK)
        status = training_store(ctx, file, prefix_of(s, i), part);
    /* All optimisers have taken as many steps. */
    if (status == LT_OK && i == 0)
        status = lt_params_set_metadata(ctx, file, "optim.steps",
                                        lt_params_metadata(part, "optim.steps"));
    lt_params_free(part);
    return status;
}

/* Restores an optimiser from the tensors of `file` under the prefix and the step count in its
 * metadata. */
static lt_status restore_optim(lt_ctx *ctx, const struct training_state *s, int i,
                               const lt_params *file)
{
    lt_params *part = NULL;
    lt_status status = lt_params_create(ctx, &part);
    const char *prefix = prefix_of(s, i);
    const size_t skip = strlen(prefix);
    for (size_t k = 0; k < lt_params_count(file) && status == LT_OK; k++)
        if (strncmp(lt_params_name(file, k), prefix, skip) == 0)
            status =
                lt_params_add(ctx, part, lt_params_name(file, k) + skip, lt_params_at(file, k));
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, part, "optim.steps",
                                        lt_params_metadata(file, "optim.steps"));
    if (status == LT_OK)
        status = lt_optim_restore(ctx, s->optim[i], part);
    lt_params_free(part);
    return status;
}

lt_status training_save_state(lt_ctx *ctx, const struct training_state *s, const char *path)
{
    lt_params *file = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    char text[64];
    lt_status status = lt_params_create(ctx, &file);
    if (status == LT_OK)
        status = training_store(ctx, file, "params.", s->params);
    if (status == LT_OK && s->average)
        status = training_store(ctx, file, "average.", s->average);
    for (int i = 0; i < 2 && s->optim[i] && status == LT_OK; i++)
        status = store_optim(ctx, s, i, file);
    snprintf(text, sizeof text, "%lld", (long long)*s->step);
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, file, "step", text);
    snprintf(text, sizeof text, "%.17g", s->squared_error ? *s->squared_error : 0.0);
    if (status == LT_OK && s->squared_error)
        status = lt_params_set_metadata(ctx, file, "squared_error", text);
    if (status == LT_OK)
        status = lt_params_save(ctx, file, path, LT_F32);
    lt_params_free(file);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

lt_status training_load_state(lt_ctx *ctx, const struct training_state *s, const char *path)
{
    lt_params *file = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = lt_params_create(ctx, &file);
    if (status == LT_OK)
        status = lt_params_load(ctx, file, path, NULL);
    if (status == LT_OK)
        status = training_restore(ctx, s->params, "params.", file);
    if (status == LT_OK && s->average)
        status = training_restore(ctx, s->average, "average.", file);
    for (int i = 0; i < 2 && s->optim[i] && status == LT_OK; i++)
        status = restore_optim(ctx, s, i, file);
    if (status == LT_OK) {
        const char *step = lt_params_metadata(file, "step");
        const char *error = lt_params_metadata(file, "squared_error");
        *s->step = step ? strtoll(step, NULL, 10) : 0;
        if (s->squared_error)
            *s->squared_error = error ? strtod(error, NULL) : 0.0;
        fprintf(stderr, "continuing at step %lld\n", (long long)*s->step);
    }
    lt_params_free(file);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
