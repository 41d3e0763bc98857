#include "recolor.h"

#include <math.h>

#include "autograd/ops.h"
#include "focus.h"

enum { LEVELS = 3, GRID = LEVELS * LEVELS * LEVELS, COPIES = 4, WIDTHS = 4, FINALISTS = 6 };

static const float widths[WIDTHS] = {0.25f, 1.0f, 4.0f, 16.0f}; /* t */
static const float spread[2] = {0.9f, 0.45f};                   /* of the grid, first around gray */

static const float area_weight = 0.3f;

struct guess {
    float color[3];
    int width;
    float loss;
};

/* The best so far, best first; unused places have an infinite loss. */
struct shortlist {
    struct guess best[FINALISTS];
};

struct recolor {
    const struct ce_models *models;
    struct ce_nce_config nce;
    const struct ce_nce_texts *texts;
    lt_tensor *x, *feature; /* x reduced to CLIP's size */
    lt_tensor *map[WIDTHS]; /* M_t, likewise */
    double coeffs[COPIES][8];
};

/* M_t. */
static lt_tensor *tuned_map(lt_ctx *ctx, lt_tensor *map, int width)
{
    lt_tensor *rest = lt_affine(ctx, map, -widths[width], widths[width]);
    return lt_div(ctx, map, lt_affine(ctx, lt_add(ctx, map, rest), 1.0f, 1e-12f));
}

/* x with its mean colour under `map` moved to `color`. */
static lt_tensor *recolored(lt_ctx *ctx, lt_tensor *x, lt_tensor *map, const float color[3])
{
    lt_tensor *to = lt_from_copy(ctx, LT_F32, 4, (int64_t[]){1, 3, 1, 1}, color);
    lt_tensor *weight = lt_affine(ctx, lt_sum(ctx, map, 0, false), 1.0f, 1e-12f);
    lt_tensor *mean = lt_div(ctx, lt_sum(ctx, lt_mul(ctx, x, map), 1u << 2 | 1u << 3, true), weight);
    return lt_clamp(ctx, lt_add(ctx, x, lt_mul(ctx, map, lt_sub(ctx, to, mean))), -1.0f, 1.0f);
}

static void shortlist_clear(struct shortlist *list)
{
    for (int i = 0; i < FINALISTS; i++)
        list->best[i] = (struct guess){.loss = HUGE_VALF};
}

static void shortlist_put(struct shortlist *list, const struct guess *g)
{
    int at = FINALISTS;
    while (at > 0 && g->loss < list->best[at - 1].loss)
        at--;
    for (int i = FINALISTS - 1; i > at; i--)
        list->best[i] = list->best[i - 1];
    if (at < FINALISTS)
        list->best[at] = *g;
}

/* Sets the guess's loss, over the first `copies` of the copies. */
static lt_status rate(struct recolor *r, int copies, struct guess *g)
{
    lt_ctx *ctx = r->models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    r->nce.copies = copies;
    lt_tensor *map = r->map[g->width];
    lt_tensor *text = ce_nce_loss(ctx, r->models->clip, &r->nce, r->texts, r->feature, recolored(ctx, r->x, map, g->color),
                                  (const double (*)[8])r->coeffs);
    lt_tensor *area = text ? lt_mean(ctx, map, 0, false) : NULL;
    g->loss = area ? lt_item(text) + area_weight * lt_item(area) : HUGE_VALF;
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

/* The grid of colours around `center` under M_width, by one copy, into the list. */
static lt_status try_colors(struct recolor *r, int width, const float center[3], float reach, struct shortlist *list)
{
    lt_status status = LT_OK;
    for (int i = 0; i < GRID && status == LT_OK; i++) {
        const int level[3] = {i / (LEVELS * LEVELS), i / LEVELS % LEVELS, i % LEVELS};
        struct guess g = {.width = width};
        for (int c = 0; c < 3; c++)
            g.color[c] = fminf(fmaxf(center[c] + reach * (float)(level[c] - 1), -1.0f), 1.0f);
        status = rate(r, 1, &g);
        if (status == LT_OK)
            shortlist_put(list, &g);
    }
    return status;
}

/* The best of the list by all copies. */
static lt_status decide(struct recolor *r, struct shortlist *list, struct guess *best)
{
    lt_status status = LT_OK;
    *best = (struct guess){.loss = HUGE_VALF};
    for (int i = 0; i < FINALISTS && status == LT_OK; i++) {
        if (isinf(list->best[i].loss))
            continue;
        status = rate(r, COPIES, &list->best[i]);
        if (status == LT_OK && list->best[i].loss < best->loss)
            *best = list->best[i];
    }
    return status;
}

/* Every width over the coarse grid, then the best one's neighbours. One copy sorts out, all of them decide: a third of
 * the evaluations that all copies for every colour take. */
static lt_status guess_color(struct recolor *r, struct guess *best)
{
    const float gray[3] = {0.0f, 0.0f, 0.0f};
    struct shortlist list;
    struct guess coarse;
    lt_status status = LT_OK;
    shortlist_clear(&list);
    for (int t = 0; t < WIDTHS && status == LT_OK; t++)
        status = try_colors(r, t, gray, spread[0], &list);
    if (status == LT_OK)
        status = decide(r, &list, &coarse);
    shortlist_clear(&list);
    if (status == LT_OK)
        status = try_colors(r, coarse.width, coarse.color, spread[1], &list);
    if (status == LT_OK)
        status = decide(r, &list, best);
    if (status == LT_OK && coarse.loss < best->loss)
        *best = coarse;
    return status;
}

lt_tensor *ce_recolor(const struct ce_models *models, const struct ce_nce_config *nce, const struct ce_nce_texts *texts,
                      lt_tensor *x, lt_tensor *map, lt_tensor *feature, lt_rng *rng, lt_tensor **tuned)
{
    lt_ctx *ctx = models->ctx;
    struct guess best;
    struct recolor r = {.models = models, .nce = *nce, .texts = texts, .feature = feature};
    lt_tensor *out[2] = {NULL, NULL};
    r.nce.copies = COPIES;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    r.x = ce_focus_reduced(models, x);
    lt_tensor *small = ce_focus_reduced(models, map);
    for (int t = 0; t < WIDTHS; t++)
        r.map[t] = tuned_map(ctx, small, t);
    lt_status status = lt_ctx_status(ctx);
    if (status == LT_OK)
        status = ce_nce_draw(ctx, &r.nce, rng, lt_dim(r.x, 2), r.coeffs);
    if (status == LT_OK)
        status = guess_color(&r, &best);
    if (status == LT_OK) {
        out[1] = tuned_map(ctx, map, best.width);
        out[0] = out[1] ? recolored(ctx, x, out[1], best.color) : NULL;
    }
    lt_no_grad_end(ctx);
    lt_scope_close_keep(ctx, scope, out, 2);
    *tuned = out[1];
    return out[0];
}
