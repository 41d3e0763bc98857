#include "engine/latent/recolor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/latent/focus.h"
#include "engine/latent/guesses.h"

enum {
    LEVELS = 3,
    GRID = LEVELS * LEVELS * LEVELS, /* colours */
    FINALISTS = 4,                   /* the best guesses, which are compared over all views */
    SCREEN = 1,                      /* views of the first, cheap rating: the picture as it is */
    BEAM = 3,                        /* sets of regions that are kept in each round */
    JOINS = 16,                      /* regions with which each kept set is joined */
    ROUNDS = 6,
    SNAPS = 3
};

static const float widths[CE_GUESS_MAPS] = {1.0f, 4.0f}; /* the t of M_t */
/* Half widths of the colour grid: around gray, then around the best colour. */
static const float spread[2] = {0.9f, 0.45f};
/* A region is under M if its mean of M is above a threshold; each of these is tried. */
static const double snaps[SNAPS] = {0.25, 0.5, 0.75};
/* A set may cover this share of the picture: a text about a part is not about all of it. */
static const double most_share = 0.7;
/* Another round of joining follows only if the loss fell by this much. */
static const float least_gain = 0.003f;

/* M_t = M / (M + t (1 - M)). */
static lt_tensor *tuned_map(lt_ctx *ctx, lt_tensor *map, float t)
{
    lt_tensor *rest = lt_affine(ctx, map, -t, t);
    return lt_div(ctx, map, lt_affine(ctx, lt_add(ctx, map, rest), 1.0f, 1e-12f));
}

/* The list is sorted by a cheap rating over few views. Rates its FINALISTS over the remaining views
 * as well, and updates *best if one beats it. Empties the list. */
static lt_status settle(struct ce_guesses *g, struct ce_guess *best)
{
    const int finalists = g->count < FINALISTS ? g->count : FINALISTS;
    lt_status status = ce_guesses_rate(g, SCREEN, CE_GUESS_VIEWS, g->list, finalists);
    for (int i = 0; i < finalists && status == LT_OK; i++)
        if (g->list[i].loss < best->loss)
            *best = g->list[i];
    g->count = 0;
    return status;
}

/* Rates a fresh list over few views, sorts it and lets settle() compare its best guesses. */
static lt_status decide(struct ce_guesses *g, struct ce_guess *best)
{
    const lt_status status = ce_guesses_rate(g, 0, SCREEN, g->list, g->count);
    ce_guesses_sort(g->list, g->count);
    return status == LT_OK ? settle(g, best) : status;
}

/* ---- colours ---- */

/* Puts copies of `like` in the list, with a grid of colours around the colour of `like`. */
static void put_colors(struct ce_guesses *g, const struct ce_guess *like, float reach)
{
    for (int i = 0; i < GRID; i++) {
        const int level[3] = {i / (LEVELS * LEVELS), i / LEVELS % LEVELS, i % LEVELS};
        struct ce_guess guess = *like;
        for (int c = 0; c < 3; c++)
            guess.color[c] =
                fminf(fmaxf(like->color[c] + reach * (float)(level[c] - 1), -1.0f), 1.0f);
        ce_guesses_put(g, &guess);
    }
}

/* Tries the coarse grid of colours under every map, then the neighbours of the best colour. */
static lt_status guess_color(struct ce_guesses *g, struct ce_guess *best)
{
    for (int t = 0; t < CE_GUESS_MAPS; t++)
        put_colors(g, &(struct ce_guess){.map = t}, spread[0]);
    lt_status status = decide(g, best);
    if (status == LT_OK) {
        const struct ce_guess around = *best;
        put_colors(g, &around, spread[1]);
        status = decide(g, best);
    }
    return status;
}

/* ---- places ---- */

/* Puts a copy of `like` with another set of regions in the list, unless the set is empty, too large
 * or already there. */
static void put_set(struct ce_guesses *g, const struct ce_guess *like, uint64_t set)
{
    struct ce_guess guess = *like;
    guess.set = set;
    bool wanted = set != 0 && ce_regions_share(&g->regions, set) <= most_share;
    for (int i = 0; i < g->count && wanted; i++)
        wanted = g->list[i].set != set;
    if (wanted)
        ce_guesses_put(g, &guess);
}

/* Rates the nodes of the tree and the regions under M, all with the colour of `from`. The result is
 * pool[CE_GUESSES], the best first. */
