#include "weights/clip_training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/perspective.h"

static const char readout_prefix[] = "readout.";

/* ---- texts ---- */

void clip_list_templates(const char *templates[CE_TEMPLATES])
{
    for (int i = 0; i < CE_TEMPLATES; i++)
        templates[i] = ce_template(i);
}

lt_status clip_learn_vocabulary(lt_ctx *ctx, lt_params *params, int merges,
                                clip_caption_fn *caption, size_t cap, lt_tokenizer **tokenizer)
{
    enum { TEXTS = 20000 };
    char **text = calloc(TEXTS, sizeof *text);
    char *list = NULL;
    size_t bytes = 0;
    lt_status status = text ? LT_OK : lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the captions");
    uint64_t rng = 12345;
    for (size_t i = 0; i < TEXTS && status == LT_OK; i++) {
        text[i] = malloc(cap);
        if (!text[i])
            status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the captions");
        else
            caption(&rng, text[i], cap);
    }
    if (status == LT_OK)
        status = lt_bpe_train(ctx, (const char *const *)text, TEXTS, (size_t)merges, &list, &bytes);
    const lt_scope scope = lt_scope_open(ctx);
    if (status == LT_OK) {
        lt_tensor *t = lt_from_copy(ctx, LT_U8, 1, (int64_t[]){(int64_t)bytes}, list);
        status = t ? lt_params_add(ctx, params, "tokenizer.merges", t) : lt_ctx_status(ctx);
    }
    lt_scope_close(ctx, scope, NULL);
    if (status == LT_OK)
        status = lt_tokenizer_create(ctx, list, bytes, tokenizer);
    for (size_t i = 0; text && i < TEXTS; i++)
        free(text[i]);
    free(text);
    free(list);
    return status;
}

lt_status clip_tokenize_caption(lt_ctx *ctx, const lt_tokenizer *tokenizer, const char *caption,
                                int32_t *ids, int context, bool *fits)
{
    size_t count = 0;
    const lt_status status =
        lt_tokenize(ctx, tokenizer, caption, strlen(caption), ids, (size_t)context, &count);
    *fits = status == LT_OK;
    if (status == LT_ERR_SHAPE) {
        lt_ctx_clear(ctx);
        memset(ids, 0, sizeof *ids * (size_t)context);
        return LT_OK;
    }
    return status;
}

/* ---- pictures ---- */

bool clip_is_warped(int64_t item) { return item % 4 >= 2; }

lt_tensor *clip_warp_half(lt_ctx *ctx, lt_tensor *images, lt_rng *rng)
{
    const int64_t n = lt_dim(images, 0);
    const int size = (int)lt_dim(images, 2);
    lt_tensor **part = malloc(sizeof(lt_tensor *) * (size_t)n);
    if (!part) {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a batch");
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        part[i] = lt_slice(ctx, images, 0, i, 1);
        if (!clip_is_warped(i))
            continue;
        const struct ce_perspective warp =
            ce_perspective_draw(rng, size, size, CE_PERSPECTIVE_DISTORTION);
        double coeffs[8];
        if (ce_perspective_solve(ctx, &warp, coeffs) == LT_OK)
            part[i] = lt_warp_perspective(ctx, part[i], coeffs, true);
    }
    lt_tensor *out = lt_concat(ctx, (int)n, part, 0);
    free(part);
    return out;
}

/* ---- read-outs ---- */

void clip_add_readout(lt_ctx *ctx, lt_params *params, const char *name, int64_t out, int64_t in,
                      lt_rng *rng)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s.weight", readout_prefix, name);
    lt_params_new(ctx, params, key, 2, (int64_t[]){out, in}, rng, 0.0f, 0.02f);
    snprintf(key, sizeof key, "%s%s.bias", readout_prefix, name);
    lt_params_new(ctx, params, key, 1, &out, rng, 0.0f, 0.0f);
}

lt_tensor *clip_read_out(lt_ctx *ctx, const lt_params *params, const char *name, lt_tensor *x)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s.weight", readout_prefix, name);
    lt_tensor *w = lt_params_find(params, key);
    snprintf(key, sizeof key, "%s%s.bias", readout_prefix, name);
    return lt_linear(ctx, x, w, lt_params_find(params, key));
}

/* ---- the loss and the step ---- */

lt_tensor *clip_contrastive_loss(lt_ctx *ctx, const lt_clip *clip, lt_tensor *image,
                                 lt_tensor *text, lt_tensor **logits)
{
    const int64_t n = lt_dim(image, 0);
    lt_tensor *order = lt_empty(ctx, LT_I32, 1, &n);
    for (int64_t i = 0; order && i < n; i++)
        lt_i32(order)[i] = (int32_t)i;
    lt_tensor *scale = lt_exp(ctx, lt_clip_logit_scale(clip));
    lt_tensor *ui = lt_l2_normalize(ctx, image, 1e-12f), *ut = lt_l2_normalize(ctx, text, 1e-12f);
    lt_tensor *z = lt_mul(ctx, lt_matmul(ctx, ui, ut, false, true), scale);
    *logits = z;
    return lt_affine(
        ctx,
        lt_add(ctx, lt_cross_entropy(ctx, z, order),
               lt_cross_entropy(ctx, lt_contiguous(ctx, lt_transpose(ctx, z, 0, 1)), order)),
        0.5f, 0.0f);
}

double clip_diagonal_share(const lt_tensor *logits)
{
    const int64_t n = lt_dim(logits, 0);
    const float *x = lt_f32(logits);
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t best = 0;
        for (int64_t j = 1; j < n; j++)
            best = x[i * n + j] > x[i * n + best] ? j : best;
        right += best == i;
    }
    return (double)right / (double)n;
}

lt_status clip_descend(lt_ctx *ctx, const lt_clip *clip, lt_optim *optim, lt_tensor *loss, float lr)
{
    lt_optim_zero_grad(optim);
    lt_status status = lt_backward(ctx, loss);
    if (status == LT_OK)
        status = lt_optim_clip_grad(ctx, optim, 1.0, NULL);
    lt_optim_set_lr(optim, lr);
    if (status == LT_OK)
        status = lt_optim_step(ctx, optim);
    float *log_scale = lt_f32(lt_clip_logit_scale(clip));
    if (*log_scale > 4.6051702f)
        *log_scale = 4.6051702f;
    return status;
}

lt_status clip_make_optimizer(lt_ctx *ctx, lt_params *params, lt_optim **optim)
{
    lt_optim_config adam = lt_optim_defaults(LT_ADAM);
    adam.beta2 = 0.98;
    adam.weight_decay = 0.01f;
    const lt_status status = lt_params_require_grad(ctx, params, NULL, true);
    return status == LT_OK ? lt_optim_create(ctx, params, &adam, optim) : status;
}

lt_status clip_write(lt_ctx *ctx, const lt_params *params, const char *path)
{
    lt_params *out = NULL;
    lt_status status = lt_params_create(ctx, &out);
    for (size_t i = 0; i < lt_params_count(params) && status == LT_OK; i++) {
        const char *name = lt_params_name(params, i);
        if (strncmp(name, readout_prefix, sizeof readout_prefix - 1) != 0)
            status = lt_params_add(ctx, out, name, lt_params_at(params, i));
    }
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, out, "kind", "clip");
    if (status == LT_OK)
        status = lt_params_save(ctx, out, path, LT_F16);
    lt_params_free(out);
    return status;
}
