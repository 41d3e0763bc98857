#include "engine/edit_result.h"

#include <stdlib.h>
#include <string.h>

lt_status ce_edit_result_set(lt_ctx *ctx, struct ce_edit_result *result, lt_tensor *w, lt_tensor *x,
                             lt_tensor *x_hat, lt_tensor *latents, lt_tensor *const *styles,
                             int count)
{
    if (!w || !x || !x_hat || !latents)
        return lt_ctx_status(ctx);
    result->w = lt_retain(w);
    result->x = lt_retain(x);
    result->x_hat = lt_retain(x_hat);
    result->latents = lt_retain(latents);
    if (!styles)
        return LT_OK;
    result->styles = calloc((size_t)count, sizeof(lt_tensor *));
    if (!result->styles)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the styles");
    for (int i = 0; i < count; i++)
        result->styles[i] = lt_retain(styles[i]);
    result->style_count = count;
    return LT_OK;
}

void ce_edit_result_free(struct ce_edit_result *result)
{
    lt_release(result->w);
    lt_release(result->x);
    lt_release(result->x_hat);
    lt_release(result->latents);
    for (int i = 0; i < result->style_count; i++)
        lt_release(result->styles[i]);
    free(result->styles);
    memset(result, 0, sizeof *result);
}

void ce_edit_result_join(struct ce_edit_result *before, struct ce_edit_result *result)
{
    lt_tensor *w = before->w, *x = before->x;
    before->w = result->w;
    before->x = result->x;
    result->w = w;
    result->x = x;
    result->first = before->first;
    result->seconds += before->seconds;
    ce_edit_result_free(before);
}
