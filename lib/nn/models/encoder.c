/* Runs an encoder. */
#include "nn/models/encoder.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "nn/models/encoder_impl.h"

static const float slope = 0.01f; /* of the leaky ReLU in the heads */

/* ---- layers ---- */

/* StyleGAN2's linear layer with the equalised learning rate: x (N, I) gives (N, O). */
static lt_tensor *equal_linear(lt_ctx *ctx, const struct lt_encoder_linear *layer, lt_tensor *x)
{
    x = lt_affine(ctx, x, 1.0f / sqrtf((float)lt_dim(layer->weight, 1)), 0.0f);
    return lt_linear(ctx, x, layer->weight, layer->bias);
}

/* A matrix (n, from) that interpolates `from` samples linearly at n places, the first and the
 * last sample at the first and the last place: row i has the weights at i (from - 1) / (n - 1). */
static lt_tensor *interpolation(lt_ctx *ctx, int64_t from, int64_t n)
{
    lt_tensor *m = lt_zeros(ctx, 2, (const int64_t[]){n, from});
    for (int64_t i = 0; m && i < n; i++) {
        const float at = n > 1 ? (float)i * ((float)(from - 1) / (float)(n - 1)) : 0.0f;
        const int64_t low = (int64_t)at < from - 1 ? (int64_t)at : from - 1,
                      high = low + 1 < from ? low + 1 : low;
        lt_f32(m)[i * from + low] += 1.0f - (at - (float)low);
        lt_f32(m)[i * from + high] += at - (float)low;
    }
    return m;
}

/* A matrix (n, from) of the means that PyTorch's adaptive pooling takes: row i averages the samples
 * from floor(i from / n) on, and before ceil((i + 1) from / n). Neighbouring ranges may overlap. */
static lt_tensor *pooling(lt_ctx *ctx, int64_t from, int64_t n)
{
    lt_tensor *m = lt_zeros(ctx, 2, (const int64_t[]){n, from});
    for (int64_t i = 0; m && i < n; i++) {
        const int64_t begin = i * from / n, end = ((i + 1) * from + n - 1) / n;
        for (int64_t j = begin; j < end; j++)
            lt_f32(m)[i * from + j] = 1.0f / (float)(end - begin);
    }
    return m;
}

/* rows x columns^T for x (N, C, h, w): rows (H, h) and columns (W, w) give (N, C, H, W). */
static lt_tensor *resampled(lt_ctx *ctx, lt_tensor *rows, lt_tensor *x, lt_tensor *columns)
{
    return lt_matmul(ctx, lt_matmul(ctx, rows, x, false, false), columns, false, true);
}

/* x (N, C, h, w), upsampled bilinearly to the size of `like`, plus `like`. */
static lt_tensor *upsample_add(lt_ctx *ctx, lt_tensor *x, lt_tensor *like)
{
    if (!x || !like)
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *rows = interpolation(ctx, lt_dim(x, 2), lt_dim(like, 2));
    lt_tensor *columns = interpolation(ctx, lt_dim(x, 3), lt_dim(like, 3));
    return lt_scope_close(ctx, scope, lt_add(ctx, resampled(ctx, rows, x, columns), like));
}

/* ---- the layers behind the body: maps of several levels give latents (N, L, D) ---- */

/* Runs a head: x (N, C, s, s) gives (N, 1, D). */
static lt_tensor *run_head(lt_ctx *ctx, const struct lt_encoder_head *h, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    for (int i = 0; i < h->convs; i++)
        x = lt_leaky_relu(ctx, lt_conv2d(ctx, x, NULL, h->weight[i], h->bias[i], 2, 1), slope,
                          1.0f);
    const int64_t d = lt_dim(h->linear.weight, 1);
    x = x ? lt_reshape(ctx, x, 2, (const int64_t[]){lt_dim(x, 0), d}) : NULL;
    x = equal_linear(ctx, &h->linear, x);
    return lt_scope_close(ctx, scope, lt_reshape(ctx, x, 3, (const int64_t[]){-1, 1, d}));
}