static lt_status rate_nodes(struct ce_guesses *g, const struct ce_guess *from,
                            struct ce_guess *pool, int *count)
{
    for (int i = 0; i < SNAPS; i++)
        put_set(g, from, ce_regions_under(&g->regions, lt_f32(g->map[0]), snaps[i]));
    for (int i = 0; i < g->regions.nodes; i++)
        put_set(g, from, g->regions.set[i]);
    const lt_status status = ce_guesses_rate(g, 0, SCREEN, g->list, g->count);
    ce_guesses_sort(g->list, g->count);
    *count = g->count;
    memcpy(pool, g->list, (size_t)g->count * sizeof *pool);
    g->count = 0;
    return status;
}

/* Joins the best nodes with others as long as the loss falls. Updates *best if a set beats it. */
static lt_status guess_place(struct ce_guesses *g, const struct ce_guess *from,
                             struct ce_guess *best)
{
    struct ce_guess pool[CE_GUESSES];
    int count = 0;
    lt_status status = rate_nodes(g, from, pool, &count);
    g->count = count < BEAM ? count : BEAM;
    memcpy(g->list, pool, (size_t)g->count * sizeof *pool);
    bool gains = g->count > 0;
    for (int round = 0; round < ROUNDS && gains && status == LT_OK; round++) {
        const int kept = g->count < BEAM ? g->count : BEAM;
        const float before = g->list[0].loss;
        g->count = kept;
        for (int b = 0; b < kept; b++)
            for (int i = 0; i < JOINS && i < count; i++)
                put_set(g, &g->list[b], g->list[b].set | pool[i].set);
        status = ce_guesses_rate(g, 0, SCREEN, g->list + kept, g->count - kept);
        ce_guesses_sort(g->list, g->count);
        gains = g->list[0].loss < before - least_gain;
    }
    return status == LT_OK ? settle(g, best) : status;
}

/* ---- both ---- */

static lt_status guess_all(struct ce_guesses *g, struct ce_guess *best)
{
    *best = (struct ce_guess){.loss = HUGE_VALF};
    lt_status status = guess_color(g, best);
    struct ce_guess placed = {.loss = HUGE_VALF};
    if (status == LT_OK)
        status = guess_place(g, best, &placed);
    if (status == LT_OK && placed.set) {
        const struct ce_guess around = placed;
        put_colors(g, &around, spread[1]);
        status = decide(g, &placed);
    }
    if (status == LT_OK && placed.loss < best->loss)
        *best = placed;
    return status;
}

/* The mask of a guess at the size of `map`. M_t is computed anew at that size. */
static lt_tensor *mask_of(const struct ce_guesses *g, const struct ce_guess *guess, lt_tensor *map)
{
    lt_ctx *ctx = g->models->ctx;
    if (!guess->set)
        return tuned_map(ctx, map, widths[guess->map]);
    lt_tensor *mask = lt_empty(ctx, LT_F32, 4, (int64_t[]){1, 1, lt_dim(g->x, 2), lt_dim(g->x, 3)});
    if (mask)
        ce_regions_mask(&g->regions, guess->set, lt_f32(mask));
    return ce_focus_enlarged(ctx, mask, lt_dim(map, 2));
}

lt_tensor *ce_recolor(const struct ce_models *models, const struct ce_nce_config *nce,
                      const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *map,
                      lt_tensor *feature, lt_rng *rng, lt_tensor **mask)
{
    lt_ctx *ctx = models->ctx;
    struct ce_guess best;
    lt_tensor *out[2] = {NULL, NULL};
    *mask = NULL;
    struct ce_guesses *g = calloc(1, sizeof *g);
    if (!g) {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a recolouring");
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    x = lt_contiguous(ctx, x);
    lt_tensor *small = x ? ce_focus_reduced(models, map) : NULL,
              *seen = x ? ce_focus_reduced(models, x) : NULL;
    lt_status status = small && seen ? ce_guesses_begin(models, nce, texts, seen, feature, rng, g)
                                     : lt_ctx_status(ctx);
    for (int t = 0; t < CE_GUESS_MAPS && status == LT_OK; t++) {
        g->map[t] = tuned_map(ctx, small, widths[t]);
        status = lt_ctx_status(ctx);
    }
    if (status == LT_OK)
        status = guess_all(g, &best);
    if (status == LT_OK) {
        out[0] = lt_empty(ctx, LT_F32, 4, lt_shape(x));
        out[1] = mask_of(g, &best, map);
    }
    if (out[0] && out[1])
        ce_guess_paint(lt_f32(x), lt_f32(out[1]), lt_numel(map), best.color, lt_f32(out[0]));
    lt_no_grad_end(ctx);
    lt_scope_close_keep(ctx, scope, out, 2);
    ce_guesses_end(g);
    free(g);
    *mask = out[1];
    return out[1] ? out[0] : NULL;
}
