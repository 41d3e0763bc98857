#include "engine/objective/clip_nce.h"

#include "autograd/ops.h"

#define UNIT_EPS 1e-12f

struct ce_nce_config ce_nce_defaults(void)
{
    return (struct ce_nce_config){.temperature = 0.1f,
                                  .copies = 8,
                                  .distortion = CE_PERSPECTIVE_DISTORTION,
                                  .templates = CE_TEMPLATES,
                                  .use_pos1 = true,
                                  .use_pos2 = true,
                                  .use_negatives = true,
                                  .contrast_lambda = 0.0f,
                                  .contrast_temperature = 0.05f};
}

lt_status ce_nce_check(lt_ctx *ctx, const struct ce_nce_config *config)
{
    if (!(config->temperature > 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "CLIP-NCE: the temperature is %g, expected above 0",
                       (double)config->temperature);
    if (config->copies < 0 || config->copies > CE_NCE_MAX_COPIES)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "CLIP-NCE: %d augmented copies, expected 0..%d",
                       config->copies, CE_NCE_MAX_COPIES);
    if (!(config->distortion >= 0 && config->distortion <= 1))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "CLIP-NCE: the distortion is %g, expected 0..1",
                       config->distortion);
    if (config->templates < 1 || config->templates > CE_TEMPLATES)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "CLIP-NCE: %d templates, expected 1..%d",
                       config->templates, CE_TEMPLATES);
    if (!(config->contrast_lambda >= 0 && config->contrast_temperature > 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "CLIP-NCE: contrasts have weight %g and temperature %g, expected at "
                       "least 0 and above 0",
                       (double)config->contrast_lambda, (double)config->contrast_temperature);
    if (!config->use_pos1 && !config->use_pos2)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "CLIP-NCE: both positives are off; at least one is needed");
    return LT_OK;
}

/* ---- texts ---- */

static lt_status check_contrasts(lt_ctx *ctx, const struct ce_texts *texts)
{
    if (texts->contrast_count < 0 || texts->contrast_count > CE_NCE_MAX_CONTRASTS)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "CLIP-NCE: %d contrasts, expected 0..%d",
                       texts->contrast_count, CE_NCE_MAX_CONTRASTS);
    if (texts->contrast_axes < 0 || texts->contrast_axes > texts->contrast_count)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "CLIP-NCE: %d of the contrasts are axes, expected 0..%d",
                       texts->contrast_axes, texts->contrast_count);
    return LT_OK;
}

