#include "engine/objective/source.h"

#include <string.h>

#include "autograd/ops.h"

/* ---- likeness ---- */

unsigned ce_likeness_needs(struct ce_likeness weights)
{
    return (weights.id_lambda > 0 ? CE_NEED_IDENTITY : 0u) |
           (weights.perc_lambda > 0 ? CE_NEED_VGG : 0u);
}

lt_status ce_likeness_check(const struct ce_models *models, struct ce_likeness weights)
{
    lt_ctx *ctx = models->ctx;
    lt_status status = ce_weight_check(ctx, "id-lambda", weights.id_lambda);
    if (status == LT_OK)
        status = ce_weight_check(ctx, "perc-lambda", weights.perc_lambda);
    if (status != LT_OK)
        return status;
    if (weights.id_lambda > 0 && !models->identity)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "id-lambda is %g, but the identity loss needs an identity network: "
                       "pass --identity FILE",
                       (double)weights.id_lambda);
    if (weights.perc_lambda > 0 && !models->vgg)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "perc-lambda is %g, but the perceptual loss needs a VGG19 network: pass "
                       "--vgg FILE",
                       (double)weights.perc_lambda);
    return LT_OK;
}

lt_tensor *ce_identity_loss(const struct ce_models *models, const struct ce_source *source,
                            lt_tensor *x_hat)
{
    lt_ctx *ctx = models->ctx;
    return lt_irse50_feature_loss(ctx, lt_irse50_features(ctx, models->identity, x_hat),
                                  source->identity);
}

lt_tensor *ce_perceptual_loss(const struct ce_models *models, const struct ce_source *source,
                              lt_tensor *x_hat)
{
    lt_ctx *ctx = models->ctx;
    return lt_l1_loss(ctx, lt_vgg19_perceptual_features(ctx, models->vgg, x_hat), source->perc);
}

void ce_likeness_add(const struct ce_models *models, struct ce_likeness weights,
                     const struct ce_source *source, lt_tensor *x_hat, struct ce_loss *loss)
{
    if (weights.id_lambda > 0)
        ce_loss_add(models->ctx, loss, CE_TERM_IDENTITY, weights.id_lambda,
                    ce_identity_loss(models, source, x_hat));
    if (weights.perc_lambda > 0)
        ce_loss_add(models->ctx, loss, CE_TERM_PERC, weights.perc_lambda,
                    ce_perceptual_loss(models, source, x_hat));
}

/* ---- features ---- */

lt_status ce_source_features(const struct ce_models *models, const struct ce_nce_config *nce,
                             struct ce_likeness weights, struct ce_source *source)
{
    lt_ctx *ctx = models->ctx;
    lt_tensor *x = source->x;
    if (x && nce)
        source->clip = ce_image_features(ctx, models->clip, x, nce->antialias);
    if (x && weights.id_lambda > 0)
        source->identity = lt_irse50_features(ctx, models->identity, x);
    if (x && weights.perc_lambda > 0)
        source->perc = lt_vgg19_perceptual_features(ctx, models->vgg, x);
    return lt_ctx_status(ctx);
}

/* `one` (1, ...) as row i of *all (n, ...), which the first call makes. */
static lt_status put_row(lt_ctx *ctx, lt_tensor **all, int64_t n, int64_t i, const lt_tensor *one)
{
    if (!one)
        return LT_OK;
    if (!*all) {
        int64_t shape[LT_MAX_DIMS];
        memcpy(shape, lt_shape(one), (size_t)lt_ndim(one) * sizeof *shape);
        shape[0] = n;
        *all = lt_retain(lt_empty(ctx, LT_F32, lt_ndim(one), shape));
    }
    if (!*all)
        return lt_ctx_status(ctx);
    return lt_copy_into(ctx, lt_slice(ctx, *all, 0, i, 1), one);
}

lt_status ce_source_put(lt_ctx *ctx, struct ce_source *all, int64_t n, int64_t i,
                        const struct ce_source *one)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_status status = put_row(ctx, &all->w, n, i, one->w);
    if (!status)
        status = put_row(ctx, &all->x, n, i, one->x);
    if (!status)
        status = put_row(ctx, &all->clip, n, i, one->clip);
    if (!status)
        status = put_row(ctx, &all->identity, n, i, one->identity);
    if (!status)
        status = put_row(ctx, &all->perc, n, i, one->perc);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

void ce_source_retain(struct ce_source *source)
{
    lt_retain(source->w);
    lt_retain(source->x);
    lt_retain(source->clip);
    lt_retain(source->identity);
    lt_retain(source->perc);
}

void ce_source_free(struct ce_source *source)
{
    lt_release(source->w);
    lt_release(source->x);
    lt_release(source->clip);
    lt_release(source->identity);
    lt_release(source->perc);
    *source = (struct ce_source){0};
}
