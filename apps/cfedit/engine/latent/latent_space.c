#include "engine/latent/latent_space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"

enum { STATISTICS_FACES = 512 };

int ce_first_layer(const struct ce_models *models, int wanted)
{
    const char *told = lt_params_metadata(models->generator_params, "edit_first_layer");
    return wanted >= 0 ? wanted : told ? atoi(told) : 0;
}

bool ce_latent_space_moves(const struct ce_latent_space *space, int layer)
{
    return layer >= space->first_layer && layer <= space->config.last_layer;
}

lt_tensor *ce_random_faces(const struct ce_models *models, int64_t count, uint64_t seed)
{
    lt_rng rng = lt_rng_make(seed, 0);
    lt_tensor *z = lt_zeros(models->ctx, 2,
                            (int64_t[]){count, lt_stylegan2_describe(models->generator)->z_dim});
    if (z && lt_fill_normal(models->ctx, z, &rng, 0.0f, 1.0f) != LT_OK)
        return NULL;
    return z ? lt_stylegan2_mapping(models->ctx, models->generator, z) : NULL;
}

/* w (STATISTICS_FACES, D). */
static lt_tensor *random_faces(const struct ce_models *models)
{
    return ce_random_faces(models, STATISTICS_FACES, 0x57796c65);
}

lt_status ce_style_deviations(const struct ce_models *models, lt_tensor **out)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    const int count = lt_stylegan2_styles_count(g);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *styles[CE_SPACE_STYLES] = {NULL};
    lt_no_grad_begin(ctx);
    lt_status status =
        lt_stylegan2_styles(ctx, g, lt_stylegan2_broadcast(ctx, g, random_faces(models)), styles);
    for (int i = 0; i < count && status == LT_OK; i++) {
        lt_tensor *mean = lt_mean(ctx, styles[i], 1u, true);
        out[i] = lt_sqrt(ctx, lt_mean(ctx, lt_square(ctx, lt_sub(ctx, styles[i], mean)), 1u, true));
        status = out[i] ? LT_OK : lt_ctx_status(ctx);
    }
    lt_no_grad_end(ctx);
    lt_scope_close_keep(ctx, scope, out, status == LT_OK ? (size_t)count : 0);
    return status;
}

/* StyleSpace: fills unit[] with the channels' deviations, and 0 for channels that may not move. */
static lt_status measure_styles(struct ce_latent_space *s)
{
    lt_ctx *ctx = s->models->ctx;
    const lt_stylegan2 *g = s->models->generator;
    lt_tensor *deviation[CE_SPACE_STYLES];
    lt_status status = ce_style_deviations(s->models, deviation);
    for (int i = 0; i < s->count && status == LT_OK; i++) {
        const bool moves = ce_latent_space_moves(s, lt_stylegan2_style_layer(g, i)) &&
                           (s->config.edit_rgb || !lt_stylegan2_style_is_rgb(g, i));
        s->unit[i] = lt_retain(lt_affine(ctx, deviation[i], moves ? 1.0f : 0.0f, 0.0f));
        status = s->unit[i] ? LT_OK : lt_ctx_status(ctx);
    }
    return status;
}

/* W+: fills unit[0] with 1 for layers that may move and 0 for the others. */
static lt_status mark_layers(struct ce_latent_space *s)
{
    const int64_t layers = lt_dim(s->base[0], 1);
    s->unit[0] = lt_retain(lt_zeros(s->models->ctx, 3, (int64_t[]){1, layers, 1}));
    for (int64_t l = 0; s->unit[0] && l < layers; l++)
        lt_f32(s->unit[0])[l] = ce_latent_space_moves(s, (int)l) ? 1.0f : 0.0f;
    return s->unit[0] ? LT_OK : lt_ctx_status(s->models->ctx);
}

/* The faces space: fills `faces` with the centred w of random faces, divided by sqrt(N). */
static lt_status measure_faces(struct ce_latent_space *s)
{
    lt_ctx *ctx = s->models->ctx;
    lt_tensor *w = random_faces(s->models);
    lt_tensor *centred = lt_sub(ctx, w, lt_mean(ctx, w, 1u, true));
    s->faces = lt_retain(lt_affine(ctx, centred, 1.0f / sqrtf((float)STATISTICS_FACES), 0.0f));
    return s->faces ? LT_OK : lt_ctx_status(ctx);
}

static lt_status add_delta(struct ce_latent_space *s, int i)
{
    lt_ctx *ctx = s->models->ctx;
    const lt_tensor *base = s->base[i];
    const int64_t faces[3] = {1, s->config.shared_layers ? 1 : lt_dim(base, 1), STATISTICS_FACES};
    char name[32];
    snprintf(name, sizeof name, "delta.%d", i);
    lt_tensor *delta = lt_zeros(ctx, lt_ndim(base), s->faces ? faces : lt_shape(base));
    return delta ? lt_params_add(ctx, s->deltas, name, delta) : lt_ctx_status(ctx);
}

