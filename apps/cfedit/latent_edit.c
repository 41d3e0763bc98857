#include "latent_edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/optim.h"
#include "report.h"

enum { MAX_STYLES = 32, STATISTICS_FACES = 512 };

struct ce_latent_edit_config ce_latent_edit_defaults(void)
{
    struct ce_latent_edit_config c = {
        .space = CE_SPACE_WPLUS,
        .steps = 100,
        .steepest = true,
        .lr = 2.0f,
        .nce_lambda = 0.3f,
        .l2_lambda = 0.2f,
        .first_layer = -1,
        .last_layer = 63,
        .edit_rgb = true,
        .nce = ce_nce_defaults(),
    };
    /* Over a single latent the negatives hold the picture back more than they keep it whole: see bench/README.md. */
    c.nce.use_negatives = false;
    return c;
}

/* One edit under way. Everything is retained or borrowed for its whole length. */
struct edit {
    const struct ce_models *models;
    const struct ce_latent_edit_config *config;
    const struct ce_nce_texts *texts;
    lt_ctx *ctx;
    lt_params *deltas;           /* "delta.0", ... : what is optimised */
    lt_optim *optim;
    double square_norm;          /* running mean of the gradient's squared norm */
    int first_layer;             /* resolved */
    int count;                   /* of deltas: 1 in W+, the style count in StyleSpace */
    lt_tensor *base[MAX_STYLES]; /* w, or the source's styles */
    lt_tensor *unit[MAX_STYLES]; /* StyleSpace: deviations (1,C); else (1,L,1) of 1; 0 where nothing may move */
    lt_tensor *faces;            /* faces: X / sqrt(N) (N,D) */
    lt_tensor *source_feature;   /* e(x) (1,D) */
};

static bool layer_moves(const struct edit *e, int layer)
{
    return layer >= e->first_layer && layer <= e->config->last_layer;
}

/* w (STATISTICS_FACES, D) of random faces, the same ones for every picture. */
static lt_tensor *random_faces(struct edit *e)
{
    const lt_stylegan2 *g = e->models->generator;
    lt_rng rng = lt_rng_make(0x57796c65, 0);
    lt_tensor *z = lt_zeros(e->ctx, 2, (int64_t[]){STATISTICS_FACES, lt_stylegan2_describe(g)->z_dim});
    if (z && lt_fill_normal(e->ctx, z, &rng, 0.0f, 1.0f) != LT_OK)
        return NULL;
    return lt_stylegan2_mapping(e->ctx, g, z);
}

