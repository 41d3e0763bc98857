/* Finds the layers of a StyleGAN2 generator among the tensors of a checkpoint, under rosinality's
 * names, and reads all sizes from their shapes. */
#include "nn/models/stylegan2_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "nn/params_impl.h"

/* Finds as many layers of the mapping network as there are; without any, z is w. */
static lt_status find_mapping(lt_ctx *ctx, const lt_params *params, lt_stylegan2 *g)
{
    for (int i = 0; i <= LT_STYLEGAN2_MAX_MLP; i++) {
        char prefix[32], name[64];
        snprintf(prefix, sizeof prefix, "style.%d", i + 1);
        snprintf(name, sizeof name, "%s.weight", prefix);
        if (!lt_params_find(params, name))
            break;
        if (i == LT_STYLEGAN2_MAX_MLP)
            return lt_fail(ctx, LT_ERR_UNSUPPORTED,
                           "stylegan2: more than %d mapping layers are not supported",
                           LT_STYLEGAN2_MAX_MLP);
        const int64_t d = g->config.style_dim;
        lt_tensor *w = lt_params_get_joined(ctx, params, prefix, ".weight", 2,
                                            (const int64_t[]){d, i == 0 ? -1 : d});
        lt_tensor *b = lt_params_get_joined(ctx, params, prefix, ".bias", 1, (const int64_t[]){d});
        if (!w || !b)
            return lt_ctx_status(ctx);
        if (i == 0)
            g->config.z_dim = (int)lt_dim(w, 1);
        g->style_weight[i] = w;
        g->style_bias[i] = b;
        g->config.n_mlp = i + 1;
    }
    if (g->config.n_mlp == 0)
        g->config.z_dim = g->config.style_dim;
    return LT_OK;
}

/* Adds the next layer in network order, from `in` channels to as many as its weight makes, 3 for
 * rgb. NULL after a failure. */
static struct lt_stylegan2_layer *add_layer(lt_ctx *ctx, const lt_params *params, lt_stylegan2 *g,
                                            const char *name, bool rgb, bool up, int in, int latent)
{
    struct lt_stylegan2_layer *l = &g->layer[g->styles++];
    snprintf(l->name, sizeof l->name, "%s", name);
    l->rgb = rgb;
    l->up = up;
    l->in = in;
    l->latent = latent;
    const int64_t k = rgb ? 1 : 3;
    l->weight = lt_params_get_joined(ctx, params, name, ".conv.weight", 5,
                                     (const int64_t[]){1, rgb ? 3 : -1, in, k, k});
    if (!l->weight)
        return NULL;
    l->out = (int)lt_dim(l->weight, 1);
    l->mod_weight = lt_params_get_joined(ctx, params, name, ".conv.modulation.weight", 2,
                                         (const int64_t[]){in, g->config.style_dim});
    l->mod_bias =
        lt_params_get_joined(ctx, params, name, ".conv.modulation.bias", 1, (const int64_t[]){in});
    l->bias =
        rgb ? lt_params_get_joined(ctx, params, name, ".bias", 4, (const int64_t[]){1, 3, 1, 1})
            : lt_params_get_joined(ctx, params, name, ".activate.bias", 1,
                                   (const int64_t[]){l->out});
    if (rgb) {
        l->noise = -1;
    } else {
        l->noise_weight =
            lt_params_get_joined(ctx, params, name, ".noise.weight", 1, (const int64_t[]){1});
        l->noise = g->noises;
        char buffer[32];
        snprintf(buffer, sizeof buffer, "noises.noise_%d", l->noise);
        const int64_t side = 4 << (l->noise + 1) / 2;
        g->noise[g->noises++] =
            lt_params_get(ctx, params, buffer, 4, (const int64_t[]){1, 1, side, side});
    }
    if (up) {
        char kernel[64];
        snprintf(kernel, sizeof kernel, "%s%s", name,
                 rgb ? ".upsample.kernel" : ".conv.blur.kernel");
        l->kernel = lt_params_find(params, kernel);
        if (!l->kernel)
            l->kernel = g->default_kernel;
        else
            l->kernel = lt_params_get(ctx, params, kernel, 2, (const int64_t[]){4, 4});
    }
    return lt_ctx_status(ctx) == LT_OK ? l : NULL;
}

