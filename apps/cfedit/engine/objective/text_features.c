#include "engine/objective/text_features.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/text/tokenizer.h"

/* The words of a text (lt_text_words()), to be given to free(); NULL after a failure. */
static char *words_of(lt_ctx *ctx, const char *text)
{
    char *words = NULL;
    if (!text)
        lt_fail(ctx, LT_ERR_ARGUMENT, "a text is missing");
    else if (lt_text_words(ctx, text, strlen(text), &words) == LT_OK && !*words)
        lt_fail(ctx, LT_ERR_ARGUMENT, "the text is empty; give it at least one word");
    if (lt_ctx_status(ctx) == LT_OK)
        return words;
    free(words);
    return NULL;
}

lt_tensor *ce_text_feature(const struct ce_models *models, const char *text)
{
    char *words = words_of(models->ctx, text);
    lt_tensor *feature = words ? ce_models_embed_texts(models, &(const char *){words}, 1) : NULL;
    free(words);
    return feature;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Unit features (count, n, D) of the first `count` templates, each filled with the words of every
 * text: a blank at the end of a text would otherwise split "lips ." from the full stop of a
 * template. Texts in one template are neighbours, because CLIP reads a common beginning once. */
static lt_tensor *unit_features(const struct ce_models *models, const char *const *texts, size_t n,
                                int count)
{
    lt_ctx *ctx = models->ctx;
    if (count < 1 || count > CE_TEMPLATES) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "text features: %d templates, expected 1..%d", count,
                CE_TEMPLATES);
        return NULL;
    }
    const size_t all = n * (size_t)count;
    char **words = calloc(n + 1, sizeof *words), **filled = calloc(all + 1, sizeof *filled);
    bool good = words && filled;
    if (!good)
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for %zu sentences", all);
    for (size_t i = 0; good && i < n; i++)
        good = (words[i] = words_of(ctx, texts[i])) != NULL;
    for (size_t i = 0; good && i < all; i++)
        good = (filled[i] = ce_template_fill(ctx, (int)(i / n), words[i % n])) != NULL;
    free_texts(words, n);
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
