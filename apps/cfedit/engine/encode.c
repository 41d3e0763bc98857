#include "engine/encode.h"

#include "autograd/ops.h"

/* The latent that a ReStyle encoder finds. */
static lt_tensor *refined(const struct ce_models *models, lt_tensor *x, int iterations)
{
    lt_ctx *ctx = models->ctx;
    lt_tensor *w = lt_encoder_start(ctx, models->encoder);
    for (int i = 0; i < iterations && w; i++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *drawn = lt_stylegan2_synthesis(ctx, models->generator, w);
        w = lt_scope_close(ctx, scope,
                           drawn ? lt_encoder_refine(ctx, models->encoder, x, drawn, w) : NULL);
    }
    return w;
}

/* W+ of the latent (1,1,D) that an encoder into W finds. */
static lt_tensor *spread(const struct ce_models *models, lt_tensor *w)
{
    lt_ctx *ctx = models->ctx;
    w = w ? lt_reshape(ctx, w, 2, (const int64_t[]){1, lt_dim(w, 2)}) : NULL;
    return w ? lt_stylegan2_broadcast(ctx, models->generator, w) : NULL;
}

lt_tensor *ce_encode(const struct ce_models *models, lt_tensor *x, int iterations)
{
    lt_ctx *ctx = models->ctx;
    const lt_encoder_config *e = lt_encoder_describe(models->encoder);
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *w =
        e->iterative ? refined(models, x, iterations) : lt_encoder_encode(ctx, models->encoder, x);
    if (e->latents == 1)
        w = spread(models, w);
    w = w ? lt_contiguous(ctx, w) : NULL;
    lt_no_grad_end(ctx);
    if (w && lt_check_finite(ctx, w, "the latent that the model's encoder finds") != LT_OK)
        w = NULL;
    return lt_scope_close(ctx, scope, w);
}
