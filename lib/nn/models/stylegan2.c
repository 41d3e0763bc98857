/* Runs a StyleGAN2 generator: latents to styles, styles to a picture. */
#include "nn/models/stylegan2_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"

static const float lr_mul = 0.01f; /* learning rate factor of the mapping network's layers */
static const float act_gain = 1.41421356f;

/* ---- description ---- */

const lt_stylegan2_config *lt_stylegan2_describe(const lt_stylegan2 *g) { return &g->config; }
int lt_stylegan2_latents(const lt_stylegan2 *g) { return g->latents; }
int lt_stylegan2_styles_count(const lt_stylegan2 *g) { return g->styles; }
const char *lt_stylegan2_style_name(const lt_stylegan2 *g, int i) { return g->layer[i].name; }
int lt_stylegan2_style_channels(const lt_stylegan2 *g, int i) { return g->layer[i].in; }
int lt_stylegan2_style_layer(const lt_stylegan2 *g, int i) { return g->layer[i].latent; }
bool lt_stylegan2_style_is_rgb(const lt_stylegan2 *g, int i) { return g->layer[i].rgb; }
lt_tensor *lt_stylegan2_latent_avg(const lt_stylegan2 *g) { return g->latent_avg; }

void lt_stylegan2_set_noise(lt_stylegan2 *g, lt_noise_mode mode, lt_rng *rng)
{
    g->noise_mode = mode;
    g->rng = rng;
}

void lt_stylegan2_set_tap(lt_stylegan2 *g, void (*tap)(void *user, const char *name, lt_tensor *t),
                          void *user)
{
    g->tap = tap;
    g->tap_user = user;
}

/* ---- latents ---- */

static lt_status wrong(lt_ctx *ctx, const char *what, const lt_tensor *t, const char *expected)
{
    char s[80];
    if (!t)
        return lt_ctx_status(ctx) ? lt_ctx_status(ctx)
                                  : lt_fail(ctx, LT_ERR_ARGUMENT, "stylegan2: %s is NULL", what);
    return lt_fail(ctx, LT_ERR_SHAPE, "stylegan2: %s is %s, expected %s", what,
                   lt_shape_string(t, s, sizeof s), expected);
}

lt_tensor *lt_stylegan2_mapping(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *z)
{
    if (!z || lt_ndim(z) != 2 || lt_dim(z, 1) != g->config.z_dim) {
        char expected[48];
        snprintf(expected, sizeof expected, "(N, %d)", g->config.z_dim);
        wrong(ctx, "z", z, expected);
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_pixel_norm(ctx, z, 1);
    for (int i = 0; i < g->config.n_mlp; i++) {
        /* The equalised scale is applied to x, which is smaller than the weight. */
        const float scale = lr_mul / sqrtf((float)lt_dim(g->style_weight[i], 1));
        lt_tensor *bias = lt_affine(ctx, g->style_bias[i], lr_mul, 0.0f);
        x = bias ? lt_linear(ctx, lt_affine(ctx, x, scale, 0.0f), g->style_weight[i], bias) : NULL;
        x = lt_leaky_relu(ctx, x, 0.2f, act_gain);
    }
    return lt_scope_close(ctx, scope, x);
}

lt_tensor *lt_stylegan2_truncate(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w, float psi)
{
    if (psi == 1.0f)
        return w;
    if (!g->latent_avg) {
        lt_fail(ctx, LT_ERR_MISSING,
                "stylegan2: truncation needs the tensor latent_avg, which the file does not have");
        return NULL;
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *avg = lt_detach(ctx, g->latent_avg);
    return lt_scope_close(ctx, scope,
                          lt_add(ctx, avg, lt_affine(ctx, lt_sub(ctx, w, avg), psi, 0.0f)));
}

lt_tensor *lt_stylegan2_broadcast(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w)
{
    if (!w || lt_ndim(w) != 2 || lt_dim(w, 1) != g->config.style_dim) {
        char expected[48];
        snprintf(expected, sizeof expected, "(N, %d)", g->config.style_dim);
        wrong(ctx, "w", w, expected);
        return NULL;
    }
    const int64_t n = lt_dim(w, 0), d = lt_dim(w, 1);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_reshape(ctx, w, 3, (const int64_t[]){n, 1, d});
    return lt_scope_close(ctx, scope, lt_expand(ctx, x, 3, (const int64_t[]){n, g->latents, d}));
}

lt_tensor *lt_stylegan2_mix(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, int crossover)
{
    if (!a || !b || lt_ndim(a) != 3 || !lt_same_shape(a, b)) {
        wrong(ctx, "latent to mix", a && b ? b : NULL, "two codes (N, L, D) of one shape");
        return NULL;
    }
    const int64_t latents = lt_dim(a, 1);
    if (crossover < 0 || crossover > latents) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "stylegan2: crossover %d is outside 0..%lld", crossover,
                (long long)latents);
        return NULL;
    }
    if (crossover == 0 || crossover == latents)
        return crossover ? a : b;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *part[2] = {lt_slice(ctx, a, 1, 0, crossover),
                          lt_slice(ctx, b, 1, crossover, latents - crossover)};
    return lt_scope_close(ctx, scope, part[0] && part[1] ? lt_concat(ctx, 2, part, 1) : NULL);
}

