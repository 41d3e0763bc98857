#include "engine/objective/objective.h"

#include "autograd/ops.h"

struct ce_objective_config ce_objective_defaults(void)
{
    return (struct ce_objective_config){
        .nce_lambda = 0.3f, .latent_l2_lambda = 0.8f, .id_lambda = 0.2f, .nce = ce_nce_defaults()};
}

static struct ce_likeness likeness_of(const struct ce_objective_config *config)
{
    return (struct ce_likeness){config->id_lambda, config->perc_lambda};
}

unsigned ce_objective_needs(const struct ce_objective_config *config)
{
    return CE_NEED_GENERATOR | (config->nce_lambda > 0 ? CE_NEED_TEXT : 0u) |
           ce_likeness_needs(likeness_of(config));
}

static lt_status check(const struct ce_models *models, const struct ce_objective_config *config)
{
    lt_ctx *ctx = models->ctx;
    lt_status status = ce_weight_check(ctx, "nce-lambda", config->nce_lambda);
    if (status == LT_OK && config->nce_lambda > 0 && !(models->clip && models->tokenizer))
        status = lt_fail(ctx, LT_ERR_ARGUMENT,
                         "nce-lambda is %g, but CLIP-NCE needs CLIP and its tokenizer: pass --clip "
                         "FILE",
                         (double)config->nce_lambda);
    if (status == LT_OK)
        status = ce_weight_check(ctx, "latent-l2-lambda", config->latent_l2_lambda);
    if (status == LT_OK)
        status = ce_likeness_check(models, likeness_of(config));
    if (status != LT_OK)
        return status;
    if (!(config->nce_lambda > 0 || config->latent_l2_lambda > 0 || config->id_lambda > 0 ||
          config->perc_lambda > 0))
        return lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "every term of the loss is switched off; give at least one a weight above 0");
    if (!models->generator)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "the objective needs a generator");
    return LT_OK;
}

lt_status ce_objective_prepare(const struct ce_models *models,
                               const struct ce_objective_config *config,
                               const struct ce_texts *texts, struct ce_objective *objective)
{
    *objective = (struct ce_objective){.models = models, .config = *config};
    const lt_status status = check(models, config);
    if (status || !(config->nce_lambda > 0))
        return status;
    return ce_nce_texts_prepare(models, &config->nce, texts, &objective->texts);
}

void ce_objective_free(struct ce_objective *objective) { ce_nce_texts_free(&objective->texts); }

/* ---- source pictures ---- */

/* Picture and features of one latent w (1,L,D), in the innermost scope. */
static lt_status prepare_one(const struct ce_objective *objective, lt_tensor *w,
                             struct ce_source *one)
{
    const struct ce_objective_config *config = &objective->config;
    const struct ce_models *models = objective->models;
    *one = (struct ce_source){.w = w};
    one->x = lt_stylegan2_synthesis(models->ctx, models->generator, w);
    return ce_source_features(models, config->nce_lambda > 0 ? &config->nce : NULL,
                              likeness_of(config), one);
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

/* ---- loss ---- */

lt_tensor *ce_objective_loss(const struct ce_objective *objective, const struct ce_source *source,
                             lt_tensor *w_hat, lt_tensor *x_hat, const double (*coeffs)[8],
                             struct ce_terms *terms)
{
    const struct ce_objective_config *config = &objective->config;
    const struct ce_models *models = objective->models;
    lt_ctx *ctx = models->ctx;
    struct ce_loss loss = ce_loss_begin();
    if (terms)
        *terms = loss.terms;
    if (!w_hat || !x_hat)
        return NULL;
    ce_likeness_add(models, likeness_of(config), source, x_hat, &loss);
    if (config->latent_l2_lambda > 0)
        ce_loss_add(ctx, &loss, CE_TERM_LATENT_L2, config->latent_l2_lambda,
                    lt_mse_loss(ctx, w_hat, source->w));
    if (config->nce_lambda > 0)
        ce_loss_add(ctx, &loss, CE_TERM_TEXT, config->nce_lambda,
                    ce_nce_loss(ctx, models->clip, &config->nce, &objective->texts, source->clip,
                                x_hat, coeffs));
    lt_tensor *total = ce_loss_end(ctx, &loss);
    if (total && terms)
        *terms = loss.terms;
    return total;
}
