#include "engine/invert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/encode.h"
#include "engine/latent/latent_space.h"
#include "engine/objective/source.h"
#include "nn/optim.h"
#include "engine/clock.h"

enum {
    SCALES = 4,
    START_SIDE = 32, /* side at which possible starts are compared */
    START_BATCH = 8
};

struct ce_invert_config ce_invert_defaults(void)
{
    return (struct ce_invert_config){.steps = 200,
                                     .lr = 0.1f,
                                     .l2_lambda = 0.01f,
                                     .starts = 64,
                                     .encoder_iterations = CE_ENCODE_ITERATIONS};
}

static struct ce_likeness likeness_of(const struct ce_invert_config *config)
{
    return (struct ce_likeness){.perc_lambda = config->perc_lambda};
}

static lt_status check(const struct ce_models *models, const struct ce_invert_config *c,
                       const lt_tensor *x)
{
    lt_ctx *ctx = models->ctx;
    const int64_t side = lt_stylegan2_describe(models->generator)->size;
    char s[80];
    if (!x)
        return lt_ctx_status(ctx);
    if (lt_ndim(x) != 4 || lt_dim(x, 0) != 1 || lt_dim(x, 1) != 3 || lt_dim(x, 2) != side ||
        lt_dim(x, 3) != side)
        return lt_fail(ctx, LT_ERR_SHAPE, "invert: picture is %s, expected (1, 3, %lld, %lld)",
                       lt_shape_string(x, s, sizeof s), (long long)side, (long long)side);
    if (c->steps < 0 || c->starts < 1 || c->encoder_iterations < 1 || !(c->lr > 0.0f) ||
        !(c->l2_lambda >= 0.0f) || !(c->perc_lambda >= 0.0f))
        return lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "invert: steps %d, lr %g, starts %d, encoder-iterations %d, latent-l2-lambda "
            "%g, perc-lambda %g; expected lr above 0, at least 1 start and 1 iteration, "
            "and no other below 0",
            c->steps, (double)c->lr, c->starts, c->encoder_iterations, (double)c->l2_lambda,
            (double)c->perc_lambda);
    if (ce_likeness_check(models, likeness_of(c)) != LT_OK)
        return lt_ctx_status(ctx);
    return lt_check_finite(ctx, x, "the picture");
}

lt_tensor *ce_invert_fit(const struct ce_models *models, lt_tensor *picture)
{
    lt_ctx *ctx = models->ctx;
    if (!picture)
        return NULL;
    const int64_t h = lt_dim(picture, 2), w = lt_dim(picture, 3), least = h < w ? h : w;
    const int64_t side = lt_stylegan2_describe(models->generator)->size;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *x =
        lt_slice(ctx, lt_slice(ctx, picture, 2, (h - least) / 2, least), 3, (w - least) / 2, least);
    x = lt_contiguous(ctx, x);
    if (x && least > side)
        x = lt_resize_area(ctx, x, side, side);
    else if (x && least < side)
        x = lt_clamp(ctx, lt_resize_bicubic(ctx, x, side, side, false), -1.0f, 1.0f);
    x = x ? lt_clone(ctx, x) : NULL;
    lt_no_grad_end(ctx);
    return lt_scope_close(ctx, scope, x);
}

/* ---- the start ---- */

static double distance(const float *a, const float *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)(a[i] - b[i]);
        sum += d * d;
    }
    return sum;
}

/* The index of the face of w (N,D) that is nearest to x (1,3,side,side); -1 on failure. */
static int64_t nearest_face(const struct ce_models *models, lt_tensor *w, const lt_tensor *x)
{
    lt_ctx *ctx = models->ctx;
    const int64_t count = lt_dim(w, 0), side = lt_dim(x, 2);
    int64_t best = -1;
    double least = HUGE_VAL;
    for (int64_t at = 0; at < count && lt_ctx_status(ctx) == LT_OK; at += START_BATCH) {
        const int64_t n = count - at < START_BATCH ? count - at : START_BATCH;
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *wplus =
            lt_stylegan2_broadcast(ctx, models->generator, lt_slice(ctx, w, 0, at, n));
        lt_tensor *faces = lt_stylegan2_synthesis_at(ctx, models->generator, wplus, (int)side);
        for (int64_t i = 0; faces && i < n; i++) {
            const double d =
                distance(lt_f32(faces) + i * 3 * side * side, lt_f32(x), 3 * side * side);
            if (d < least) {
                least = d;
                best = at + i;
            }
        }
        lt_scope_close(ctx, scope, NULL);
    }
    if (best < 0)
        ce_models_not_finite(models, "invert: the generator's pictures of random faces hold NaN or "
                                     "infinity; its weights are damaged");
    return lt_ctx_status(ctx) == LT_OK ? best : -1;
}

