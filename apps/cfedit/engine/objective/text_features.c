#include "engine/objective/text_features.h"

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

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Unit features (count, n, D) of the first `count` templates, each filled with every text. Texts in
 * the same template are neighbours, because CLIP reads a common beginning once. */
static lt_tensor *unit_features(const struct ce_models *models, const char *const *texts, size_t n,
                                int count)
{
    lt_ctx *ctx = models->ctx;
    for (size_t k = 0; k < n; k++)
        if (check_text(ctx, texts[k]))
            return NULL;
    if (count < 1 || count > CE_TEMPLATES) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "text features: %d templates, expected 1..%d", count,
                CE_TEMPLATES);
        return NULL;
    }
    const size_t all = n * (size_t)count;
    char **filled = calloc(all + 1, sizeof *filled);
    bool good = filled != NULL;
    if (!filled)
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for %zu sentences", all);
    for (size_t i = 0; good && i < all; i++)
        good = (filled[i] = ce_template_fill(ctx, (int)(i / n), texts[i % n])) != NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *unit =
        good ? lt_l2_normalize(ctx, ce_models_embed_texts(models, (const char *const *)filled, all),
                               1e-12f)
             : NULL;
    if (unit)
        unit = lt_reshape(ctx, unit, 3, (int64_t[]){count, (int64_t)n, lt_dim(unit, 1)});
    lt_no_grad_end(ctx);
    free_texts(filled, all);
    return lt_scope_close(ctx, scope, unit);
}

lt_tensor *ce_text_template_features(const struct ce_models *models, const char *text, int count)
{
    const lt_scope scope = lt_scope_open(models->ctx);
    lt_tensor *unit = unit_features(models, &text, 1, count);
    if (unit)
        unit = lt_reshape(models->ctx, unit, 2, (int64_t[]){count, lt_dim(unit, 2)});
    return lt_scope_close(models->ctx, scope, unit);
}

lt_tensor *ce_text_template_means(const struct ce_models *models, const char *const *texts, int n,
                                  int count)
{
    const lt_scope scope = lt_scope_open(models->ctx);
    lt_tensor *unit = unit_features(models, texts, (size_t)n, count);
    return lt_scope_close(models->ctx, scope, unit ? lt_mean(models->ctx, unit, 1u, false) : NULL);
}
