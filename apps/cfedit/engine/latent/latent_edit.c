#include "engine/latent/latent_edit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/optim.h"
#include "engine/clock.h"

struct ce_latent_edit_config ce_latent_edit_defaults(void)
{
    struct ce_latent_edit_config c = {
        .space = {.space = CE_SPACE_WPLUS, .first_layer = -1, .last_layer = 63, .edit_rgb = true},
        .steps = 130,
        .steepest = true,
        .lr = 2.0f,
        .nce_lambda = 0.3f,
        .l2_lambda = 0.2f,
        .change_scale = 0.2f,
        .focus = ce_focus_defaults(),
        .fit_lr = 0.1f,
        .nce = ce_nce_defaults(),
    };
    /* For a single latent the negatives hold the picture back more than they keep it whole;
     * bench/edit has the figures. */
    c.nce.use_negatives = false;
    return c;
}

/* Independent random streams of one seed. */
enum { STREAM_STEPS = 1, STREAM_FOCUS = 2 };

/* The distance to the goal counts this much outside the map, and 1 under it. */
#define OUTSIDE_WEIGHT 3.0f

/* One edit under way. Members are retained or borrowed as long as it lasts. */
struct edit {
    const struct ce_models *models;
    const struct ce_latent_edit_config *config;
    const struct ce_nce_texts *texts;
    lt_ctx *ctx;
    struct ce_latent_space space;
    lt_optim *optim;
    double square_norm;      /* running mean of the squared norm of the gradient */
    struct ce_source source; /* x (1,3,S,S), S the size rendered, and its features */
    lt_tensor *map;          /* M (1,1,S,S); NULL if focus is off */
    lt_tensor *goal;         /* (1,3,S,S), the recolouring of fit_steps; NULL if there is none */
};

/* ---- terms ---- */

/* L_change: the mean over pixels of (1 - M) d^2 / (d^2 + s^2), where d is the distance from `from`.
 * `map` is M; NULL stands for 0 everywhere. */
static lt_tensor *changed_share(const struct edit *e, lt_tensor *x_hat, lt_tensor *from,
                                lt_tensor *map)
{
    lt_ctx *ctx = e->ctx;
    const float s = e->config->change_scale;
    lt_tensor *square = lt_sum(ctx, lt_square(ctx, lt_sub(ctx, x_hat, from)), 1u << 1, true);
    lt_tensor *changed = lt_div(ctx, square, lt_affine(ctx, square, 1.0f, s * s));
    if (map)
        changed = lt_mul(ctx, changed, lt_affine(ctx, map, -1.0f, 1.0f));
    return lt_mean(ctx, changed, 0, false);
}

/* The picture that CLIP is shown: x + M (x_hat - x). */
static lt_tensor *shown(const struct edit *e, lt_tensor *x_hat)
{
    lt_ctx *ctx = e->ctx;
    return e->map ? lt_add(ctx, e->source.x, lt_mul(ctx, lt_sub(ctx, x_hat, e->source.x), e->map))
                  : x_hat;
}

/* 1 - cos(e(x_hat), e(x)). */
static lt_tensor *away_from_source(const struct edit *e, lt_tensor *x_hat)
{
    lt_ctx *ctx = e->ctx;
    lt_tensor *feature = ce_image_features(ctx, e->models->clip, x_hat, e->config->nce.antialias);
    return lt_affine(ctx, lt_sum(ctx, lt_mul(ctx, feature, e->source.clip), 0, false), -1.0f, 1.0f);
}

/* L_goal: the squared distance to the goal, as the mean under M plus the weighted mean
 * elsewhere. */
static lt_tensor *distance_to_goal(const struct edit *e, lt_tensor *x_hat)
{
    lt_ctx *ctx = e->ctx;
    lt_tensor *square = lt_sum(ctx, lt_square(ctx, lt_sub(ctx, x_hat, e->goal)), 1u << 1, true);
    lt_tensor *rest = lt_affine(ctx, e->map, -1.0f, 1.0f);
    lt_tensor *inside = lt_div(ctx, lt_sum(ctx, lt_mul(ctx, square, e->map), 0, false),
                               lt_sum(ctx, e->map, 0, false));
    lt_tensor *outside =
        lt_div(ctx, lt_sum(ctx, lt_mul(ctx, square, rest), 0, false), lt_sum(ctx, rest, 0, false));
    return lt_add(ctx, inside, lt_affine(ctx, outside, OUTSIDE_WEIGHT, 0.0f));
}

static struct ce_likeness likeness_of(const struct ce_latent_edit_config *config)
{
    return (struct ce_likeness){config->id_lambda, config->perc_lambda};
}

