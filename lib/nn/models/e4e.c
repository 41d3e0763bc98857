/* Finds the layers of an e4e encoder in a checkpoint, and runs them. */
#include "nn/models/e4e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "nn/models/irse_body_impl.h"

enum { CONVS_MAX = 8, NAME_CAP = 64 };

static const float slope = 0.01f; /* of the leaky ReLU in the heads */

struct head {
    int level; /* level of the pyramid that the head reads */
    int convs; /* each halves the map; the last leaves one pixel */
    lt_tensor *weight[CONVS_MAX], *bias[CONVS_MAX]; /* (D, C or D, 3, 3), (D) */
    lt_tensor *linear_weight, *linear_bias;         /* (D, D), (D), with the equalised scale */
};

struct lt_e4e {
    lt_e4e_config config;
    struct lt_irse_body *body;
    /* The 1 x 1 convolutions (C, C_l, 1, 1), (C) of levels 1 and 2. */
    lt_tensor *lateral_weight[LT_IRSE_LEVELS], *lateral_bias[LT_IRSE_LEVELS];
    struct head *head;
    lt_tensor *latent_avg; /* (D) or (L, D); NULL if the file has none */
};

/* ---- building ---- */

static lt_tensor *get(lt_ctx *ctx, const lt_params *params, const char *prefix, const char *suffix,
                      int ndim, const int64_t *shape)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_get(ctx, params, name, ndim, shape);
}

static bool has(const lt_params *params, const char *prefix, const char *suffix)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.%s%s", prefix, suffix);
    return lt_params_find(params, name) != NULL;
}

/* Finds the lateral convolutions of the pyramid. */
static lt_status find_pyramid(lt_ctx *ctx, const lt_params *params, lt_e4e *net)
{
    const int64_t channels = lt_irse_body_channels(net->body, 0);
    for (int l = 1; l < LT_IRSE_LEVELS; l++) {
        char layer[24];
        const int64_t in = lt_irse_body_channels(net->body, l);
        if (in == 0)
            return lt_fail(ctx, LT_ERR_SHAPE,
                           "e4e: the body's %d units halve a picture less than %d times",
                           lt_irse_body_units(net->body), LT_IRSE_LEVELS - 1);
        snprintf(layer, sizeof layer, "latlayer%d", l);
        net->lateral_weight[l] =
            get(ctx, params, layer, ".weight", 4, (const int64_t[]){channels, in, 1, 1});
        net->lateral_bias[l] = get(ctx, params, layer, ".bias", 1, &channels);
    }
    return lt_ctx_status(ctx);
}

/* Finds head i. Which level it reads follows from the number of its convolutions: as many as
 * halve the level to one pixel. From head to head, the level never gets coarser. */
static lt_status find_head(lt_ctx *ctx, const lt_params *params, int i, lt_e4e *net)
{
    const int64_t d = net->config.style_dim;
    int64_t in = lt_irse_body_channels(net->body, 0);
    struct head *h = &net->head[i];
    char prefix[24], suffix[32];
    snprintf(prefix, sizeof prefix, "styles.%d.", i);
    do {
        snprintf(suffix, sizeof suffix, "convs.%d.weight", 2 * h->convs);
        h->weight[h->convs] = get(ctx, params, prefix, suffix, 4, (const int64_t[]){d, in, 3, 3});
        snprintf(suffix, sizeof suffix, "convs.%d.bias", 2 * h->convs);
        h->bias[h->convs] = get(ctx, params, prefix, suffix, 1, &d);
        in = d;
        h->convs++;
        snprintf(suffix, sizeof suffix, "convs.%d.weight", 2 * h->convs);
    } while (lt_ctx_status(ctx) == LT_OK && h->convs < CONVS_MAX && has(params, prefix, suffix));
    h->linear_weight = get(ctx, params, prefix, "linear.weight", 2, (const int64_t[]){d, d});
    h->linear_bias = get(ctx, params, prefix, "linear.bias", 1, &d);
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    for (h->level = i > 0 ? h[-1].level : 0; h->level < LT_IRSE_LEVELS; h->level++)
        if (lt_irse_body_side(net->body, h->level, LT_E4E_SIDE) == (int64_t)1 << h->convs)
            return LT_OK;
    return lt_fail(
        ctx, LT_ERR_SHAPE,
        "e4e: encoder.%sconvs has %d convolutions, which fit no level of the pyramid that is at least as fine as the level of the head before",
        prefix, h->convs);
}

/* Finds the mean latent, which may be missing, of one layer or of all. */
static lt_status find_latent_avg(lt_ctx *ctx, const lt_params *params, lt_e4e *net)
{
    lt_tensor *avg = lt_params_find(params, "latent_avg");
    if (!avg)
        return LT_OK;
    const int64_t d = net->config.style_dim, shape[2] = {net->config.latents, d};
    net->config.latent_avg = true;
    net->latent_avg = lt_ndim(avg) == 2 ? lt_params_get(ctx, params, "latent_avg", 2, shape)
                                        : lt_params_get(ctx, params, "latent_avg", 1, &d);
    return lt_ctx_status(ctx);
}