lt_status ce_nce_texts_prepare(const struct ce_models *models, const struct ce_nce_config *config,
                               const struct ce_texts *texts, struct ce_nce_texts *out)
{
    lt_ctx *ctx = models->ctx;
    *out = (struct ce_nce_texts){0};
    lt_status status = ce_nce_check(ctx, config);
    if (!status)
        status = check_contrasts(ctx, texts);
    if (status)
        return status;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *s = ce_text_template_features(models, texts->source, config->templates);
    lt_tensor *t = s ? ce_text_template_features(models, texts->target, config->templates) : NULL;
    lt_tensor *mean = lt_mean(ctx, t, 1u, true);
    lt_tensor *shift = lt_mean(ctx, lt_sub(ctx, t, s), 1u, true);
    lt_tensor *length = lt_sqrt(ctx, lt_sum(ctx, lt_square(ctx, shift), 0, false));
    lt_tensor *direction = lt_l2_normalize(ctx, shift, UNIT_EPS);
    if (direction && config->use_pos1 && lt_item(length) <= 1e-6f)
        lt_fail(ctx, LT_ERR_NUMERIC,
                "CLIP sees no difference between the source text \"%s\" and the target text \"%s\"",
                texts->source, texts->target);
    lt_tensor *plain = lt_l2_normalize(ctx, ce_text_feature(models, texts->target), UNIT_EPS);
    lt_tensor *contrast = s && texts->contrast_count > 0
                              ? ce_text_template_means(models, texts->contrasts,
                                                       texts->contrast_count, config->templates)
                              : NULL;
    status = lt_ctx_status(ctx);
    if (status == LT_OK) {
        out->source = lt_retain(s);
        out->target = lt_retain(t);
        out->target_mean = lt_retain(mean);
        out->direction = lt_retain(direction);
        out->plain = lt_retain(plain);
        out->contrast = lt_retain(contrast);
        out->contrast_axes = texts->contrast_axes;
    }
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

void ce_nce_texts_free(struct ce_nce_texts *texts)
{
    lt_release(texts->source);
    lt_release(texts->target);
    lt_release(texts->target_mean);
    lt_release(texts->direction);
    lt_release(texts->plain);
    lt_release(texts->contrast);
    *texts = (struct ce_nce_texts){0};
}

/* ---- images ---- */

lt_tensor *ce_image_features(lt_ctx *ctx, const lt_clip *clip, lt_tensor *images, bool antialias)
{
    lt_tensor *pixels = lt_clip_preprocess(ctx, clip, images, antialias);
    return lt_l2_normalize(ctx, lt_clip_encode_image(ctx, clip, pixels), UNIT_EPS);
}

lt_tensor *ce_nce_augmented_features(lt_ctx *ctx, const lt_clip *clip,
                                     const struct ce_nce_config *config, lt_tensor *images,
                                     const double (*coeffs)[8])
{
    if (config->copies == 0)
        return ce_image_features(ctx, clip, images, config->antialias);
    lt_tensor *pixels[CE_NCE_MAX_COPIES];
    /* A square picture is warped and reduced in one operation, with the result that
     * lt_clip_preprocess() would give. */
    const int64_t size = lt_clip_describe(clip)->image_size;
    const bool fits = images && lt_ndim(images) == 4 && lt_dim(images, 2) == lt_dim(images, 3) &&
                      !config->antialias;
    for (int c = 0; c < config->copies; c++) {
        /* Reduce each copy to CLIP's size right away: eight warped pictures of 1024 x 1024 would be
         * the largest tensors of a training step. */
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *warped = fits ? lt_warp_resize(ctx, images, coeffs[c], true, size, size)
                                 : lt_warp_perspective(ctx, images, coeffs[c], true);
        pixels[c] =
            lt_scope_close(ctx, scope, lt_clip_preprocess(ctx, clip, warped, config->antialias));
        if (!pixels[c])
            return NULL;
    }
    lt_tensor *batch = lt_concat(ctx, config->copies, pixels, 0);
    return lt_l2_normalize(ctx, lt_clip_encode_image(ctx, clip, batch), UNIT_EPS);
}

lt_status ce_nce_draw(lt_ctx *ctx, const struct ce_nce_config *config, lt_rng *rng, int64_t size,
                      double (*coeffs)[8])
{
    lt_status status = LT_OK;
    for (int c = 0; c < config->copies && !status; c++)
        status = ce_perspective_random(ctx, rng, size, config->distortion, coeffs[c]);
    return status;
}

/* ---- loss ---- */

/* Repeats the rows of x (1 or B, D) in turn until there are `rows` of them. */
static lt_tensor *repeat_rows(lt_ctx *ctx, lt_tensor *x, int64_t rows)
{
    if (!x || lt_dim(x, 0) == rows)
        return x;
    const int64_t b = lt_dim(x, 0), d = lt_dim(x, 1);
    lt_tensor *y = lt_reshape(ctx, x, 3, (int64_t[]){1, b, d});
    return lt_reshape(ctx, lt_expand(ctx, y, 3, (int64_t[]){rows / b, b, d}), 2,
                      (int64_t[]){rows, d});
}

/* The mean of 1 - q.p over rows of unit vectors; *rows are the single values, without gradient. */
static lt_tensor *cosine_loss(lt_ctx *ctx, lt_tensor *query, lt_tensor *positive, lt_tensor **rows)
{
    lt_tensor *each =
        lt_affine(ctx, lt_sum(ctx, lt_mul(ctx, query, positive), 2u, false), -1.0f, 1.0f);
    *rows = each ? lt_detach(ctx, each) : NULL;
    return lt_mean(ctx, each, 0, false);
}

/* CLIP-NCE, or the mean of 1 - q.p without its negatives. */
static lt_tensor *direction_loss(lt_ctx *ctx, const struct ce_nce_config *config,
                                 const struct ce_nce_texts *texts, lt_tensor *source,
                                 lt_tensor *edited, struct ce_nce_parts *parts)
{
    const int64_t rows = lt_dim(edited, 0);
    lt_tensor *query =
        lt_l2_normalize(ctx, lt_sub(ctx, edited, repeat_rows(ctx, source, rows)), UNIT_EPS);
    lt_tensor *pair[2];
    int count = 0;
    if (config->use_pos1)
        pair[count++] = repeat_rows(ctx, texts->direction, rows);
    if (config->use_pos2) {
        lt_tensor *away = lt_l2_normalize(ctx, lt_sub(ctx, texts->target_mean, source), UNIT_EPS);
        pair[count++] = repeat_rows(ctx, away, rows);
    }
    lt_tensor *positive = count == 2 ? lt_concat(ctx, 2, pair, 0) : pair[0];
    lt_tensor *queries = count == 2 ? lt_concat(ctx, 2, (lt_tensor *[]){query, query}, 0) : query;
    lt_tensor *negatives = NULL, *each = NULL, *loss;
    if (config->use_negatives) {
        lt_tensor *first = lt_slice(ctx, source, 0, 0, 1);
        negatives = lt_l2_normalize(ctx, lt_sub(ctx, texts->source, first), UNIT_EPS);
        loss = lt_info_nce(ctx, queries, positive, negatives, config->temperature, &each);
    } else {
        loss = cosine_loss(ctx, queries, positive, &each);
    }
    *parts = (struct ce_nce_parts){queries, positive, negatives, each};
    return loss;
}

lt_tensor *ce_nce_from_features(lt_ctx *ctx, const struct ce_nce_config *config,
                                const struct ce_nce_texts *texts, lt_tensor *source,
                                lt_tensor *edited, struct ce_nce_parts *parts)
{
    if (ce_nce_check(ctx, config) || !source || !edited)
        return NULL;
    const int64_t batch = lt_dim(source, 0), rows = lt_dim(edited, 0);
    if (lt_ndim(source) != 2 || lt_ndim(edited) != 2 || batch < 1 || rows % batch != 0 ||
        lt_dim(source, 1) != lt_dim(edited, 1)) {
        char a[80], b[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "CLIP-NCE: edited features are %s, expected whole copies of the source's %s",
                lt_shape_string(edited, a, sizeof a), lt_shape_string(source, b, sizeof b));
        return NULL;
    }
    struct ce_nce_parts own = {0};
    lt_tensor *each;
    lt_tensor *loss = config->global
                          ? cosine_loss(ctx, edited, repeat_rows(ctx, texts->plain, rows), &each)
                          : direction_loss(ctx, config, texts, source, edited, &own);
    if (texts->contrast) {
        lt_tensor *contrast = lt_info_nce(ctx, edited, repeat_rows(ctx, texts->target_mean, rows),
                                          texts->contrast, config->contrast_temperature, NULL);
        loss = lt_add(ctx, loss, lt_affine(ctx, contrast, config->contrast_lambda, 0.0f));
    }
    if (parts)
        *parts = own;
    return loss;
}

lt_tensor *ce_nce_loss(lt_ctx *ctx, const lt_clip *clip, const struct ce_nce_config *config,
                       const struct ce_nce_texts *texts, lt_tensor *source, lt_tensor *x_hat,
                       const double (*coeffs)[8])
{
    lt_tensor *edited = ce_nce_augmented_features(ctx, clip, config, x_hat, coeffs);
    return ce_nce_from_features(ctx, config, texts, source, edited, NULL);
}
