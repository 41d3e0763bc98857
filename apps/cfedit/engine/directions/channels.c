#include "engine/directions/channels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/clip_nce.h"
#include "engine/clock.h"
#include "engine/digest.h"
#include "engine/kinds.h"

#define META_WEIGHTS "measured_on"
#define UNIT_EPS     1e-12f

enum { NAME_CAP = 32, MARK_CAP = 40, FACES_SEED = 0x6368616e };

struct ce_channels_config ce_channels_defaults(void)
{
    return (struct ce_channels_config){.faces = 8, .push = 5.0f, .first_layer = -1};
}

/* ---- files ---- */

/* Writes the mark by which other weights are recognised. */
static void mark_of(const struct ce_models *models, char mark[MARK_CAP])
{
    snprintf(mark, MARK_CAP, "%016" PRIx64, ce_digest_models(models));
}

lt_status ce_channels_save(const struct ce_models *models, const struct ce_channels *channels,
                           const char *path)
{
    char mark[MARK_CAP];
    mark_of(models, mark);
    const lt_status status =
        lt_params_set_metadata(models->ctx, channels->params, META_WEIGHTS, mark);
    return status == LT_OK ? lt_params_save(models->ctx, channels->params, path, LT_F16) : status;
}

/* Finds the effects in params and computes the deviations, which is quick. */
static lt_status fill_in(const struct ce_models *models, struct ce_channels *channels)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    const int64_t features = lt_clip_describe(models->clip)->embed_dim;
    lt_tensor *deviation[CE_SPACE_STYLES] = {NULL};
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = ce_style_deviations(models, deviation);
    for (int i = 0; i < lt_stylegan2_styles_count(g) && status == LT_OK; i++) {
        char name[NAME_CAP];
        snprintf(name, sizeof name, "effect.%d", i);
        channels->deviation[i] = lt_retain(deviation[i]);
        channels->styles = i + 1;
        if (!lt_params_find(channels->params, name))
            continue; /* this style was not measured */
        channels->effect[i] =
            lt_params_get(ctx, channels->params, name, 2,
                          (int64_t[]){lt_stylegan2_style_channels(g, i), features});
        status = channels->effect[i] ? LT_OK : lt_ctx_status(ctx);
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_status check_generator(const struct ce_models *models)
{
    if (lt_stylegan2_styles_count(models->generator) > CE_SPACE_STYLES)
        return lt_fail(models->ctx, LT_ERR_UNSUPPORTED,
                       "the generator has more than %d modulated convolutions", CE_SPACE_STYLES);
    return LT_OK;
}

lt_status ce_channels_load(const struct ce_models *models, const char *path,
                           struct ce_channels *channels)
{
    lt_ctx *ctx = models->ctx;
    char mark[MARK_CAP];
    mark_of(models, mark);
    *channels = (struct ce_channels){0};
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = check_generator(models);
    if (status == LT_OK)
        status = lt_params_create(ctx, &channels->params);
    if (status == LT_OK)
        status = lt_params_load(ctx, channels->params, path, NULL);
    if (status == LT_OK && lt_params_check_finite(ctx, channels->params) != LT_OK)
        status = ce_blame_file(ctx, path);
    const char *told = status == LT_OK ? lt_params_metadata(channels->params, META_WEIGHTS) : NULL;
    if (status == LT_OK && (!told || strcmp(told, mark) != 0))
        status =
            lt_fail(ctx, LT_ERR_FORMAT,
                    "%s: these channel effects were measured on another generator or CLIP", path);
    if (status == LT_OK)
        status = fill_in(models, channels);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

void ce_channels_close(struct ce_channels *channels)
{
    for (int i = 0; i < channels->styles; i++)
        lt_release(channels->deviation[i]);
    lt_params_free(channels->params);
    memset(channels, 0, sizeof *channels);
}

/* ---- measuring ---- */

struct measurement {
    const struct ce_models *models;
    const struct ce_channels_config *config;
    int first_layer;
    lt_tensor **style;     /* [count], each (1,C): the styles of the current face */
    lt_tensor **deviation; /* [count], each (1,C) */
    ce_channels_progress *progress;
    void *user;
    int64_t done, total;
};

static bool is_measured(const struct measurement *m, int i)
{
    const lt_stylegan2 *g = m->models->generator;
    return lt_stylegan2_style_layer(g, i) >= m->first_layer && !lt_stylegan2_style_is_rgb(g, i);
}

/* The unit CLIP feature of the current face, with channel c of style i pushed by `push` standard
 * deviations. */
static lt_tensor *pushed_feature(struct measurement *m, int i, int64_t c, float push)
{
    lt_ctx *ctx = m->models->ctx;
    float *value = lt_f32(m->style[i]) + c;
    const float before = *value;
    *value = before + push * lt_f32(m->deviation[i])[c];
    lt_tensor *x = lt_stylegan2_synthesis_styles(ctx, m->models->generator, m->style);
    *value = before;
    return ce_image_features(ctx, m->models->clip, x, m->config->antialias);
}

/* Adds the unit change of each channel's feature, for the current face, to effect[i]. */
static lt_status measure_face(struct measurement *m, lt_tensor *const *effect, int count)
{
    lt_ctx *ctx = m->models->ctx;
    for (int i = 0; i < count; i++) {
        for (int64_t c = 0; effect[i] && c < lt_dim(effect[i], 0); c++) {
            const lt_scope scope = lt_scope_open(ctx);
            lt_tensor *up = pushed_feature(m, i, c, m->config->push);
            lt_tensor *down = up ? pushed_feature(m, i, c, -m->config->push) : NULL;
            lt_tensor *unit = lt_l2_normalize(ctx, lt_sub(ctx, up, down), UNIT_EPS);
            lt_tensor *row = unit ? lt_slice(ctx, effect[i], 0, c, 1) : NULL;
            const lt_status status =
                row ? lt_copy_into(ctx, row, lt_add(ctx, row, unit)) : lt_ctx_status(ctx);
            lt_scope_close(ctx, scope, NULL);
            if (status != LT_OK)
                return status;
            m->done++;
            if (m->progress)
                m->progress(m->user, m->done, m->total);
        }
    }
    return LT_OK;
}

/* Sums the unit changes over all faces; effect[] are zeros before. */
static lt_status measure_faces(struct measurement *m, lt_tensor *const *effect, int count)
{
    lt_ctx *ctx = m->models->ctx;
    const lt_stylegan2 *g = m->models->generator;
    lt_status status = LT_OK;
    for (int face = 0; face < m->config->faces && status == LT_OK; face++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_rng rng = lt_rng_make(FACES_SEED, (uint64_t)face);
        lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){1, lt_stylegan2_describe(g)->z_dim});
        if (z)
            lt_fill_normal(ctx, z, &rng, 0.0f, 1.0f);
        lt_tensor *w = lt_stylegan2_truncate(ctx, g, lt_stylegan2_mapping(ctx, g, z),
                                             (float)m->models->truncation);
        lt_tensor *style[CE_SPACE_STYLES] = {NULL};
        status = lt_stylegan2_styles(ctx, g, lt_stylegan2_broadcast(ctx, g, w), style);
        for (int i = 0; i < count && status == LT_OK; i++) {
            style[i] = lt_clone(ctx, style[i]); /* pushed_feature() writes to it */
            status = style[i] ? LT_OK : lt_ctx_status(ctx);
        }
        m->style = style;
        if (status == LT_OK)
            status = measure_face(m, effect, count);
        lt_scope_close(ctx, scope, NULL);
    }
    return status;
}

