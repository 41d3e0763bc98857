#include "engine/latent/guesses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"

enum { BATCH = 16 }; /* pictures that CLIP sees at once */

static const float AREA_WEIGHT = 0.3f;

lt_status ce_guesses_begin(const struct ce_models *models, const struct ce_nce_config *nce,
                           const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *feature,
                           lt_rng *rng, struct ce_guesses *g)
{
    static const double as_it_is[8] = {1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0};
    *g = (struct ce_guesses){
        .models = models, .texts = texts, .nce = *nce, .x = x, .feature = feature};
    g->mask = malloc((size_t)(lt_dim(x, 2) * lt_dim(x, 3)) * sizeof *g->mask);
    if (!g->mask)
        return lt_fail(models->ctx, LT_ERR_MEMORY, "out of memory for a recolouring");
    lt_status status = ce_regions_make(models->ctx, x, &g->regions);
    if (status != LT_OK)
        return status;
    memcpy(g->coeffs[0], as_it_is, sizeof as_it_is);
    g->nce.copies = CE_GUESS_VIEWS - 1;
    return ce_nce_draw(models->ctx, &g->nce, rng, lt_dim(x, 2), g->coeffs + 1);
}

void ce_guesses_end(struct ce_guesses *g)
{
    ce_regions_free(&g->regions);
    free(g->mask);
    g->mask = NULL;
}

void ce_guesses_put(struct ce_guesses *g, const struct ce_guess *guess)
{
    if (g->count < CE_GUESSES)
        g->list[g->count++] = *guess;
}

static int by_loss(const void *a, const void *b)
{
    const float la = ((const struct ce_guess *)a)->loss, lb = ((const struct ce_guess *)b)->loss;
    return (la > lb) - (la < lb);
}

void ce_guesses_sort(struct ce_guess *guesses, int n)
{
    qsort(guesses, (size_t)n, sizeof *guesses, by_loss);
}

float ce_guess_paint(const float *x, const float *mask, int64_t pixels, const float color[3],
                     float *out)
{
    double weight = 0.0;
    for (int64_t i = 0; i < pixels; i++)
        weight += (double)mask[i];
    for (int c = 0; c < 3; c++) {
        const float *from = x + c * pixels;
        double sum = 0.0;
        for (int64_t i = 0; i < pixels; i++)
            sum += (double)(mask[i] * from[i]);
        const float shift = color[c] - (float)(sum / (weight + 1e-12));
        for (int64_t i = 0; i < pixels; i++)
            out[c * pixels + i] = fminf(fmaxf(from[i] + mask[i] * shift, -1.0f), 1.0f);
    }
    return (float)(weight / (double)pixels);
}

static const float *mask_of(struct ce_guesses *g, const struct ce_guess *guess)
{
    if (!guess->set)
        return lt_f32(g->map[guess->map]);
    ce_regions_mask(&g->regions, guess->set, g->mask);
    return g->mask;
}

/* The features of picture i in every view: row i of each block of n rows, (views n, D) -> (views,
 * D). */
static lt_tensor *views_of(lt_ctx *ctx, lt_tensor *features, int64_t n, int64_t i)
{
    const int64_t views = lt_dim(features, 0) / n, d = lt_dim(features, 1);
    lt_tensor *all = lt_reshape(ctx, features, 3, (int64_t[]){views, n, d});
    return lt_reshape(ctx, lt_slice(ctx, all, 1, i, 1), 2, (int64_t[]){views, d});
}

static lt_status rate_batch(struct ce_guesses *g, int rated, int views, struct ce_guess *guesses,
                            int64_t n)
{
    lt_ctx *ctx = g->models->ctx;
    const int64_t h = lt_dim(g->x, 2), w = lt_dim(g->x, 3);
    float area[BATCH];
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    g->nce.copies = views - rated;
    lt_tensor *pictures = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, h, w}), *features = NULL;
    for (int64_t i = 0; pictures && i < n; i++)
        area[i] = ce_guess_paint(lt_f32(g->x), mask_of(g, &guesses[i]), h * w, guesses[i].color,
                                 lt_f32(pictures) + i * 3 * h * w);
    if (pictures)
        features = ce_nce_augmented_features(ctx, g->models->clip, &g->nce, pictures,
                                             (const double(*)[8])(g->coeffs + rated));
    for (int64_t i = 0; features && i < n; i++) {
        lt_tensor *text = ce_nce_from_features(ctx, &g->nce, g->texts, g->feature,
                                               views_of(ctx, features, n, i), NULL);
        const float loss = text ? lt_item(text) + AREA_WEIGHT * sqrtf(area[i]) : HUGE_VALF;
        guesses[i].loss =
            rated ? (loss * (float)(views - rated) + guesses[i].loss * (float)rated) / (float)views
                  : loss;
    }
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

lt_status ce_guesses_rate(struct ce_guesses *g, int rated, int views, struct ce_guess *guesses,
                          int n)
{
    lt_status status = LT_OK;
    const int most = BATCH / (views - rated);
    for (int i = 0; i < n && status == LT_OK; i += most)
        status = rate_batch(g, rated, views, guesses + i, n - i < most ? n - i : most);
    return status;
}
