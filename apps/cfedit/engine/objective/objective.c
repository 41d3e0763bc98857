#include "engine/objective/objective.h"

#include <math.h>
#include <string.h>

#include "autograd/ops.h"

const char *const ce_terms_name[CE_TERMS] = {"loss", "loss_nce", "loss_l2_latent", "loss_id",
                                             "loss_perc"};

void ce_terms_values(const struct ce_terms *terms, float values[CE_TERMS])
{
    values[0] = terms->loss;
    values[1] = terms->nce;
    values[2] = terms->latent_l2;
    values[3] = terms->identity;
    values[4] = terms->perc;
}

struct ce_objective_config ce_objective_defaults(void)
{
    return (struct ce_objective_config){
        .nce_lambda = 0.3f, .latent_l2_lambda = 0.8f, .id_lambda = 0.2f, .nce = ce_nce_defaults()};
}

unsigned ce_objective_needs(const struct ce_objective_config *config)
{
    unsigned needs = CE_NEED_GENERATOR;
    if (config->nce_lambda > 0)
        needs |= CE_NEED_TEXT;
    if (config->id_lambda > 0)
        needs |= CE_NEED_IDENTITY;
    if (config->perc_lambda > 0)
        needs |= CE_NEED_VGG;
    return needs;
}

static lt_status check_networks(const struct ce_models *models,
                                const struct ce_objective_config *config)
{
    lt_ctx *ctx = models->ctx;
    const struct {
        const char *option;
        float factor;
        bool there;
        const char *network;
    } term[] = {
        {"nce-lambda", config->nce_lambda, models->clip && models->tokenizer,
         "CLIP and its tokenizer"},
        {"latent-l2-lambda", config->latent_l2_lambda, true, ""},
        {"id-lambda", config->id_lambda, models->identity != NULL, "the identity network"},
        {"perc-lambda", config->perc_lambda, models->vgg != NULL, "VGG19"},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof term / sizeof term[0]; i++) {
        if (!(term[i].factor >= 0) || isinf(term[i].factor))
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s is %g, expected a number of at least 0",
                           term[i].option, (double)term[i].factor);
        if (term[i].factor > 0 && !term[i].there)
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s is %g, but %s is not there", term[i].option,
                           (double)term[i].factor, term[i].network);
        any |= term[i].factor > 0;
    }
    if (!any)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "every term of the loss is switched off");
    if (!models->generator)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "the objective needs a generator");
    return LT_OK;
}

lt_status ce_objective_prepare(const struct ce_models *models,
                               const struct ce_objective_config *config, const char *source_text,
                               const char *target_text, struct ce_objective *objective)
{
    *objective = (struct ce_objective){.models = models, .config = *config};
    const lt_status status = check_networks(models, config);
    if (status || !(config->nce_lambda > 0))
        return status;
    return ce_nce_texts_prepare(models, &config->nce, source_text, target_text, &objective->texts);
}

void ce_objective_free(struct ce_objective *objective) { ce_nce_texts_free(&objective->texts); }

/* ---- features of a picture ---- */

/* Everything of one picture, w (1,L,D), in the innermost scope. */
static lt_status prepare_one(const struct ce_objective *objective, lt_tensor *w,
                             struct ce_source *one)
{
    const struct ce_objective_config *config = &objective->config;
    const struct ce_models *models = objective->models;
    lt_ctx *ctx = models->ctx;
    *one = (struct ce_source){.w = w};
    one->x = lt_stylegan2_synthesis(ctx, models->generator, w);
    if (one->x && config->nce_lambda > 0)
        one->clip = ce_image_features(ctx, models->clip, one->x, config->nce.antialias);
    if (one->x && config->id_lambda > 0)
        one->identity = lt_irse50_features(ctx, models->identity, one->x);
    if (one->x && config->perc_lambda > 0)
        one->perc = lt_vgg19_perceptual_features(ctx, models->vgg, one->x);
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

lt_status ce_source_prepare(const struct ce_objective *objective, lt_tensor *w,
                            struct ce_source *source)
{
    lt_ctx *ctx = objective->models->ctx;
    *source = (struct ce_source){0};
    if (!w)
        return lt_ctx_status(ctx);
    const int64_t n = lt_dim(w, 0);
    lt_no_grad_begin(ctx);
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        struct ce_source one;
        const lt_scope scope = lt_scope_open(ctx);
        status = prepare_one(objective, lt_slice(ctx, w, 0, i, 1), &one);
        if (!status)
            status = ce_source_put(ctx, source, n, i, &one);
        lt_scope_close(ctx, scope, NULL);
    }
    lt_no_grad_end(ctx);
    return status;
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

/* ---- loss ---- */

/* total += factor * term; the term's value goes to *value. */
static lt_tensor *add_term(lt_ctx *ctx, lt_tensor *total, lt_tensor *term, float factor,
                           float *value)
{
    if (!term)
        return NULL;
    *value = lt_item(term);
    lt_tensor *weighted = lt_affine(ctx, term, factor, 0.0f);
    return total ? lt_add(ctx, total, weighted) : weighted;
}

lt_tensor *ce_objective_loss(const struct ce_objective *objective, const struct ce_source *source,
                             lt_tensor *w_hat, lt_tensor *x_hat, const double (*coeffs)[8],
                             struct ce_terms *terms)
{
    const struct ce_objective_config *config = &objective->config;
    const struct ce_models *models = objective->models;
    lt_ctx *ctx = models->ctx;
    struct ce_terms value = {NAN, NAN, NAN, NAN, NAN};
    lt_tensor *total = NULL;
    if (terms)
        *terms = value;
    if (!w_hat || !x_hat)
        return NULL;
    if (config->id_lambda > 0) {
        lt_tensor *term = lt_irse50_feature_loss(
            ctx, lt_irse50_features(ctx, models->identity, x_hat), source->identity);
        if (!(total = add_term(ctx, total, term, config->id_lambda, &value.identity)))
            return NULL;
    }
    if (config->perc_lambda > 0) {
        lt_tensor *term =
            lt_l1_loss(ctx, lt_vgg19_perceptual_features(ctx, models->vgg, x_hat), source->perc);
        if (!(total = add_term(ctx, total, term, config->perc_lambda, &value.perc)))
            return NULL;
    }
    if (config->latent_l2_lambda > 0) {
        lt_tensor *term = lt_mse_loss(ctx, w_hat, source->w);
        if (!(total = add_term(ctx, total, term, config->latent_l2_lambda, &value.latent_l2)))
            return NULL;
    }
    if (config->nce_lambda > 0) {
        lt_tensor *term = ce_nce_loss(ctx, models->clip, &config->nce, &objective->texts,
                                      source->clip, x_hat, coeffs);
        if (!(total = add_term(ctx, total, term, config->nce_lambda, &value.nce)))
            return NULL;
    }
    value.loss = lt_item(total);
    if (terms)
        *terms = value;
    return total;
}