/* Runs all heads, each on its level. */
static lt_tensor *run_heads(lt_ctx *ctx, const lt_encoder *net, lt_tensor *const *level)
{
    const int n = net->config.latents;
    lt_tensor **row = calloc((size_t)n, sizeof *row), *w = NULL;
    if (!row) {
        lt_fail(ctx, LT_ERR_MEMORY, "encoder: out of memory");
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    for (int i = 0; i < n; i++) {
        row[i] = run_head(ctx, &net->head[i], level[net->head[i].level]);
        if (net->deltas && i > 0)
            row[i] = lt_add(ctx, row[i], row[0]);
        if (!row[i])
            break;
    }
    if (row[n - 1])
        w = lt_concat(ctx, n, row, 1);
    free(row);
    return lt_scope_close(ctx, scope, w);
}

/* Runs the pyramid, and the heads on its levels. */
static lt_tensor *run_pyramid(lt_ctx *ctx, const lt_encoder *net, lt_tensor **level)
{
    for (int l = 1; l < LT_IRSE_LEVELS; l++)
        level[l] = upsample_add(
            ctx, level[l - 1],
            lt_conv2d(ctx, level[l], NULL, net->lateral_weight[l], net->lateral_bias[l], 1, 0));
    return run_heads(ctx, net, level);
}

/* Makes one latent of the last map x (N, C, h, w), by its mean: (N, 1, D). */
static lt_tensor *run_w(lt_ctx *ctx, const lt_encoder *net, lt_tensor *x)
{
    x = equal_linear(ctx, &net->linear, lt_mean(ctx, x, 1u << 2 | 1u << 3, false));
    return lt_reshape(ctx, x, 3, (const int64_t[]){-1, 1, net->config.style_dim});
}

/* Makes all latents of the last map x (N, C, h, w), by 7 x 7 means: (N, L, D). */
static lt_tensor *run_wplus(lt_ctx *ctx, const lt_encoder *net, lt_tensor *x)
{
    lt_tensor *rows = pooling(ctx, lt_dim(x, 2), LT_ENCODER_POOLED),
              *columns = pooling(ctx, lt_dim(x, 3), LT_ENCODER_POOLED);
    x = resampled(ctx, rows, lt_irse_norm_run(ctx, &net->norm, x), columns);
    x = lt_reshape(ctx, x, 2, (const int64_t[]){-1, lt_dim(net->pooled.weight, 1)});
    x = equal_linear(ctx, &net->linear, lt_linear(ctx, x, net->pooled.weight, net->pooled.bias));
    return lt_reshape(ctx, x, 3, (const int64_t[]){-1, net->config.latents, net->config.style_dim});
}

/* Runs the network on x (N, 3 or 6, 256, 256): latents (N, L, D), or (N, 1, D) from an encoder into
 * W. Neither the mean latent nor an earlier latent is added yet. */
static lt_tensor *run(lt_ctx *ctx, const lt_encoder *net, lt_tensor *x)
{
    const int levels = net->layers == LT_ENCODER_PYRAMID ? LT_IRSE_LEVELS : 1;
    lt_tensor *level[LT_IRSE_LEVELS], *w = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    if (x && lt_irse_body_run(ctx, net->body, x, levels, level) == LT_OK)
        switch (net->layers) {
        case LT_ENCODER_PYRAMID: w = run_pyramid(ctx, net, level); break;
        case LT_ENCODER_HEADS: w = run_heads(ctx, net, level); break;
        case LT_ENCODER_W: w = run_w(ctx, net, level[0]); break;
        case LT_ENCODER_WPLUS: w = run_wplus(ctx, net, level[0]); break;
        }
    return lt_scope_close(ctx, scope, w);
}

/* ---- the public functions ---- */

/* Resizes images (N, 3, H, W) to the side of the encoder's input. */
static lt_tensor *fitted(lt_ctx *ctx, lt_tensor *images)
{
    char s[80];
    if (!images || lt_ndim(images) != 4 || lt_dim(images, 1) != 3 || lt_dim(images, 2) < 1 ||
        lt_dim(images, 3) < 1) {
        if (images)
            lt_fail(ctx, LT_ERR_SHAPE, "encoder: image is %s, expected (N, 3, H, W)",
                    lt_shape_string(images, s, sizeof s));
        else if (lt_ctx_status(ctx) == LT_OK)
            lt_fail(ctx, LT_ERR_ARGUMENT, "encoder: image is NULL");
        return NULL;
    }
    const bool small = lt_dim(images, 2) < LT_ENCODER_SIDE || lt_dim(images, 3) < LT_ENCODER_SIDE;
    return small ? lt_resize_bicubic(ctx, images, LT_ENCODER_SIDE, LT_ENCODER_SIDE, false)
                 : lt_resize_area(ctx, images, LT_ENCODER_SIDE, LT_ENCODER_SIDE);
}

/* Whether the encoder is of the kind that the called function runs, iterative or not; records a
 * failure where it is of the other kind. */
static bool check_use(lt_ctx *ctx, const lt_encoder *net, bool iterative)
{
    if (net->config.iterative == iterative)
        return true;
    lt_fail(ctx, LT_ERR_ARGUMENT, "encoder: a %s %s; call %s", net->config.type,
            iterative ? "of 3 channels works in one pass" : "of 6 channels works step by step",
            iterative ? "lt_encoder_encode()" : "lt_encoder_start() and lt_encoder_refine()");
    return false;
}

lt_tensor *lt_encoder_encode(lt_ctx *ctx, const lt_encoder *net, lt_tensor *images)
{
    if (!check_use(ctx, net, false))
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *w = run(ctx, net, fitted(ctx, images));
    return lt_scope_close(ctx, scope, net->latent_avg ? lt_add(ctx, w, net->latent_avg) : w);
}

lt_tensor *lt_encoder_start(lt_ctx *ctx, const lt_encoder *net)
{
    if (!check_use(ctx, net, true))
        return NULL;
    const int64_t shape[3] = {1, net->config.latents, net->config.style_dim};
    return lt_add(ctx, lt_zeros(ctx, 3, shape), net->latent_avg);
}

lt_tensor *lt_encoder_refine(lt_ctx *ctx, const lt_encoder *net, lt_tensor *images,
                             lt_tensor *drawn, lt_tensor *latents)
{
    char s[80];
    if (!check_use(ctx, net, true))
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = fitted(ctx, images), *seen = x ? fitted(ctx, drawn) : NULL;
    if (seen && lt_dim(seen, 0) != lt_dim(x, 0))
        lt_fail(ctx, LT_ERR_SHAPE, "encoder: %lld pictures were drawn for %lld images",
                (long long)lt_dim(seen, 0), (long long)lt_dim(x, 0));
    else if (seen && latents &&
             (lt_ndim(latents) != 3 || lt_dim(latents, 0) != lt_dim(x, 0) ||
              lt_dim(latents, 1) != net->config.latents ||
              lt_dim(latents, 2) != net->config.style_dim))
        lt_fail(ctx, LT_ERR_SHAPE, "encoder: latents is %s, expected (%lld, %d, %lld)",
                lt_shape_string(latents, s, sizeof s), (long long)lt_dim(x, 0), net->config.latents,
                (long long)net->config.style_dim);
    if (!seen || lt_ctx_status(ctx) != LT_OK)
        return lt_scope_close(ctx, scope, NULL);
    lt_tensor *w = run(ctx, net, lt_concat(ctx, 2, (lt_tensor *[]){x, seen}, 1));
    return lt_scope_close(ctx, scope, lt_add(ctx, w, latents));
}