/* Puts the effects, made unit, into params. They are rounded to float16 as the file rounds them, so
 * that reading a file gives the same bits as measuring. */
static lt_status keep_effects(lt_ctx *ctx, lt_tensor *const *effect, int count, lt_params *params)
{
    lt_status status = LT_OK;
    for (int i = 0; i < count && status == LT_OK; i++) {
        char name[NAME_CAP];
        if (!effect[i])
            continue;
        snprintf(name, sizeof name, "effect.%d", i);
        lt_tensor *unit = lt_l2_normalize(ctx, effect[i], UNIT_EPS);
        lt_tensor *half = unit ? lt_cast(ctx, unit, LT_F16) : NULL;
        lt_tensor *kept = half ? lt_cast(ctx, half, LT_F32) : NULL;
        status = kept ? lt_params_add(ctx, params, name, kept) : lt_ctx_status(ctx);
    }
    return status;
}

lt_status ce_channels_measure(const struct ce_models *models,
                              const struct ce_channels_config *config,
                              ce_channels_progress *progress, void *user,
                              struct ce_channels *channels)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    *channels = (struct ce_channels){0};
    if (config->faces < 1 || !(config->push > 0.0f))
        return lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "channel effects over %d faces pushed by %g deviations; expected both above 0",
            config->faces, (double)config->push);
    lt_status status = check_generator(models);
    if (status != LT_OK)
        return status;
    const int count = lt_stylegan2_styles_count(g);
    lt_tensor *effect[CE_SPACE_STYLES] = {NULL}, *deviation[CE_SPACE_STYLES] = {NULL};
    struct measurement m = {.models = models,
                            .config = config,
                            .deviation = deviation,
                            .progress = progress,
                            .user = user,
                            .first_layer = ce_first_layer(models, config->first_layer)};
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    status = ce_style_deviations(models, deviation);
    for (int i = 0; i < count && status == LT_OK; i++) {
        const int64_t c = lt_stylegan2_style_channels(g, i);
        if (!is_measured(&m, i))
            continue;
        effect[i] = lt_zeros(ctx, 2, (int64_t[]){c, lt_clip_describe(models->clip)->embed_dim});
        status = effect[i] ? LT_OK : lt_ctx_status(ctx);
        m.total += c * config->faces;
    }
    if (status == LT_OK)
        status = measure_faces(&m, effect, count);
    if (status == LT_OK)
        status = lt_params_create(ctx, &channels->params);
    if (status == LT_OK)
        status = keep_effects(ctx, effect, count, channels->params);
    if (status == LT_OK)
        status = fill_in(models, channels);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* ---- directions ---- */