/* ---- synthesis ---- */

/* The style (N, in) of a layer: an affine map of its part of W+. w_scaled (N, L, D) is W+ times
 * the equalised scale 1 / sqrt(D). */
static lt_tensor *style_of(lt_ctx *ctx, const struct lt_stylegan2_layer *l, lt_tensor *w_scaled)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *w = lt_slice(ctx, w_scaled, 1, l->latent, 1);
    if (w)
        w = lt_reshape(ctx, w, 2, (const int64_t[]){lt_dim(w_scaled, 0), lt_dim(w_scaled, 2)});
    return lt_scope_close(ctx, scope, lt_linear(ctx, w, l->mod_weight, l->mod_bias));
}

lt_status lt_stylegan2_styles(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus,
                              lt_tensor **styles)
{
    memset(styles, 0, (size_t)g->styles * sizeof *styles);
    if (!wplus || lt_ndim(wplus) != 3 || lt_dim(wplus, 1) != g->latents ||
        lt_dim(wplus, 2) != g->config.style_dim) {
        char expected[64];
        snprintf(expected, sizeof expected, "(N, %d, %d)", g->latents, g->config.style_dim);
        return wrong(ctx, "latent", wplus, expected);
    }
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *scaled = lt_affine(ctx, wplus, 1.0f / sqrtf((float)g->config.style_dim), 0.0f);
    lt_status status = scaled ? LT_OK : lt_ctx_status(ctx);
    for (int i = 0; status == LT_OK && i < g->styles; i++) {
        styles[i] = style_of(ctx, &g->layer[i], scaled);
        if (!styles[i])
            status = lt_ctx_status(ctx);
    }
    lt_scope_close_keep(ctx, scope, styles, (size_t)g->styles);
    return status;
}

/* The sums over the kernel of w[o, i, ., .]^2, (out, in). Kept while the weight is constant;
 * computed anew, with a gradient, while it is trained. */
static lt_tensor *squared_weight(lt_ctx *ctx, struct lt_stylegan2_layer *l)
{
    if (l->squares && !lt_requires_grad(l->weight))
        return l->squares;
    lt_release(l->squares);
    l->squares = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *flat = lt_reshape(ctx, l->weight, 3, (const int64_t[]){l->out, l->in, -1});
    lt_tensor *sums = lt_scope_close(ctx, scope, lt_sum(ctx, lt_square(ctx, flat), 1u << 2, false));
    if (!lt_requires_grad(l->weight))
        l->squares = lt_retain(sums);
    return sums;
}

