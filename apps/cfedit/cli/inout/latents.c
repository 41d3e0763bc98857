#define _POSIX_C_SOURCE 200809L /* access */
#include "cli/inout/latents.h"

#include <string.h>
#include <unistd.h>

#include "autograd/tape.h"
#include "engine/kinds.h"
#include "cli/options.h"
#include "tensor/rng.h"

#define MOST_SEEDS 1000000

static lt_tensor *misshapen(lt_ctx *ctx, const char *path, const char *name, const lt_tensor *t,
                            const char *expected)
{
    char shape[96];
    lt_fail(ctx, LT_ERR_SHAPE, "%s: tensor %s is %s, expected %s", path, name,
            lt_shape_string(t, shape, sizeof shape), expected);
    return NULL;
}

/* Latents of a file as W+ of all its rows. */
static lt_tensor *fit(struct ce_run *run, const struct ce_models *models, const char *path,
                      lt_tensor *t)
{
    lt_ctx *ctx = run->ctx;
    const int64_t layers = lt_stylegan2_latents(models->generator);
    const int64_t width = lt_stylegan2_describe(models->generator)->style_dim;
    const int ndim = lt_ndim(t);
    if ((ndim != 2 && ndim != 3) || lt_dim(t, 0) < 1)
        return misshapen(ctx, path, "latents", t, "(N, L, D) or (N, D) with N of 1 or more");
    if (lt_dim(t, -1) != width) {
        lt_fail(ctx, LT_ERR_SHAPE,
                "%s: the latents have %lld numbers a layer, but the generator's have %lld; they "
                "belong to another generator",
                path, (long long)lt_dim(t, -1), (long long)width);
        return NULL;
    }
    if (ndim == 3 && lt_dim(t, 1) != layers) {
        lt_fail(ctx, LT_ERR_SHAPE,
                "%s: the latents have %lld layers, but the generator (%d pixels) has %lld; they "
                "belong to a generator of another size",
                path, (long long)lt_dim(t, 1), lt_stylegan2_describe(models->generator)->size,
                (long long)layers);
        return NULL;
    }
    return ndim == 3 ? t : lt_stylegan2_broadcast(ctx, models->generator, t);
}

/* "FILE:i" into its parts; false where the whole is a file's name. */
static bool split_selection(struct ce_run *run, const char *selection, const char **path,
                            int64_t *index)
{
    const char *colon = strrchr(selection, ':');
    *path = selection;
    if (!colon || colon == selection || !ce_parse_int(colon + 1, index) ||
        access(selection, F_OK) == 0)
        return false;
    *path = ce_text(run, "%.*s", (int)(colon - selection), selection);
    return *path != NULL;
}

lt_tensor *ce_latents_from_file(struct ce_run *run, const struct ce_models *models,
                                const char *selection)
{
    lt_ctx *ctx = run->ctx;
    const char *path;
    int64_t index = -1;
    const bool one = split_selection(run, selection, &path, &index);
    lt_tensor *t = ce_kind_read(ctx, path, CE_KIND_LATENTS, "latents");
    if (!t)
        return NULL;
    if (one) {
        const int64_t n = lt_dim(t, 0);
        if (index < 0 || index >= n) {
            lt_fail(ctx, LT_ERR_ARGUMENT,
                    "%s: there is no latent %lld, the file has %lld (from 0 on)", path,
                    (long long)index, (long long)n);
            return NULL;
        }
        int64_t shape[LT_MAX_DIMS];
        memcpy(shape, lt_shape(t), (size_t)lt_ndim(t) * sizeof shape[0]);
        shape[0] = 1;
        t = lt_view(ctx, t, lt_ndim(t), shape, lt_strides(t), index * lt_strides(t)[0]);
    }
    t = t ? fit(run, models, path, t) : NULL;
    return t ? lt_clone(ctx, t) : NULL;
}

/* z (N,Z) -> W+. */
static lt_tensor *map(const struct ce_models *models, lt_tensor *z, double truncation)
{
    lt_ctx *ctx = models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *w = z ? lt_stylegan2_mapping(ctx, models->generator, z) : NULL;
    if (w && !(w = lt_stylegan2_truncate(ctx, models->generator, w, (float)truncation)))
        ce_blame_file(ctx, models->generator_path);
    if (w)
        w = lt_stylegan2_broadcast(ctx, models->generator, w);
    if (w)
        w = lt_clone(ctx, w);
    lt_no_grad_end(ctx);
    return lt_scope_close(ctx, scope, w);
}

lt_tensor *ce_latents_from_z(struct ce_run *run, const struct ce_models *models, const char *path,
                             double truncation)
{
    lt_ctx *ctx = run->ctx;
    const int64_t width = lt_stylegan2_describe(models->generator)->z_dim;
    lt_tensor *z = ce_kind_read(ctx, path, CE_KIND_Z, "z");
    if (!z)
        return NULL;
    if (lt_ndim(z) != 2 || lt_dim(z, 0) < 1)
        return misshapen(ctx, path, "z", z, "(N, Z) with N of 1 or more");
    if (lt_dim(z, 1) != width) {
        lt_fail(ctx, LT_ERR_SHAPE, "%s: each z has %lld numbers, but the generator takes %lld",
                path, (long long)lt_dim(z, 1), (long long)width);
        return NULL;
    }
    return map(models, z, truncation);
}

lt_tensor *ce_latents_from_seeds(struct ce_run *run, const struct ce_models *models,
                                 const int64_t *seeds, size_t count, double truncation)
{
    lt_ctx *ctx = run->ctx;
    const int64_t width = lt_stylegan2_describe(models->generator)->z_dim;
    lt_tensor *z = lt_empty(ctx, LT_F32, 2, (int64_t[]){(int64_t)count, width});
    if (!z)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        lt_rng rng = lt_rng_make((uint64_t)seeds[i], 0);
        for (int64_t j = 0; j < width; j++)
            lt_f32(z)[(int64_t)i * width + j] = lt_rng_normal(&rng);
    }
    return map(models, z, truncation);
}

/* One seed or "A-B" at *text, which is moved behind it. */
static bool parse_range(const char **text, int64_t *first, int64_t *last)
{
    char part[64];
    const size_t length = strcspn(*text, ",");
    if (length >= sizeof part)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length;
    char *dash = strchr(part, '-');
    if (dash)
        *dash = '\0';
    if (part[0] == '+' || !ce_parse_int(part, first))
        return false;
    *last = *first;
    if (dash && (dash[1] == '+' || dash[1] == '-' || !ce_parse_int(dash + 1, last)))
        return false;
    return *first >= 0 && *last >= *first;
}

bool ce_seeds_parse(struct ce_run *run, const char *text, int64_t **seeds, size_t *count)
{
    int64_t first, last;
    size_t total = 0;
    for (const char *at = text;; at++) {
        if (!parse_range(&at, &first, &last) || last - first >= MOST_SEEDS)
            return false;
        total += (size_t)(last - first) + 1;
        if (total > MOST_SEEDS)
            return false;
        if (!*at)
            break;
    }
    *seeds = ce_alloc(run, total, sizeof **seeds);
    if (!*seeds)
        return false;
    *count = 0;
    for (const char *at = text;; at++) {
        parse_range(&at, &first, &last);
        for (int64_t s = first; s <= last; s++)
            (*seeds)[(*count)++] = s;
        if (!*at)
            break;
    }
    return true;
}
