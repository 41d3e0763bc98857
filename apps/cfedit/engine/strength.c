#include "engine/strength.h"

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "engine/latent/latent_space.h"

/* from + strength * (to - from). NULL on failure. */
static lt_tensor *between(lt_ctx *ctx, lt_tensor *from, lt_tensor *to, float strength)
{
    return lt_add(ctx, from, lt_affine(ctx, lt_sub(ctx, to, from), strength, 0.0f));
}

/* Draws an edit in StyleSpace. */
static lt_status draw_styles(const struct ce_models *models, const struct ce_edit_result *found,
                             float strength, struct ce_edit_result *result)
{
    lt_ctx *ctx = models->ctx;
    lt_tensor *code[CE_SPACE_STYLES] = {NULL};
    lt_status status = lt_stylegan2_styles(ctx, models->generator, found->w, code);
    for (int i = 0; i < found->style_count && status == LT_OK; i++) {
        code[i] = between(ctx, code[i], found->styles[i], strength);
        status = code[i] ? LT_OK : lt_ctx_status(ctx);
    }
    if (status != LT_OK)
        return status;
    return ce_edit_result_set(ctx, result, found->w, found->x,
                              lt_stylegan2_synthesis_styles(ctx, models->generator, code),
                              found->latents, code, found->style_count);
}

/* Draws an edit of the latent. */
static lt_status draw_latent(const struct ce_models *models, const struct ce_edit_result *found,
                             float strength, struct ce_edit_result *result)
{
    lt_ctx *ctx = models->ctx;
    lt_tensor *w_hat = between(ctx, found->w, found->latents, strength);
    lt_tensor *x_hat = w_hat ? lt_stylegan2_synthesis(ctx, models->generator, w_hat) : NULL;
    return ce_edit_result_set(ctx, result, found->w, found->x, x_hat, w_hat, NULL, 0);
}

lt_status ce_strength_draw(const struct ce_models *models, const struct ce_edit_result *found,
                           float strength, struct ce_edit_result *result)
{
    lt_ctx *ctx = models->ctx;
    *result = (struct ce_edit_result){
        .first = found->first, .last = found->last, .seconds = found->seconds};
    if (strength == 1.0f)
        return ce_edit_result_set(ctx, result, found->w, found->x, found->x_hat, found->latents,
                                  found->styles, found->style_count);
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    const lt_status status = found->styles ? draw_styles(models, found, strength, result)
                                           : draw_latent(models, found, strength, result);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
