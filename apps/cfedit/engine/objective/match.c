#include "engine/objective/match.h"

#include <math.h>

#include "autograd/ops.h"
#include "engine/objective/clip_nce.h"

double ce_text_match(const struct ce_models *models, lt_tensor *text, lt_tensor *x, bool antialias)
{
    lt_ctx *ctx = models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *cosine = lt_sum(ctx,
                               lt_mul(ctx, ce_image_features(ctx, models->clip, x, antialias),
                                      lt_l2_normalize(ctx, text, 1e-12f)),
                               0, false);
    const double value = cosine ? (double)lt_item(cosine) : NAN;
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    if (cosine && isnan(value))
        ce_models_not_finite(models, "the picture has a value that is not a number, so that CLIP "
                                     "cannot compare it with the text");
    return value;
}