/* Finds the layers of all sizes, 4, 8, ..., as far as they go, in network order. */
static lt_status find_layers(lt_ctx *ctx, const lt_params *params, lt_stylegan2 *g)
{
    int channels = (int)lt_dim(g->input, 1);
    g->config.channels[0] = channels;
    const struct lt_stylegan2_layer *first =
        add_layer(ctx, params, g, "conv1", false, false, channels, 0);
    if (!first)
        return lt_ctx_status(ctx);
    if (first->out != channels)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "stylegan2: conv1.conv.weight makes %d channels, expected %d", first->out,
                       channels);
    if (!add_layer(ctx, params, g, "to_rgb1", true, false, channels, 1))
        return lt_ctx_status(ctx);
    int level = 0;
    for (;; level++) {
        char up[32], flat[32], rgb[32], probe[64];
        snprintf(up, sizeof up, "convs.%d", 2 * level);
        snprintf(flat, sizeof flat, "convs.%d", 2 * level + 1);
        snprintf(rgb, sizeof rgb, "to_rgbs.%d", level);
        snprintf(probe, sizeof probe, "%s.conv.weight", up);
        if (!lt_params_find(params, probe))
            break;
        if (level + 1 == LT_STYLEGAN2_LEVELS)
            return lt_fail(
                ctx, LT_ERR_UNSUPPORTED,
                "stylegan2: %s is for more than 1024 pixels a side, which is not supported", probe);
        const struct lt_stylegan2_layer *a =
            add_layer(ctx, params, g, up, false, true, channels, 2 * level + 1);
        if (!a)
            return lt_ctx_status(ctx);
        channels = a->out;
        const struct lt_stylegan2_layer *b =
            add_layer(ctx, params, g, flat, false, false, channels, 2 * level + 2);
        if (!b)
            return lt_ctx_status(ctx);
        if (b->out != channels)
            return lt_fail(ctx, LT_ERR_SHAPE,
                           "stylegan2: %s.conv.weight makes %d channels, expected %d", flat, b->out,
                           channels);
        if (!add_layer(ctx, params, g, rgb, true, true, channels, 2 * level + 3))
            return lt_ctx_status(ctx);
        g->config.channels[level + 1] = channels;
    }
    if (level == 0)
        return lt_fail(ctx, LT_ERR_MISSING, "stylegan2: there is no tensor convs.0.conv.weight");
    g->config.size = 4 << level;
    g->latents = 2 * level + 2;
    return LT_OK;
}

void lt_stylegan2_kernel(float kernel[16])
{
    static const float tap[4] = {1.0f, 3.0f, 3.0f, 1.0f};
    for (int i = 0; i < 16; i++)
        kernel[i] = tap[i / 4] * tap[i % 4] / 16.0f;
}

static lt_tensor *make_kernel(lt_ctx *ctx)
{
    float k[16];
    lt_stylegan2_kernel(k);
    return lt_from_copy(ctx, LT_F32, 2, (const int64_t[]){4, 4}, k);
}

/* Finds the mean latent (D) or (1, D), which may be missing. */
static lt_status find_latent_avg(lt_ctx *ctx, const lt_params *params, lt_stylegan2 *g)
{
    const lt_tensor *avg = lt_params_find(params, "latent_avg");
    if (!avg)
        return LT_OK;
    const int64_t shape[2] = {1, g->config.style_dim};
    const int ndim = lt_ndim(avg) == 2 ? 2 : 1;
    g->latent_avg = lt_params_get(ctx, params, "latent_avg", ndim, shape + 2 - ndim);
    return lt_ctx_status(ctx);
}

lt_status lt_stylegan2_create(lt_ctx *ctx, const lt_params *params, lt_stylegan2 **out)
{
    *out = NULL;
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    lt_stylegan2 *g = calloc(1, sizeof *g);
    if (!g || !(g->layer = calloc(LT_STYLEGAN2_MAX_STYLES, sizeof *g->layer))) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "stylegan2: out of memory");
        goto done;
    }
    g->default_kernel = lt_retain(make_kernel(ctx));
    g->input = lt_params_get(ctx, params, "input.input", 4, (const int64_t[]){1, -1, 4, 4});
    const lt_tensor *mod =
        lt_params_get(ctx, params, "conv1.conv.modulation.weight", 2, (const int64_t[]){-1, -1});
    if (!g->default_kernel || !g->input || !mod) {
        status = lt_ctx_status(ctx);
        goto done;
    }
    g->config.style_dim = (int)lt_dim(mod, 1);
    status = find_mapping(ctx, params, g);
    if (status == LT_OK)
        status = find_layers(ctx, params, g);
    if (status)
        goto done;
    status = find_latent_avg(ctx, params, g);
done:
    lt_scope_close(ctx, scope, NULL);
    if (status) {
        lt_stylegan2_free(g);
        return status;
    }
    *out = g;
    return LT_OK;
}

void lt_stylegan2_refresh(lt_stylegan2 *g)
{
    for (int i = 0; i < g->styles; i++) {
        lt_release(g->layer[i].squares);
        g->layer[i].squares = NULL;
    }
}

void lt_stylegan2_free(lt_stylegan2 *g)
{
    if (!g)
        return;
    if (g->layer)
        lt_stylegan2_refresh(g);
    lt_release(g->default_kernel);
    free(g->layer);
    free(g);
}