lt_status ce_channels_direction(const struct ce_models *models, const struct ce_channels *channels,
                                lt_tensor *text, float beta, lt_tensor **out, int *kept)
{
    lt_ctx *ctx = models->ctx;
    lt_tensor *relevance[CE_SPACE_STYLES] = {NULL};
    float most = 0.0f;
    bool finite = true;
    int count = 0;
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    for (int i = 0; i < channels->styles && status == LT_OK; i++) {
        relevance[i] = channels->effect[i]
                           ? lt_matmul(ctx, text, channels->effect[i], false, true)
                           : lt_zeros(ctx, 2, lt_shape(channels->deviation[i])); /* (1,C) */
        for (int64_t c = 0; relevance[i] && c < lt_numel(relevance[i]); c++) {
            float *r = lt_f32(relevance[i]) + c;
            finite = finite && isfinite(*r);
            *r = fabsf(*r) < beta ? 0.0f : *r;
            most = fmaxf(most, fabsf(*r));
            count += *r != 0.0f;
        }
        status = relevance[i] ? LT_OK : lt_ctx_status(ctx);
    }
    if (status == LT_OK && !finite)
        status = ce_models_not_finite(models, "the effects of the style channels are not numbers");
    if (status == LT_OK && !(most > 0.0f))
        status =
            lt_fail(ctx, LT_ERR_ARGUMENT,
                    "no style channel is relevant to the text at beta %g; lower it", (double)beta);
    for (int i = 0; i < channels->styles && status == LT_OK; i++) {
        out[i] =
            lt_mul(ctx, lt_affine(ctx, relevance[i], 1.0f / most, 0.0f), channels->deviation[i]);
        status = out[i] ? LT_OK : lt_ctx_status(ctx);
    }
    if (kept)
        *kept = count;
    lt_no_grad_end(ctx);
    lt_scope_close_keep(ctx, scope, out, status == LT_OK ? (size_t)channels->styles : 0);
    return status;
}

lt_status ce_channels_edit(const struct ce_models *models, lt_tensor *const *direction,
                           lt_tensor *w, float amount, struct ce_edit_result *result)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    const int count = lt_stylegan2_styles_count(g);
    lt_tensor *style[CE_SPACE_STYLES] = {NULL};
    *result = (struct ce_edit_result){.first = ce_terms_none(), .last = ce_terms_none()};
    const double start = ce_seconds();
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_status status = lt_stylegan2_styles(ctx, g, w, style);
    lt_tensor *x = status == LT_OK ? lt_stylegan2_synthesis_styles(ctx, g, style) : NULL;
    for (int i = 0; i < count && status == LT_OK; i++)
        style[i] = lt_add(ctx, style[i], lt_affine(ctx, direction[i], amount, 0.0f));
    lt_tensor *x_hat = status == LT_OK ? lt_stylegan2_synthesis_styles(ctx, g, style) : NULL;
    if (status == LT_OK)
        status = ce_edit_result_set(ctx, result, w, x, x_hat, w, style, count);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    result->seconds = ce_seconds() - start;
    return status;
}