/* The start w (1,L,D) without an encoder: the random face that is nearest to x at a small size. */
static lt_tensor *best_start(const struct ce_models *models, int starts, lt_tensor *x)
{
    lt_ctx *ctx = models->ctx;
    const lt_stylegan2 *g = models->generator;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *small =
                  lt_dim(x, 2) > START_SIDE ? lt_resize_area(ctx, x, START_SIDE, START_SIDE) : x,
              *start = NULL;
    lt_tensor *w = ce_random_faces(models, starts, 0x496e7665);
    if (w && lt_stylegan2_latent_avg(g))
        w = lt_stylegan2_truncate(ctx, g, w, (float)models->truncation);
    const int64_t best = w && small ? nearest_face(models, w, small) : -1;
    if (best >= 0)
        start = lt_clone(ctx, lt_stylegan2_broadcast(ctx, g, lt_slice(ctx, w, 0, best, 1)));
    lt_no_grad_end(ctx);
    return lt_scope_close(ctx, scope, start);
}

/* ---- the descent ---- */

struct inversion {
    const struct ce_models *models;
    const struct ce_invert_config *config;
    struct ce_latent_space space;
    lt_optim *optim;
    lt_tensor *target[SCALES]; /* D_k x, in the caller's scope */
    struct ce_source source;   /* x and its VGG19 features if L_perc is on, in the caller's scope */
    int scales;
};

static lt_tensor *halved(lt_ctx *ctx, lt_tensor *x)
{
    return lt_resize_area(ctx, x, lt_dim(x, 2) / 2, lt_dim(x, 3) / 2);
}

static lt_tensor *loss_of(const struct inversion *v, lt_tensor *x_hat)
{
    lt_ctx *ctx = v->models->ctx;
    lt_tensor *loss = NULL, *seen = x_hat;
    for (int k = 0; k < v->scales; k++) {
        if (k > 0)
            seen = halved(ctx, seen);
        lt_tensor *term =
            lt_affine(ctx, lt_mse_loss(ctx, seen, v->target[k]), 1.0f / (float)v->scales, 0.0f);
        loss = loss ? lt_add(ctx, loss, term) : term;
    }
    if (v->config->perc_lambda > 0.0f)
        loss = lt_add(ctx, loss,
                      lt_affine(ctx, ce_perceptual_loss(v->models, &v->source, x_hat),
                                v->config->perc_lambda, 0.0f));
    return lt_add(
        ctx, loss,
        lt_affine(ctx, ce_latent_space_size(&v->space, false), v->config->l2_lambda, 0.0f));
}

/* The learning rate of a step: it rises over the first twentieth of the steps and falls along a
 * cosine over the last quarter. */
static float rate(const struct ce_invert_config *c, int step)
{
    const double t = ((double)step + 0.5) / (double)c->steps, pi = 3.14159265358979323846;
    const double rise = fmin(1.0, t / 0.05), fall = fmin(1.0, (1.0 - t) / 0.25);
    return c->lr * (float)(rise * (0.5 - 0.5 * cos(pi * fall)));
}