/* The whole loss of x_hat, which was drawn from the current code. */
static lt_tensor *loss_of(const struct edit *e, lt_tensor *x_hat, const double (*coeffs)[8],
                          struct ce_terms *terms)
{
    lt_ctx *ctx = e->ctx;
    const struct ce_latent_edit_config *c = e->config;
    struct ce_loss loss = ce_loss_begin();
    ce_loss_add(ctx, &loss, CE_TERM_TEXT, c->nce_lambda,
                ce_nce_loss(ctx, e->models->clip, &c->nce, e->texts, e->source.clip,
                            shown(e, x_hat), coeffs));
    ce_loss_add(ctx, &loss, CE_TERM_LATENT_L2, c->l2_lambda,
                ce_latent_space_size(&e->space, false));
    if (c->l1_lambda > 0.0f)
        ce_loss_add(ctx, &loss, CE_TERM_LATENT_L1, c->l1_lambda,
                    ce_latent_space_size(&e->space, true));
    if (c->change_lambda > 0.0f)
        ce_loss_add(ctx, &loss, CE_TERM_CHANGE, c->change_lambda,
                    changed_share(e, x_hat, e->goal ? e->goal : e->source.x, e->map));
    if (e->goal && c->goal_lambda > 0.0f)
        ce_loss_add(ctx, &loss, CE_TERM_GOAL, c->goal_lambda, distance_to_goal(e, x_hat));
    if (c->anchor_lambda > 0.0f)
        ce_loss_add(ctx, &loss, CE_TERM_ANCHOR, c->anchor_lambda, away_from_source(e, x_hat));
    ce_likeness_add(e->models, likeness_of(c), &e->source, x_hat, &loss);
    lt_tensor *total = ce_loss_end(ctx, &loss);
    *terms = loss.terms;
    return total;
}

/* ---- descent ---- */

/* Moves the deltas by one step of the optimiser, from the gradients of the last backward pass. */
static lt_status descend(struct edit *e, bool to_goal, int index, int steps)
{
    const double momentum = 0.9, keep = 0.9;
    const double first = (double)(to_goal ? e->config->fit_lr : e->config->lr);
    double lr = first * (1.0 - 0.9 * (double)index / (double)steps), norm = 0.0;
    if (e->config->steepest && !to_goal) {
        const lt_status status = lt_optim_clip_grad(e->ctx, e->optim, HUGE_VAL, &norm);
        if (status != LT_OK)
            return status;
        e->square_norm =
            index == 0 ? norm * norm : keep * e->square_norm + (1.0 - keep) * norm * norm;
        lr *= (1.0 - momentum) / (sqrt(e->square_norm) + 1e-12);
    }
    lt_optim_set_lr(e->optim, (float)lr);
    return lt_optim_step(e->ctx, e->optim);
}

/* One step, number `index` of `steps`, either towards the goal or down the whole loss. */
static lt_status step(struct edit *e, lt_rng *rng, bool to_goal, int index, int steps,
                      struct ce_terms *terms)
{
    lt_ctx *ctx = e->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *code[CE_SPACE_STYLES] = {NULL};
    double coeffs[CE_NCE_MAX_COPIES][8];
    *terms = ce_terms_none();

