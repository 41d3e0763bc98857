#include "engine/objective/source_cache.h"

#include <stdlib.h>

#include "autograd/ops.h"

struct ce_source_cache {
    const struct ce_objective *objective;
    lt_tensor *latents;    /* (N,L,D) */
    struct ce_source *row; /* [N], one picture each; w is NULL until the picture is known */
    int64_t drawn;
    size_t perc_left; /* bytes of VGG19 features that still fit */
};

lt_status ce_source_cache_create(const struct ce_objective *objective, lt_tensor *latents,
                                 size_t perc_bytes, struct ce_source_cache **out)
{
    lt_ctx *ctx = objective->models->ctx;
    *out = NULL;
    struct ce_source_cache *cache = calloc(1, sizeof *cache);
    struct ce_source *row = calloc((size_t)lt_dim(latents, 0) + 1, sizeof *row);
    if (!cache || !row) {
        free(cache);
        free(row);
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the features of %lld latents",
                       (long long)lt_dim(latents, 0));
    }
    *cache = (struct ce_source_cache){objective, lt_retain(latents), row, 0, perc_bytes};
    *out = cache;
    return LT_OK;
}

void ce_source_cache_free(struct ce_source_cache *cache)
{
    if (!cache)
        return;
    for (int64_t i = 0; i < lt_dim(cache->latents, 0); i++)
        ce_source_free(&cache->row[i]);
    lt_release(cache->latents);
    free(cache->row);
    free(cache);
}

int64_t ce_source_cache_drawn(const struct ce_source_cache *cache) { return cache->drawn; }

/* Makes row i of the cache complete, with VGG19 features if they are needed. */
static lt_status fill(struct ce_source_cache *cache, int64_t i)
{
    lt_ctx *ctx = cache->objective->models->ctx;
    struct ce_source *row = &cache->row[i];
    const bool needs_perc = cache->objective->config.perc_lambda > 0;
    if (row->w && (row->perc || !needs_perc))
        return LT_OK;
    ce_source_free(row);
    lt_tensor *w = lt_slice(ctx, cache->latents, 0, i, 1);
    const lt_status status = ce_source_prepare(cache->objective, w, row);
    if (status) {
        ce_source_free(row);
        return status;
    }
    lt_release(row->x);
    row->x = NULL;
    lt_release(row->w);
    row->w = lt_retain(w); /* a view of the latents, to save the copy */
    cache->drawn++;
    return LT_OK;
}

/* Counts the new VGG19 features of row i, or drops them if the limit is reached. */
static void settle(struct ce_source_cache *cache, int64_t i, bool was_kept)
{
    struct ce_source *row = &cache->row[i];
    if (!row->perc || was_kept)
        return;
    const size_t bytes = (size_t)lt_numel(row->perc) * sizeof(float);
    if (bytes <= cache->perc_left) {
        cache->perc_left -= bytes;
        return;
    }
    lt_release(row->perc);
    row->perc = NULL;
}

lt_status ce_source_cache_get(struct ce_source_cache *cache, const int64_t *index, int count,
                              struct ce_source *source)
{
    lt_ctx *ctx = cache->objective->models->ctx;
    *source = (struct ce_source){0};
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    for (int i = 0; i < count && status == LT_OK; i++) {
        const bool had_perc = cache->row[index[i]].perc != NULL;
        status = fill(cache, index[i]);
        if (status)
            break;
        status = ce_source_put(ctx, source, count, i, &cache->row[index[i]]);
        settle(cache, index[i], had_perc);
    }
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
