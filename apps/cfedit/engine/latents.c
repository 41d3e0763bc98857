#define _POSIX_C_SOURCE 200809L /* access */
#include "engine/latents.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/tape.h"
#include "engine/kinds.h"
#include "engine/text.h"
#include "tensor/files/numpy.h"
#include "tensor/rng.h"

static lt_tensor *misshapen(lt_ctx *ctx, const char *path, const char *name, const lt_tensor *t,
                            const char *expected)
{
    char shape[96];
    lt_fail(ctx, LT_ERR_SHAPE, "%s: tensor %s is %s, expected %s", path, name,
            lt_shape_string(t, shape, sizeof shape), expected);
    return NULL;
}

/* Turns all latents of a file into W+. */
static lt_tensor *fit(const struct ce_models *models, const char *path, lt_tensor *t)
{
    lt_ctx *ctx = models->ctx;
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

/* Splits "FILE:I" into *path, to be given to free(), and *index. *one is false if the whole text is
 * the name of a file. */
static lt_status split_selection(lt_ctx *ctx, const char *selection, char **path, int64_t *index,
                                 bool *one)
{
    const char *colon = strrchr(selection, ':');
    *one = colon && colon != selection && ce_parse_int(colon + 1, index) &&
           access(selection, F_OK) != 0;
    *path = *one ? ce_format(ctx, "%.*s", (int)(colon - selection), selection)
                 : ce_copy(ctx, selection);
    return *path ? LT_OK : LT_ERR_MEMORY;
}

/* Row `index` of t (N,...) as (1,...), a view. */
static lt_tensor *row_of(lt_ctx *ctx, const char *path, lt_tensor *t, int64_t index)
{
    const int64_t n = lt_dim(t, 0);
    int64_t shape[LT_MAX_DIMS];
    if (index < 0 || index >= n) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "%s: there is no latent %lld, the file has %lld (from 0 on)",
                path, (long long)index, (long long)n);
        return NULL;
    }
    memcpy(shape, lt_shape(t), (size_t)lt_ndim(t) * sizeof shape[0]);
    shape[0] = 1;
    return lt_view(ctx, t, lt_ndim(t), shape, lt_strides(t), index * lt_strides(t)[0]);
}

/* What the latents of a file are, told from their shape; *t becomes (N,L,D) or (N,D), a view. */
static enum ce_latents_form form_of(const struct ce_models *models, bool w_space, lt_tensor **t)
{
    const int64_t layers = lt_stylegan2_latents(models->generator), *shape = lt_shape(*t),
                  *stride = lt_strides(*t);
    const int ndim = lt_ndim(*t);
    if (ndim == 3 && shape[1] == 1 && layers > 1) {
        *t = lt_view(models->ctx, *t, 2, (int64_t[]){shape[0], shape[2]},
                     (int64_t[]){stride[0], stride[2]}, 0);
        return CE_LATENTS_W;
    }
    if (ndim == 2 && shape[0] == layers && !w_space) {
        *t = lt_view(models->ctx, *t, 3, (int64_t[]){1, shape[0], shape[1]},
                     (int64_t[]){shape[0] * stride[0], stride[0], stride[1]}, 0);
        return CE_LATENTS_ONE_WPLUS;
    }
    return ndim == 2 ? CE_LATENTS_W : CE_LATENTS_WPLUS;
}

/* The latents of a file as they are stored: of a safetensors file, or of one that NumPy wrote. The
 * names in an archive are those of published projections: NVIDIA's `w`, pSp's and e4e's others. */
static lt_tensor *read_latents(lt_ctx *ctx, const char *path)
{
    static const char *const names[] = {"latents", "w_plus", "wplus", "w", "latent", "codes"};
    if (!lt_numpy_is(path))
        return ce_kind_read(ctx, path, CE_KIND_LATENTS, "latents");
    lt_tensor *t = lt_numpy_read(ctx, path, names, sizeof names / sizeof *names);
    if (t && lt_check_finite(ctx, t, "latents") != LT_OK) {
        ce_blame_file(ctx, path);
        return NULL;
    }
    return t;
}

lt_tensor *ce_latents_view_file(const struct ce_models *models, const char *selection, bool w_space,
                                enum ce_latents_form *form)
{
    lt_ctx *ctx = models->ctx;
    char *path = NULL;
    int64_t index = 0;
    bool one = false;
    if (split_selection(ctx, selection, &path, &index, &one) != LT_OK)
        return NULL;
    lt_tensor *t = read_latents(ctx, path);
    if (t)
        *form = form_of(models, w_space, &t);
    if (t && one)
        t = row_of(ctx, path, t, index);
    if (t)
        t = fit(models, path, t);
    free(path);
    return t;
}

lt_tensor *ce_latents_from_file(const struct ce_models *models, const char *selection, bool w_space,
                                enum ce_latents_form *form)
{
    lt_tensor *t = ce_latents_view_file(models, selection, w_space, form);
    return t ? lt_clone(models->ctx, t) : NULL;
}

lt_tensor *ce_latents_from_z(const struct ce_models *models, lt_tensor *z, double truncation)
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

lt_tensor *ce_latents_read_z(const struct ce_models *models, const char *path)
{
    lt_ctx *ctx = models->ctx;
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
    return z;
}

lt_tensor *ce_latents_from_seeds(const struct ce_models *models, const int64_t *seeds, size_t count,
                                 double truncation)
{
    lt_ctx *ctx = models->ctx;
    const int64_t width = lt_stylegan2_describe(models->generator)->z_dim;
    lt_tensor *z = lt_empty(ctx, LT_F32, 2, (int64_t[]){(int64_t)count, width});
    if (!z)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        lt_rng rng = lt_rng_make((uint64_t)seeds[i], 0);
        for (int64_t j = 0; j < width; j++)
            lt_f32(z)[(int64_t)i * width + j] = lt_rng_normal(&rng);
    }
    return ce_latents_from_z(models, z, truncation);
}
