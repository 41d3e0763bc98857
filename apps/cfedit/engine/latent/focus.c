#include "engine/latent/focus.h"

#include <math.h>

#include "autograd/ops.h"

enum { RANDOM_AXES = 12 };

/* Added to the random map, as a share of its mean. Pixels without any influence would otherwise
 * stand out, because their ratio is 0 / 0. */
static const float floor_share = 0.02f;

struct ce_focus_config ce_focus_defaults(void)
{
    return (struct ce_focus_config){.copies = 4, .blur = 1.0f / 32.0f, .threshold = 1.5f};
}

/* The axes (K,D) along which CLIP tells the sentence from its contrasts. */
static lt_tensor *text_axes(lt_ctx *ctx, const struct ce_nce_texts *texts)
{
    if (!texts->contrast || texts->contrast_axes < 1)
        return texts->direction;
    lt_tensor *contrast = lt_slice(ctx, texts->contrast, 0, 0, texts->contrast_axes);
    lt_tensor *all = lt_concat(ctx, 2, (lt_tensor *[]){texts->target_mean, contrast}, 0);
    return lt_sub(ctx, all, lt_mean(ctx, all, 1u, true));
}

static lt_tensor *random_axes(lt_ctx *ctx, int64_t features, lt_rng *rng)
{
    lt_tensor *axes = lt_zeros(ctx, 2, (int64_t[]){RANDOM_AXES, features});
    return axes && lt_fill_normal(ctx, axes, rng, 0.0f, 1.0f) == LT_OK ? axes : NULL;
}

struct focus {
    const struct ce_models *models;
    struct ce_nce_config nce;
    lt_tensor *x; /* the picture, a leaf that requires a gradient */
    lt_rng *rng;
};

/* Adds |d (mean e . axis) / dx|^2 of each pixel to sum[pixels], summed over its colours. */
static lt_status add_axis(struct focus *f, lt_tensor *axis, float *sum)
{
    lt_ctx *ctx = f->models->ctx;
    const int64_t pixels = lt_dim(f->x, 2) * lt_dim(f->x, 3);
    double coeffs[CE_NCE_MAX_COPIES][8];
    lt_status status = ce_nce_draw(ctx, &f->nce, f->rng, lt_dim(f->x, 2), coeffs);
    if (status != LT_OK)
        return status;
    lt_tensor *e =
        ce_nce_augmented_features(ctx, f->models->clip, &f->nce, f->x, (const double(*)[8])coeffs);
    lt_tensor *along = lt_mean(ctx, lt_matmul(ctx, e, axis, false, true), 0, false);
    lt_zero_grad(f->x);
    status = along ? lt_backward(ctx, along) : lt_ctx_status(ctx);
    const float *g = status == LT_OK ? lt_f32(lt_grad(f->x)) : NULL;
    for (int64_t i = 0; g && i < 3 * pixels; i++)
        sum[i % pixels] += g[i] * g[i];
    return status;
}

/* The sensitivity (S,S) of each pixel, summed over all axes. */
static lt_tensor *sensitivity(struct focus *f, lt_tensor *axes)
{
    lt_ctx *ctx = f->models->ctx;
    lt_tensor *sum = lt_zeros(ctx, 2, (int64_t[]){lt_dim(f->x, 2), lt_dim(f->x, 3)});
    lt_status status = sum && axes ? LT_OK : lt_ctx_status(ctx);
    for (int64_t k = 0; status == LT_OK && k < lt_dim(axes, 0); k++) {
        const lt_scope scope = lt_scope_open(ctx);
        status = add_axis(f, lt_slice(ctx, axes, 0, k, 1), lt_f32(sum));
        lt_scope_close(ctx, scope, NULL);
    }
    return status == LT_OK ? sum : NULL;
}

/* One pass of a Gaussian: `lines` lines that begin `next` floats apart, each of `n` values that are
 * `step` floats apart. The weights are normalised where the Gaussian leaves the picture. */
static void blur_lines(const float *from, float *to, int64_t n, int64_t lines, int64_t step,
                       int64_t next, float sigma)
{
    const int64_t reach = (int64_t)ceilf(2.5f * sigma);
    for (int64_t l = 0; l < lines; l++) {
        for (int64_t i = 0; i < n; i++) {
            double sum = 0.0, weight = 0.0;
            for (int64_t d = -reach; d <= reach; d++) {
                if (i + d < 0 || i + d >= n)
                    continue;
                const double w = exp(-0.5 * (double)(d * d) / (double)(sigma * sigma));
                sum += w * (double)from[l * next + (i + d) * step];
                weight += w;
            }
            to[l * next + i * step] = (float)(sum / weight);
        }
    }
}