/* Sets *noise to the noise of a layer, (1 or N, 1, H, W), or to NULL for LT_NOISE_NONE. */
static lt_status pick_noise(lt_ctx *ctx, const lt_stylegan2 *g, const struct lt_stylegan2_layer *l,
                            int64_t n, lt_tensor **noise)
{
    *noise = NULL;
    if (g->noise_mode == LT_NOISE_NONE)
        return LT_OK;
    *noise = g->noise[l->noise];
    if (g->noise_mode == LT_NOISE_FIXED)
        return LT_OK;
    if (!g->rng)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "stylegan2: random noise needs an rng, see lt_stylegan2_set_noise()");
    const int64_t side = lt_dim(*noise, 2);
    *noise = lt_empty(ctx, LT_F32, 4, (const int64_t[]){n, 1, side, side});
    return *noise ? lt_fill_normal(ctx, *noise, g->rng, 0.0f, 1.0f) : lt_ctx_status(ctx);
}

/* The weight (out, in, k, k) of a layer, and its style (N, in) times the equalised scale 1 /
 * sqrt(in k k). */
typedef struct scaled_layer {
    lt_tensor *style, *w;
} scaled_layer;

static scaled_layer scale_layer(lt_ctx *ctx, const struct lt_stylegan2_layer *l, lt_tensor *style)
{
    const int k = (int)lt_dim(l->weight, 4);
    return (scaled_layer){lt_affine(ctx, style, 1.0f / sqrtf((float)(l->in * k * k)), 0.0f),
                          lt_reshape(ctx, l->weight, 4, (const int64_t[]){l->out, l->in, k, k})};
}

/* Runs one layer: x (N, in, H, W) and style (N, in) give (N, out, H, W), or twice the sides where
 * the layer upsamples. A layer that does not upsample is followed by the layer `rgb`, which makes
 * *picture (N, 3, H, W) from the result; otherwise *picture is NULL.
 *
 * Karras et al. 2020, section 2.2. The equalised scale s = 1 / sqrt(in k k) is folded into the
 * style: with t = s style, the convolution of t x with the stored weight is scaled by the
 * demodulation coefficient 1 / sqrt(sum_i t_i^2 squares[o, i] + 1e-8). */
static lt_tensor *run_layer(lt_ctx *ctx, const lt_stylegan2 *g, struct lt_stylegan2_layer *l,
                            lt_tensor *x, lt_tensor *style, const struct lt_stylegan2_layer *rgb,
                            lt_tensor *rgb_style, lt_tensor **picture)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *out[2] = {NULL, NULL}, *noise = NULL;
    const scaled_layer of = scale_layer(ctx, l, style);
    lt_tensor *energy = lt_linear(ctx, lt_square(ctx, of.style), squared_weight(ctx, l), NULL);
    lt_tensor *demod = lt_rsqrt(ctx, lt_affine(ctx, energy, 1.0f, 1e-8f));
    if (!of.w || !demod || pick_noise(ctx, g, l, lt_dim(style, 0), &noise))
        goto done;
    const lt_act act = {.out_scale = demod,
                        .noise = noise,
                        .noise_weight = noise ? l->noise_weight : NULL,
                        .bias = l->bias,
                        .slope = 0.2f,
                        .gain = act_gain};
    if (l->up) {
        out[0] = lt_blur_act(ctx, lt_conv_transpose2d(ctx, x, of.style, of.w, NULL, 2, 0),
                             l->kernel, 1, 1, &act);
    } else {
        const scaled_layer to = scale_layer(ctx, rgb, rgb_style);
        lt_tensor *bias = lt_reshape(ctx, rgb->bias, 1, (const int64_t[]){3});
        if (to.style && to.w && bias)
            out[0] = lt_conv2d_act_rgb(ctx, x, of.style, of.w, 1, 1, &act,
                                       &(lt_to_rgb){to.style, to.w, bias}, &out[1]);
    }
done:
    lt_scope_close_keep(ctx, scope, out, 2);
    *picture = out[1];
    return out[0];
}

