#include "text_features.h"

#include <stdlib.h>

#include "autograd/ops.h"

static lt_status check_text(lt_ctx *ctx, const char *text)
{
    if (!text)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "a text is missing");
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c > ' ')
            return LT_OK;
    return lt_fail(ctx, LT_ERR_ARGUMENT, "the text is empty; give it at least one word");
}

lt_tensor *ce_text_feature(const struct ce_models *models, const char *text)
{
    if (check_text(models->ctx, text))
        return NULL;
    return ce_models_embed_texts(models, &text, 1);
}

lt_tensor *ce_text_template_features(const struct ce_models *models, const char *text, int count)
{
    lt_ctx *ctx = models->ctx;
    if (check_text(ctx, text))
        return NULL;
    if (count < 1 || count > CE_TEMPLATES) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "ce_text_template_features: count is %d, expected 1..%d", count,
                CE_TEMPLATES);
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    char *filled[CE_TEMPLATES] = {0};
    lt_tensor *unit = NULL;
    for (int i = 0; i < count; i++) {
        filled[i] = ce_template_fill(ctx, i, text);
        if (!filled[i])
            goto done;
    }
    unit = lt_l2_normalize(ctx, ce_models_embed_texts(models, (const char *const *)filled, (size_t)count),
                           1e-12f);
done:
    for (int i = 0; i < count; i++)
        free(filled[i]);
    lt_no_grad_end(ctx);
    return lt_scope_close(ctx, scope, unit);
}