static lt_status step(struct inversion *v, int index, double *loss)
{
    lt_ctx *ctx = v->models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *code[CE_SPACE_STYLES] = {NULL};
    lt_status status = ce_latent_space_code(&v->space, 1.0f, code);
    lt_tensor *total =
        status == LT_OK ? loss_of(v, ce_latent_space_draw(&v->space, code, 0)) : NULL;
    status = total ? LT_OK : lt_ctx_status(ctx);
    if (status == LT_OK && !isfinite(*loss = (double)lt_item(total))) {
        char message[96];
        snprintf(message, sizeof message,
                 "invert: the loss is no longer finite at step %d; try a smaller lr", index);
        status = ce_models_not_finite(v->models, message);
    }
    if (status == LT_OK) {
        lt_optim_zero_grad(v->optim);
        status = lt_backward(ctx, total);
    }
    if (status == LT_OK) {
        lt_optim_set_lr(v->optim, rate(v->config, index));
        status = lt_optim_step(ctx, v->optim);
    }
    if (status != LT_OK)
        lt_tape_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_status descend(struct inversion *v, ce_invert_progress *progress, void *user)
{
    const lt_optim_config optim = lt_optim_defaults(LT_ADAM);
    lt_status status = lt_optim_create(v->models->ctx, v->space.deltas, &optim, &v->optim);
    bool stopped = false; /* by the caller */
    for (int i = 0; i < v->config->steps && status == LT_OK && !stopped; i++) {
        double loss = 0.0;
        status = step(v, i, &loss);
        stopped = status == LT_OK && progress && !progress(user, i + 1, loss);
    }
    return status;
}

/* ---- an inversion ---- */

static lt_status prepare(struct inversion *v, lt_tensor *x)
{
    lt_ctx *ctx = v->models->ctx;
    const struct ce_space_config space = {
        .space = CE_SPACE_WPLUS, .first_layer = 0, .last_layer = 63, .edit_rgb = true};
    lt_no_grad_begin(ctx);
    v->target[0] = lt_detach(ctx, x);
    for (v->scales = 1; v->scales < SCALES && lt_dim(x, 2) >> v->scales >= 8; v->scales++)
        v->target[v->scales] = halved(ctx, v->target[v->scales - 1]);
    v->source = (struct ce_source){.x = v->target[0]};
    ce_source_features(v->models, NULL, likeness_of(v->config), &v->source);
    lt_no_grad_end(ctx);
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    lt_tensor *start = v->models->encoder ? ce_encode(v->models, x, v->config->encoder_iterations)
                                          : best_start(v->models, v->config->starts, x);
    return ce_latent_space_open(v->models, &space, start, &v->space);
}

/* 10 log10(2^2 / mse). */
static double psnr_of(const lt_tensor *x_hat, const lt_tensor *x)
{
    const float *a = lt_f32(x_hat), *b = lt_f32(x);
    const int64_t n = lt_numel(x);
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fmin(fmax((double)a[i], -1.0), 1.0) - (double)b[i];
        sum += d * d;
    }
    return 10.0 * log10(4.0 * (double)n / (sum + 1e-30));
}

static lt_status finish(struct inversion *v, struct ce_invert_result *result)
{
    lt_ctx *ctx = v->models->ctx;
    lt_tensor *code[CE_SPACE_STYLES] = {NULL};
    lt_no_grad_begin(ctx);
    lt_status status = ce_latent_space_code(&v->space, 1.0f, code);
    if (status == LT_OK) {
        result->w = lt_retain(lt_contiguous(ctx, code[0]));
        result->x_hat = lt_retain(ce_latent_space_draw(&v->space, code, 0));
        status = result->w && result->x_hat ? LT_OK : lt_ctx_status(ctx);
    }
    lt_no_grad_end(ctx);
    return status;
}

lt_status ce_invert_run(const struct ce_models *models, const struct ce_invert_config *config,
                        lt_tensor *x, ce_invert_progress *progress, void *user,
                        struct ce_invert_result *result)
{
    memset(result, 0, sizeof *result);
    lt_ctx *ctx = models->ctx;
    struct inversion v = {.models = models, .config = config};
    const double begun = ce_seconds();
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = check(models, config, x);
    if (status == LT_OK)
        status = prepare(&v, lt_contiguous(ctx, x));
    if (status == LT_OK)
        status = descend(&v, progress, user);
    if (status == LT_OK)
        status = finish(&v, result);
    if (status == LT_OK)
        result->psnr = psnr_of(result->x_hat, v.target[0]);
    result->seconds = ce_seconds() - begun;
    lt_optim_free(v.optim);
    ce_latent_space_close(&v.space);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

void ce_invert_free(struct ce_invert_result *result)
{
    lt_release(result->w);
    lt_release(result->x_hat);
    memset(result, 0, sizeof *result);
}