static lt_tensor *blurred(lt_ctx *ctx, const lt_tensor *map, float sigma)
{
    const int64_t h = lt_dim(map, 0), w = lt_dim(map, 1);
    lt_tensor *rows = lt_zeros(ctx, 2, lt_shape(map)), *both = lt_zeros(ctx, 2, lt_shape(map));
    if (!rows || !both)
        return NULL;
    blur_lines(lt_f32(map), lt_f32(rows), w, h, 1, w, sigma);
    blur_lines(lt_f32(rows), lt_f32(both), h, w, w, 1, sigma);
    return both;
}

static double mean_of(const float *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / (double)n;
}

/* Computes M from the two blurred maps; the result replaces `text`. */
static void compare(float *text, const float *any, int64_t n, float threshold)
{
    const float least = floor_share * (float)mean_of(any, n);
    for (int64_t i = 0; i < n; i++)
        text[i] /= any[i] + least + 1e-30f;
    const float mean = (float)mean_of(text, n) + 1e-30f;
    for (int64_t i = 0; i < n; i++) {
        const float r = powf(text[i] / mean / threshold, 4.0f);
        text[i] = isfinite(r) ? r / (1.0f + r) : 1.0f;
    }
}

lt_tensor *ce_focus_reduced(const struct ce_models *models, lt_tensor *x)
{
    const int64_t side = lt_clip_describe(models->clip)->image_size;
    return x && lt_dim(x, 2) > side ? lt_resize_area(models->ctx, x, side, side) : x;
}

lt_tensor *ce_focus_enlarged(lt_ctx *ctx, lt_tensor *map, int64_t side)
{
    return !map || lt_dim(map, 2) == side
               ? map
               : lt_clamp(ctx, lt_resize_bicubic(ctx, map, side, side, false), 0.0f, 1.0f);
}

lt_tensor *ce_focus_map(const struct ce_models *models, const struct ce_focus_config *config,
                        const struct ce_nce_config *nce, const struct ce_nce_texts *texts,
                        lt_tensor *x, lt_rng *rng)
{
    lt_ctx *ctx = models->ctx;
    if (config->copies < 0 || config->copies > CE_NCE_MAX_COPIES || !(config->blur > 0.0f) ||
        !(config->threshold > 0.0f)) {
        lt_fail(ctx, LT_ERR_ARGUMENT,
                "focus: %d copies, blur %g and threshold %g; expected 0 to %d copies, "
                "the others above 0",
                config->copies, (double)config->blur, (double)config->threshold, CE_NCE_MAX_COPIES);
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *small = ce_focus_reduced(models, lt_detach(ctx, x)), *map = NULL;
    struct focus f = {
        .models = models, .nce = *nce, .x = small ? lt_detach(ctx, small) : NULL, .rng = rng};
    f.nce.copies = config->copies;
    if (!f.x || lt_set_requires_grad(ctx, f.x, true) != LT_OK)
        goto out;
    const float sigma = config->blur * (float)lt_dim(f.x, 2);
    lt_tensor *text = sensitivity(&f, text_axes(ctx, texts));
    lt_tensor *any =
        text ? sensitivity(&f, random_axes(ctx, lt_clip_describe(models->clip)->embed_dim, rng))
             : NULL;
    lt_tensor *blurred_text = any ? blurred(ctx, text, sigma) : NULL;
    lt_tensor *blurred_any = blurred_text ? blurred(ctx, any, sigma) : NULL;
    if (!blurred_any)
        goto out;
    compare(lt_f32(blurred_text), lt_f32(blurred_any), lt_numel(text), config->threshold);
    map = lt_reshape(ctx, blurred_text, 4, (int64_t[]){1, 1, lt_dim(f.x, 2), lt_dim(f.x, 3)});
    lt_no_grad_begin(ctx);
    map = ce_focus_enlarged(ctx, map, lt_dim(x, 2));
    lt_no_grad_end(ctx);
out:
    return lt_scope_close(ctx, scope, map);
}