/* Computes the code of the picture and the units of its deltas. */
static lt_status measure(struct ce_latent_space *s, lt_tensor *w)
{
    lt_ctx *ctx = s->models->ctx;
    const bool style = s->config.space == CE_SPACE_STYLE;
    lt_tensor *code[CE_SPACE_STYLES] = {w};
    lt_status status = style ? lt_stylegan2_styles(ctx, s->models->generator, w, code) : LT_OK;
    for (int i = 0; i < s->count && status == LT_OK; i++)
        s->base[i] = lt_retain(code[i]);
    if (status == LT_OK)
        status = style ? measure_styles(s) : mark_layers(s);
    if (status == LT_OK && s->config.space == CE_SPACE_FACES)
        status = measure_faces(s);
    return status;
}

lt_status ce_latent_space_open(const struct ce_models *models, const struct ce_space_config *config,
                               lt_tensor *w, struct ce_latent_space *space)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    *space = (struct ce_latent_space){.models = models,
                                      .config = *config,
                                      .first_layer = ce_first_layer(models, config->first_layer)};
    if (!w)
        return lt_ctx_status(ctx);
    if (lt_ndim(w) != 3 || lt_dim(w, 0) != 1 || lt_dim(w, 1) != lt_stylegan2_latents(g)) {
        char s[80];
        return lt_fail(ctx, LT_ERR_SHAPE, "edit: latent is %s, expected (1, %d, %d)",
                       lt_shape_string(w, s, sizeof s), lt_stylegan2_latents(g),
                       lt_stylegan2_describe(g)->style_dim);
    }
    if (lt_stylegan2_styles_count(g) > CE_SPACE_STYLES)
        return lt_fail(ctx, LT_ERR_UNSUPPORTED,
                       "edit: the generator has more than %d modulated convolutions",
                       CE_SPACE_STYLES);
    space->count = config->space == CE_SPACE_STYLE ? lt_stylegan2_styles_count(g) : 1;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_status status = measure(space, w);
    lt_no_grad_end(ctx);
    if (status == LT_OK)
        status = lt_params_create(ctx, &space->deltas);
    for (int i = 0; i < space->count && status == LT_OK; i++)
        status = add_delta(space, i);
    if (status == LT_OK)
        status = lt_params_require_grad(ctx, space->deltas, NULL, true);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

void ce_latent_space_close(struct ce_latent_space *space)
{
    lt_params_free(space->deltas);
    for (int i = 0; i < space->count; i++) {
        lt_release(space->base[i]);
        lt_release(space->unit[i]);
    }
    lt_release(space->faces);
    memset(space, 0, sizeof *space);
}

lt_status ce_latent_space_code(const struct ce_latent_space *space, float strength, lt_tensor **out)
{
    lt_ctx *ctx = space->models->ctx;
    for (int i = 0; i < space->count; i++) {
        lt_tensor *delta = lt_affine(ctx, lt_params_at(space->deltas, (size_t)i), strength, 0.0f);
        if (space->faces)
            delta = lt_matmul(ctx, delta, space->faces, false, false);
        out[i] = lt_add(ctx, space->base[i], lt_mul(ctx, delta, space->unit[i]));
        if (!out[i])
            return lt_ctx_status(ctx);
    }
    return LT_OK;
}

lt_tensor *ce_latent_space_draw(const struct ce_latent_space *space, lt_tensor *const *code,
                                int size)
{
    lt_ctx *ctx = space->models->ctx;
    const lt_stylegan2 *g = space->models->generator;
    return space->config.space == CE_SPACE_STYLE
               ? lt_stylegan2_synthesis_styles_at(ctx, g, code, size)
               : lt_stylegan2_synthesis_at(ctx, g, code[0], size);
}

lt_tensor *ce_latent_space_size(const struct ce_latent_space *space, bool absolute)
{
    lt_ctx *ctx = space->models->ctx;
    lt_tensor *sum = NULL;
    int64_t count = 0;
    for (int i = 0; i < space->count; i++) {
        lt_tensor *d = lt_params_at(space->deltas, (size_t)i);
        lt_tensor *term = lt_sum(ctx, absolute ? lt_abs(ctx, d) : lt_square(ctx, d), 0, false);
        sum = sum ? lt_add(ctx, sum, term) : term;
        count += lt_numel(d);
    }
    return lt_affine(ctx, sum, 1.0f / (float)count, 0.0f);
}
