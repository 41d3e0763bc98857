#include "engine/objective/terms.h"

#include <math.h>

#include "autograd/ops.h"

const char *const ce_terms_name[CE_TERMS_LOGGED] = {"loss", "loss_nce", "loss_l2_latent", "loss_id",
                                                    "loss_perc"};

struct ce_terms ce_terms_none(void)
{
    struct ce_terms terms = {.loss = NAN};
    for (int i = 0; i < CE_TERMS; i++)
        terms.value[i] = NAN;
    return terms;
}

void ce_terms_values(const struct ce_terms *terms, float values[CE_TERMS_LOGGED])
{
    values[0] = terms->loss;
    for (int i = 1; i < CE_TERMS_LOGGED; i++)
        values[i] = terms->value[i - 1];
}

struct ce_terms ce_terms_of_values(const float values[CE_TERMS_LOGGED])
{
    struct ce_terms terms = ce_terms_none();
    terms.loss = values[0];
    for (int i = 1; i < CE_TERMS_LOGGED; i++)
        terms.value[i - 1] = values[i];
    return terms;
}

lt_status ce_weight_check(lt_ctx *ctx, const char *name, float weight)
{
    if (weight >= 0 && isfinite(weight))
        return LT_OK;
    return lt_fail(ctx, LT_ERR_ARGUMENT, "%s is %g, expected a number of at least 0", name,
                   (double)weight);
}

struct ce_loss ce_loss_begin(void) { return (struct ce_loss){.terms = ce_terms_none()}; }

void ce_loss_add(lt_ctx *ctx, struct ce_loss *loss, enum ce_term term, float weight,
                 lt_tensor *value)
{
    if (!value)
        return;
    loss->terms.value[term] = lt_item(value);
    lt_tensor *weighted = lt_affine(ctx, value, weight, 0.0f);
    loss->total = loss->total ? lt_add(ctx, loss->total, weighted) : weighted;
}

lt_tensor *ce_loss_end(lt_ctx *ctx, struct ce_loss *loss)
{
    if (!loss->total || lt_ctx_status(ctx) != LT_OK)
        return NULL;
    loss->terms.loss = lt_item(loss->total);
    return loss->total;
}