/* Finds the body, the pyramid, as many heads as there are, and the mean latent. */
static lt_status find_all(lt_ctx *ctx, const lt_params *params, lt_e4e *net)
{
    lt_status status = lt_irse_body_find(ctx, params, "encoder.", &net->body);
    if (status == LT_OK)
        status = find_pyramid(ctx, params, net);
    if (status != LT_OK)
        return status;
    net->config.units = lt_irse_body_units(net->body);
    lt_tensor *first = get(ctx, params, "styles.0.", "linear.weight", 2, (const int64_t[]){-1, -1});
    if (!first)
        return lt_ctx_status(ctx);
    net->config.style_dim = lt_dim(first, 0);
    char prefix[24];
    do
        snprintf(prefix, sizeof prefix, "styles.%d.", ++net->config.latents);
    while (has(params, prefix, "linear.weight"));
    net->head = calloc((size_t)net->config.latents, sizeof *net->head);
    if (!net->head)
        return lt_fail(ctx, LT_ERR_MEMORY, "e4e: out of memory");
    for (int i = 0; i < net->config.latents && status == LT_OK; i++)
        status = find_head(ctx, params, i, net);
    return status == LT_OK ? find_latent_avg(ctx, params, net) : status;
}

lt_status lt_e4e_create(lt_ctx *ctx, const lt_params *params, lt_e4e **out)
{
    *out = NULL;
    lt_e4e *net = calloc(1, sizeof *net);
    const lt_status status =
        net ? find_all(ctx, params, net) : lt_fail(ctx, LT_ERR_MEMORY, "e4e: out of memory");
    if (status) {
        lt_e4e_free(net);
        return status;
    }
    *out = net;
    return LT_OK;
}

void lt_e4e_free(lt_e4e *net)
{
    if (net) {
        lt_irse_body_free(net->body);
        free(net->head);
    }
    free(net);
}

const lt_e4e_config *lt_e4e_describe(const lt_e4e *net) { return &net->config; }

/* ---- running ---- */

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

/* x (N, C, h, w), upsampled bilinearly to the size of `like`, plus `like`. */
static lt_tensor *upsample_add(lt_ctx *ctx, lt_tensor *x, lt_tensor *like)
{
    if (!x || !like)
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *rows = interpolation(ctx, lt_dim(x, 2), lt_dim(like, 2));
    lt_tensor *columns = interpolation(ctx, lt_dim(x, 3), lt_dim(like, 3));
    lt_tensor *y = lt_matmul(ctx, lt_matmul(ctx, rows, x, false, false), columns, false, true);
    return lt_scope_close(ctx, scope, lt_add(ctx, y, like));
}

/* Runs a head: x (N, C, s, s) gives (N, D). */
static lt_tensor *run_head(lt_ctx *ctx, const struct head *h, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    for (int i = 0; i < h->convs; i++)
        x = lt_leaky_relu(ctx, lt_conv2d(ctx, x, NULL, h->weight[i], h->bias[i], 2, 1), slope,
                          1.0f);
    const int64_t d = lt_dim(h->linear_weight, 1);
    x = x ? lt_reshape(ctx, x, 2, (const int64_t[]){lt_dim(x, 0), d}) : NULL;
    x = lt_affine(ctx, x, 1.0f / sqrtf((float)d), 0.0f);
    return lt_scope_close(ctx, scope, lt_linear(ctx, x, h->linear_weight, h->linear_bias));
}

/* Runs all heads on the levels of the pyramid: (N, L, D), without the mean latent. */
static lt_tensor *run_heads(lt_ctx *ctx, const lt_e4e *net, lt_tensor *const level[LT_IRSE_LEVELS])
{
    const int n = net->config.latents;
    lt_tensor **row = calloc((size_t)n, sizeof *row), *w = NULL;
    if (!row) {
        lt_fail(ctx, LT_ERR_MEMORY, "e4e: out of memory");
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    for (int i = 0; i < n; i++) {
        lt_tensor *y = run_head(ctx, &net->head[i], level[net->head[i].level]);
        y = i > 0 ? lt_add(ctx, y,
                           lt_reshape(ctx, row[0], 2, (const int64_t[]){-1, net->config.style_dim}))
                  : y;
        row[i] = y ? lt_reshape(ctx, y, 3, (const int64_t[]){-1, 1, net->config.style_dim}) : NULL;
        if (!row[i])
            break;
    }
    if (row[n - 1])
        w = lt_concat(ctx, n, row, 1);
    free(row);
    return lt_scope_close(ctx, scope, w);
}

lt_tensor *lt_e4e_encode(lt_ctx *ctx, const lt_e4e *net, lt_tensor *images)
{
    char s[80];
    if (!images || lt_ndim(images) != 4 || lt_dim(images, 1) != 3 || lt_dim(images, 2) < 1 ||
        lt_dim(images, 3) < 1) {
        if (images)
            lt_fail(ctx, LT_ERR_SHAPE, "e4e: image is %s, expected (N, 3, H, W)",
                    lt_shape_string(images, s, sizeof s));
        else if (lt_ctx_status(ctx) == LT_OK)
            lt_fail(ctx, LT_ERR_ARGUMENT, "e4e: image is NULL");
        return NULL;
    }
    const bool small = lt_dim(images, 2) < LT_E4E_SIDE || lt_dim(images, 3) < LT_E4E_SIDE;
    lt_tensor *level[LT_IRSE_LEVELS];
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = small ? lt_resize_bicubic(ctx, images, LT_E4E_SIDE, LT_E4E_SIDE, false)
                         : lt_resize_area(ctx, images, LT_E4E_SIDE, LT_E4E_SIDE);
    if (lt_irse_body_run(ctx, net->body, x, LT_IRSE_LEVELS, level) != LT_OK)
        return lt_scope_close(ctx, scope, NULL);
    for (int l = 1; l < LT_IRSE_LEVELS; l++)
        level[l] = upsample_add(
            ctx, level[l - 1],
            lt_conv2d(ctx, level[l], NULL, net->lateral_weight[l], net->lateral_bias[l], 1, 0));
    lt_tensor *w = run_heads(ctx, net, level);
    return lt_scope_close(ctx, scope, net->latent_avg ? lt_add(ctx, w, net->latent_avg) : w);
}