    lt_status status = ce_nce_draw(ctx, &e->config->nce, rng, lt_dim(e->source.x, 2), coeffs);
    if (status == LT_OK)
        status = ce_latent_space_code(&e->space, 1.0f, code);
    if (status != LT_OK)
        goto out;
    lt_tensor *x_hat = ce_latent_space_draw(&e->space, code, e->config->render_size);
    lt_tensor *loss =
        to_goal ? distance_to_goal(e, x_hat) : loss_of(e, x_hat, (const double(*)[8])coeffs, terms);
    if (!loss) {
        status = lt_ctx_status(ctx);
        goto out;
    }
    if (!isfinite(lt_item(loss))) {
        char message[96];
        snprintf(message, sizeof message,
                 "edit: the loss is no longer finite at step %d; try a smaller lr", index);
        status = ce_models_not_finite(e->space.models, message);
        goto out;
    }
    lt_optim_zero_grad(e->optim);
    status = lt_backward(ctx, loss);
    if (status == LT_OK)
        status = descend(e, to_goal, index, steps);
out:
    if (status != LT_OK)
        lt_tape_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Replaces the optimiser by a fresh one, without momentum from earlier steps. */
static lt_status begin_descent(struct edit *e, bool steepest)
{
    lt_optim_config optim = lt_optim_defaults(steepest ? LT_SGD : LT_ADAM);
    optim.momentum = 0.9f;
    lt_optim_free(e->optim);
    e->optim = NULL;
    return lt_optim_create(e->ctx, e->space.deltas, &optim, &e->optim);
}

/* Moves the deltas at random by a hundredth of a step. Without augmentation the query of a
 * directional loss is 0 at the source and has no direction; this gives it one. */
static lt_status leave_source(struct edit *e, lt_rng *rng)
{
    lt_status status = LT_OK;
    int64_t count = 0;
    for (int i = 0; i < e->space.count; i++)
        count += lt_numel(lt_params_at(e->space.deltas, (size_t)i));
    const float std = 0.01f * e->config->lr / sqrtf((float)count);
    for (int i = 0; i < e->space.count && status == LT_OK; i++)
        status = lt_fill_normal(e->ctx, lt_params_at(e->space.deltas, (size_t)i), rng, 0.0f, std);
    return status;
}

/* Runs all steps: first those towards the goal, if there is one, then those down the loss. */
static lt_status search(struct edit *e, ce_edit_watch *watch, void *user,
                        struct ce_edit_result *result)
{
    const struct ce_latent_edit_config *c = e->config;
    const int fit = e->goal ? c->fit_steps : 0;
    lt_rng rng = lt_rng_make(c->seed, STREAM_STEPS);
    bool stopped = false; /* whether the watch asked to stop */
    const lt_scope scope = lt_scope_open(e->ctx);
    lt_status status = begin_descent(e, fit == 0 && c->steepest);
    if (status == LT_OK && fit == 0 && c->nce.copies == 0)
        status = leave_source(e, &rng);
    for (int i = 0; i < fit + c->steps && status == LT_OK && !stopped; i++) {
        if (i == fit && fit > 0)
            status = begin_descent(e, c->steepest);
        if (status == LT_OK)
            status = i < fit ? step(e, &rng, true, i, fit, &result->last)
                             : step(e, &rng, false, i - fit, c->steps, &result->last);
        if (i == fit)
            result->first = result->last;
        stopped = status == LT_OK && watch && !watch(user, i + 1, NULL, &result->last);
    }
    lt_scope_close(e->ctx, scope, NULL);
    return status;
}

/* ---- an edit ---- */

/* Draws the source picture and computes the features that the terms compare with. */
static lt_status prepare_source(struct edit *e)
{
    struct ce_source source = {
        .x = ce_latent_space_draw(&e->space, e->space.base, e->config->render_size)};
    const lt_status status =
        ce_source_features(e->models, &e->config->nce, likeness_of(e->config), &source);
    ce_source_retain(&source);
    e->source = source;
    return status;
}

/* Sets up everything that stays fixed during the search: space, source picture, map and goal. */
static lt_status prepare(struct edit *e, lt_tensor *w, ce_edit_watch *watch, void *user)
{
    const struct ce_terms none = ce_terms_none();
    lt_ctx *ctx = e->ctx;
    lt_rng rng = lt_rng_make(e->config->seed, STREAM_FOCUS);
    lt_status status = ce_latent_space_open(e->models, &e->config->space, w, &e->space);
    if (status != LT_OK)
        return status;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    status = prepare_source(e);
    lt_no_grad_end(ctx);
    if (status == LT_OK && e->config->use_focus) {
        if (watch)
            watch(user, 0, "finding where the text is about", &none);
        e->map = lt_retain(ce_focus_map(e->models, &e->config->focus, &e->config->nce, e->texts,
                                        e->source.x, &rng));
    }
    if (e->map && e->texts->contrast && e->config->fit_steps > 0) {
        lt_tensor *mask = NULL;
        if (watch)
            watch(user, 0, "trying out recolourings", &none);
        e->goal = lt_retain(ce_recolor(e->models, &e->config->nce, e->texts, e->source.x, e->map,
                                       e->source.clip, &rng, &mask));
        lt_release(e->map);
        e->map = lt_retain(mask);
    }
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

/* Draws the edited picture at full size and fills in the result. */
static lt_status finish(struct edit *e, lt_tensor *w, struct ce_edit_result *result)
{
    lt_ctx *ctx = e->ctx;
    const bool style = e->config->space.space == CE_SPACE_STYLE;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *code[CE_SPACE_STYLES] = {NULL};
    lt_status status = ce_latent_space_code(&e->space, 1.0f, code);
    lt_tensor *x_hat = status == LT_OK ? ce_latent_space_draw(&e->space, code, 0) : NULL;
    lt_tensor *x = x_hat && !lt_same_shape(e->source.x, x_hat)
                       ? ce_latent_space_draw(&e->space, e->space.base, 0)
                       : e->source.x;
    if (status == LT_OK)
        status = ce_edit_result_set(ctx, result, w, x, x_hat, style ? w : code[0],
                                    style ? code : NULL, e->space.count);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

int64_t ce_latent_edit_steps(const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts)
{
    const bool fits = config->use_focus && texts->contrast && config->fit_steps > 0;
    return (fits ? (int64_t)config->fit_steps : 0) + (int64_t)config->steps;
}

lt_status ce_latent_edit_run(const struct ce_models *models,
                             const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts, lt_tensor *w, ce_edit_watch *watch,
                             void *user, struct ce_edit_result *result)
{
    memset(result, 0, sizeof *result);
    struct edit e = {.models = models, .config = config, .texts = texts, .ctx = models->ctx};
    const double begun = ce_seconds();
    lt_status status = prepare(&e, w, watch, user);
    if (status == LT_OK)
        status = search(&e, watch, user, result);
    if (status == LT_OK)
        status = finish(&e, w, result);
    result->seconds = ce_seconds() - begun;
    lt_optim_free(e.optim);
    ce_latent_space_close(&e.space);
    ce_source_free(&e.source);
    lt_release(e.map);
    lt_release(e.goal);
    return status;
}