/* The picture `skip` of the sizes before, upsampled, plus the contribution `rgb` of this size. */
static lt_tensor *add_skip(lt_ctx *ctx, const struct lt_stylegan2_layer *l, lt_tensor *rgb,
                           lt_tensor *skip)
{
    const lt_scope scope = lt_scope_open(ctx);
    return lt_scope_close(ctx, scope,
                          lt_add(ctx, rgb, lt_upfirdn2d(ctx, skip, l->kernel, 2, 1, 2, 1)));
}

static lt_status check_styles(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *const *styles)
{
    const int64_t n = styles[0] ? lt_dim(styles[0], 0) : 0;
    for (int i = 0; i < g->styles; i++) {
        const lt_tensor *s = styles[i];
        if (s && lt_ndim(s) == 2 && lt_dim(s, 0) == n && lt_dim(s, 1) == g->layer[i].in)
            continue;
        char what[48], expected[64];
        snprintf(what, sizeof what, "style of %s", g->layer[i].name);
        snprintf(expected, sizeof expected, "(%lld, %d)", (long long)n, g->layer[i].in);
        return wrong(ctx, what, s, expected);
    }
    return LT_OK;
}

int lt_stylegan2_latents_at(const lt_stylegan2 *g, int size)
{
    if (size < 4 || size > g->config.size || (size & (size - 1)) != 0)
        return 0;
    int layers = 2;
    for (int side = 4; side < size; side *= 2)
        layers += 2;
    return layers;
}

lt_tensor *lt_stylegan2_synthesis_styles_at(lt_ctx *ctx, const lt_stylegan2 *g,
                                            lt_tensor *const *styles, int size)
{
    size = size ? size : g->config.size;
    if (check_styles(ctx, g, styles))
        return NULL;
    if (!lt_stylegan2_latents_at(g, size)) {
        lt_fail(ctx, LT_ERR_ARGUMENT,
                "stylegan2: %d is no size of a picture on the way to %d pixels, expected 4, 8, ...",
                size, g->config.size);
        return NULL;
    }
    const int64_t n = lt_dim(styles[0], 0);
    const lt_scope whole = lt_scope_open(ctx);
    lt_tensor *x = lt_expand(ctx, g->input, 4, (const int64_t[]){n, g->config.channels[0], 4, 4});
    lt_tensor *image = NULL;
    for (int i = 0; x && i < g->styles && !(image && lt_dim(image, 3) == size);) {
        struct lt_stylegan2_layer *l = &g->layer[i], *rgb = l->up ? NULL : l + 1;
        lt_tensor *picture;
        x = run_layer(ctx, g, l, x, styles[i], rgb, rgb ? styles[i + 1] : NULL, &picture);
        if (x && g->tap)
            g->tap(g->tap_user, l->name, x);
        if (x && rgb) {
            image = image ? add_skip(ctx, rgb, picture, image) : picture;
            if (image && g->tap)
                g->tap(g->tap_user, rgb->name, image);
            if (!image)
                x = NULL;
        }
        i += rgb ? 2 : 1;
        /* Everything but the map and the picture so far may go. */
        lt_scope_close_keep(ctx, whole, (lt_tensor *[]){x, image}, 2);
    }
    return lt_scope_close(ctx, whole, x ? image : NULL);
}

lt_tensor *lt_stylegan2_synthesis_styles(lt_ctx *ctx, const lt_stylegan2 *g,
                                         lt_tensor *const *styles)
{
    return lt_stylegan2_synthesis_styles_at(ctx, g, styles, 0);
}

lt_tensor *lt_stylegan2_synthesis_at(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus, int size)
{
    lt_tensor *styles[LT_STYLEGAN2_MAX_STYLES];
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *image = lt_stylegan2_styles(ctx, g, wplus, styles) == LT_OK
                           ? lt_stylegan2_synthesis_styles_at(ctx, g, styles, size)
                           : NULL;
    return lt_scope_close(ctx, scope, image);
}

lt_tensor *lt_stylegan2_synthesis(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus)
{
    return lt_stylegan2_synthesis_at(ctx, g, wplus, 0);
}