/* Standard deviation of every style channel over random faces -> unit[]. */
static lt_status measure_styles(struct edit *e)
{
    lt_ctx *ctx = e->ctx;
    const lt_stylegan2 *g = e->models->generator;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *styles[MAX_STYLES] = {NULL};
    lt_status status = lt_stylegan2_styles(ctx, g, lt_stylegan2_broadcast(ctx, g, random_faces(e)), styles);
    for (int i = 0; i < e->count && status == LT_OK; i++) {
        const bool moves = layer_moves(e, lt_stylegan2_style_layer(g, i)) &&
                           (e->config->edit_rgb || !lt_stylegan2_style_is_rgb(g, i));
        lt_tensor *mean = lt_mean(ctx, styles[i], 1u, true);
        lt_tensor *std = lt_sqrt(ctx, lt_mean(ctx, lt_square(ctx, lt_sub(ctx, styles[i], mean)), 1u, true));
        e->unit[i] = lt_retain(lt_affine(ctx, std, moves ? 1.0f : 0.0f, 0.0f));
        status = e->unit[i] ? LT_OK : lt_ctx_status(ctx);
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Centred w of random faces / sqrt(N) -> faces. */
static lt_status measure_faces(struct edit *e)
{
    lt_ctx *ctx = e->ctx;
    lt_tensor *w = random_faces(e);
    lt_tensor *centred = lt_sub(ctx, w, lt_mean(ctx, w, 1u, true));
    e->faces = lt_retain(lt_affine(ctx, centred, 1.0f / sqrtf((float)STATISTICS_FACES), 0.0f));
    return e->faces ? LT_OK : lt_ctx_status(ctx);
}

static lt_status add_delta(struct edit *e, int i)
{
    /* In the space of faces the delta is c (1, L or 1, N). */
    const lt_tensor *base = e->base[i];
    const int64_t faces[3] = {1, e->config->shared_layers ? 1 : lt_dim(base, 1), STATISTICS_FACES};
    char name[32];
    snprintf(name, sizeof name, "delta.%d", i);
    lt_tensor *delta = lt_zeros(e->ctx, lt_ndim(base), e->faces ? faces : lt_shape(base));
    return delta ? lt_params_add(e->ctx, e->deltas, name, delta) : lt_ctx_status(e->ctx);
}

/* The latent of the picture plus `strength` times the deltas -> out[], like base[]. */
static lt_status edited_code(struct edit *e, float strength, lt_tensor **out)
{
    lt_ctx *ctx = e->ctx;
    for (int i = 0; i < e->count; i++) {
        lt_tensor *delta = lt_affine(ctx, lt_params_at(e->deltas, (size_t)i), strength, 0.0f);
        if (e->faces)
            delta = lt_matmul(ctx, delta, e->faces, false, false);
        if (e->unit[i])
            delta = lt_mul(ctx, delta, e->unit[i]);
        out[i] = lt_add(ctx, e->base[i], delta);
        if (!out[i])
            return lt_ctx_status(ctx);
    }
    return LT_OK;
}

static lt_tensor *synthesize(struct edit *e, lt_tensor **code)
{
    return e->config->space == CE_SPACE_STYLE ? lt_stylegan2_synthesis_styles(e->ctx, e->models->generator, code)
                                              : lt_stylegan2_synthesis(e->ctx, e->models->generator, code[0]);
}

/* Mean square (or, for `absolute`, mean absolute value) of all deltas together. */
static lt_tensor *delta_size(struct edit *e, bool absolute)
{
    lt_ctx *ctx = e->ctx;
    lt_tensor *sum = NULL;
    int64_t count = 0;
    for (int i = 0; i < e->count; i++) {
        lt_tensor *d = lt_params_at(e->deltas, (size_t)i);
        lt_tensor *term = lt_sum(ctx, absolute ? lt_abs(ctx, d) : lt_square(ctx, d), 0, false);
        sum = sum ? lt_add(ctx, sum, term) : term;
        count += lt_numel(d);
    }
    return lt_affine(ctx, sum, 1.0f / (float)count, 0.0f);
}

static lt_tensor *weighted_sum(lt_ctx *ctx, lt_tensor *sum, lt_tensor *term, float weight)
{
    lt_tensor *scaled = lt_affine(ctx, term, weight, 0.0f);
    return sum ? lt_add(ctx, sum, scaled) : scaled;
}

/* One step of the optimiser from the gradients that are there. */
static lt_status descend(struct edit *e, int index)
{
    const double momentum = 0.9, keep = 0.9;
    double lr = (double)e->config->lr * (1.0 - 0.9 * (double)index / (double)e->config->steps), norm = 0.0;
    if (e->config->steepest) {
        const lt_status status = lt_optim_clip_grad(e->ctx, e->optim, HUGE_VAL, &norm);
        if (status != LT_OK)
            return status;
        e->square_norm = index == 0 ? norm * norm : keep * e->square_norm + (1.0 - keep) * norm * norm;
        lr *= (1.0 - momentum) / (sqrt(e->square_norm) + 1e-12);
    }
    lt_optim_set_lr(e->optim, (float)lr);
    return lt_optim_step(e->ctx, e->optim);
}

static lt_status step(struct edit *e, lt_rng *rng, int index, lt_tensor *x, struct ce_latent_edit_terms *terms)
{
    lt_ctx *ctx = e->ctx;
    const struct ce_latent_edit_config *c = e->config;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *code[MAX_STYLES] = {NULL};
    double coeffs[CE_NCE_MAX_COPIES][8];
    *terms = (struct ce_latent_edit_terms){NAN, NAN, NAN, NAN, NAN};

    lt_status status = ce_nce_draw(ctx, &c->nce, rng, lt_dim(x, 2), coeffs);
    if (status == LT_OK)
        status = edited_code(e, 1.0f, code);
    if (status != LT_OK)
        goto out;
    lt_tensor *x_hat = synthesize(e, code);
    lt_tensor *nce = ce_nce_loss(ctx, e->models->clip, &c->nce, e->texts, e->source_feature, x_hat,
                                 (const double (*)[8])coeffs);
    lt_tensor *l2 = delta_size(e, false);
    lt_tensor *loss = weighted_sum(ctx, weighted_sum(ctx, NULL, nce, c->nce_lambda), l2, c->l2_lambda);
    if (c->l1_lambda > 0.0f)
        loss = weighted_sum(ctx, loss, delta_size(e, true), c->l1_lambda);
    if (c->anchor_lambda > 0.0f) {
        lt_tensor *feature = ce_image_features(ctx, e->models->clip, x_hat, c->nce.antialias);
        lt_tensor *cosine = lt_sum(ctx, lt_mul(ctx, feature, e->source_feature), 0, false);
        loss = weighted_sum(ctx, loss, lt_affine(ctx, cosine, -1.0f, 1.0f), c->anchor_lambda);
    }
    if (c->id_lambda > 0.0f) {
        lt_tensor *id = lt_irse50_identity_loss(ctx, e->models->identity, x_hat, x);
        terms->id = lt_item(id);
        loss = weighted_sum(ctx, loss, id, c->id_lambda);
    }
    if (c->perc_lambda > 0.0f) {
        lt_tensor *perc = lt_vgg19_perceptual_loss(ctx, e->models->vgg, x_hat, x);
        terms->perc = lt_item(perc);
        loss = weighted_sum(ctx, loss, perc, c->perc_lambda);
    }
    if (!loss) {
        status = lt_ctx_status(ctx);
        goto out;
    }
    terms->loss = lt_item(loss);
    terms->nce = lt_item(nce);
    terms->l2 = lt_item(l2);
    if (!isfinite(terms->loss)) {
        status = lt_fail(ctx, LT_ERR_NUMERIC, "edit: the loss is no longer finite at step %d; try a smaller --lr", index);
        goto out;
    }
    lt_optim_zero_grad(e->optim);
    status = lt_backward(ctx, loss);
    if (status == LT_OK)
        status = descend(e, index);
out:
    if (status != LT_OK)
        lt_tape_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Picture, features, base code, deltas and optimiser of an edit. */
static lt_status prepare(struct edit *e, lt_tensor *w, struct ce_latent_edit_result *result)
{
    lt_ctx *ctx = e->ctx;
    const lt_stylegan2 *g = e->models->generator;
    lt_status status = LT_OK;
    e->count = e->config->space == CE_SPACE_STYLE ? lt_stylegan2_styles_count(g) : 1;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *code[MAX_STYLES] = {w};
    if (e->config->space == CE_SPACE_STYLE)
        status = lt_stylegan2_styles(ctx, g, w, code);
    for (int i = 0; i < e->count && status == LT_OK; i++)
        e->base[i] = lt_retain(code[i]);
    result->x = status == LT_OK ? lt_retain(synthesize(e, e->base)) : NULL;
    e->source_feature =
        result->x ? lt_retain(ce_image_features(ctx, e->models->clip, result->x, e->config->nce.antialias)) : NULL;
    if (status == LT_OK && !e->source_feature)
        status = lt_ctx_status(ctx);
    if (status == LT_OK && e->config->space == CE_SPACE_STYLE) {
        status = measure_styles(e);
    } else if (status == LT_OK) {
        /* Whole layers: 1 for those that may move, else 0, broadcast over the features. */
        const int64_t layers = lt_dim(w, 1);
        e->unit[0] = lt_retain(lt_zeros(ctx, 3, (int64_t[]){1, layers, 1}));
        for (int64_t l = 0; e->unit[0] && l < layers; l++)
            lt_f32(e->unit[0])[l] = layer_moves(e, (int)l) ? 1.0f : 0.0f;
        status = e->unit[0] ? LT_OK : lt_ctx_status(ctx);
    }
    if (status == LT_OK && e->config->space == CE_SPACE_FACES)
        status = measure_faces(e);
    lt_no_grad_end(ctx);

    if (status == LT_OK)
        status = lt_params_create(ctx, &e->deltas);
    for (int i = 0; i < e->count && status == LT_OK; i++)
        status = add_delta(e, i);
    if (status == LT_OK)
        status = lt_params_require_grad(ctx, e->deltas, NULL, true);
    lt_optim_config optim = lt_optim_defaults(e->config->steepest ? LT_SGD : LT_ADAM);
    optim.momentum = 0.9f;
    if (status == LT_OK)
        status = lt_optim_create(ctx, e->deltas, &optim, &e->optim);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* The edited code and picture -> result. */
static lt_status finish(struct edit *e, lt_tensor *w, float strength, struct ce_latent_edit_result *result)
{
    lt_ctx *ctx = e->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *code[MAX_STYLES] = {NULL};
    lt_status status = edited_code(e, strength, code);
    result->x_hat = status == LT_OK ? lt_retain(synthesize(e, code)) : NULL;
    if (status == LT_OK && !result->x_hat)
        status = lt_ctx_status(ctx);
    if (status == LT_OK && e->config->space == CE_SPACE_STYLE) {
        result->styles = calloc((size_t)e->count, sizeof(lt_tensor *));
        if (!result->styles)
            status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the styles");
        for (int i = 0; i < e->count && result->styles; i++)
            result->styles[i] = lt_retain(code[i]);
        result->style_count = e->count;
    }
    if (status == LT_OK)
        result->latents = lt_retain(e->config->space == CE_SPACE_STYLE ? w : code[0]);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

lt_status ce_latent_edit_run(const struct ce_models *models, const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts, lt_tensor *w, float strength,
                             ce_latent_edit_watch watch, void *user, struct ce_latent_edit_result *result)
{
    lt_ctx *ctx = models->ctx;
    memset(result, 0, sizeof *result);
    if (lt_ndim(w) != 3 || lt_dim(w, 0) != 1 || lt_dim(w, 1) != lt_stylegan2_latents(models->generator)) {
        char s[80];
        return lt_fail(ctx, LT_ERR_SHAPE, "edit: latent is %s, expected (1, %d, %d)", lt_shape_string(w, s, sizeof s),
                       lt_stylegan2_latents(models->generator), lt_stylegan2_describe(models->generator)->style_dim);
    }
    if (lt_stylegan2_styles_count(models->generator) > MAX_STYLES)
        return lt_fail(ctx, LT_ERR_UNSUPPORTED, "edit: the generator has more than %d modulated convolutions", MAX_STYLES);
    struct edit e = {.models = models, .config = config, .texts = texts, .ctx = ctx, .first_layer = config->first_layer};
    const char *told = lt_params_metadata(models->generator_params, "edit_first_layer");
    if (e.first_layer < 0)
        e.first_layer = told ? atoi(told) : 0;
    const double start = ce_seconds();
    lt_rng rng = lt_rng_make(config->seed, 1);
    lt_status status = prepare(&e, w, result);
    for (int i = 0; i < config->steps && status == LT_OK; i++) {
        status = step(&e, &rng, i, result->x, &result->last);
        if (i == 0)
            result->first = result->last;
        if (status == LT_OK && watch && !watch(user, i + 1, &result->last))
            break;
    }
    if (status == LT_OK)
        status = finish(&e, w, strength, result);
    result->seconds = ce_seconds() - start;

    lt_optim_free(e.optim);
    lt_params_free(e.deltas);
    for (int i = 0; i < e.count; i++) {
        lt_release(e.base[i]);
        lt_release(e.unit[i]);
    }
    lt_release(e.faces);
    lt_release(e.source_feature);
    return status;
}

void ce_latent_edit_free(struct ce_latent_edit_result *result)
{
    lt_release(result->x);
    lt_release(result->x_hat);
    lt_release(result->latents);
    for (int i = 0; i < result->style_count; i++)
        lt_release(result->styles[i]);
    free(result->styles);
    memset(result, 0, sizeof *result);
}
