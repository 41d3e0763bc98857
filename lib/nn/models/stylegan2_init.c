/* Fresh weights of a StyleGAN2 generator (Karras et al. 2020) with an equalised learning rate:
 * they are standard normal, and every layer scales them when it runs. */
#include <math.h>
#include <stdio.h>

#include "nn/init_impl.h"
#include "nn/models/stylegan2_impl.h"

static void make_kernel(const struct lt_maker *m, const char *prefix, const char *suffix)
{
    lt_make(m, prefix, suffix, 2, (const int64_t[]){4, 4}, 0.0f, 0.0f);
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    lt_tensor *kernel = lt_params_find(m->params, name);
    if (kernel)
        lt_stylegan2_kernel(lt_f32(kernel));
}

static void make_conv(const struct lt_maker *m, const char *prefix, int style_dim, int in, int out,
                      int k)
{
    lt_make(m, prefix, ".conv.weight", 5, (const int64_t[]){1, out, in, k, k}, 0.0f, 1.0f);
    lt_make(m, prefix, ".conv.modulation.weight", 2, (const int64_t[]){in, style_dim}, 0.0f, 1.0f);
    lt_make(m, prefix, ".conv.modulation.bias", 1, (const int64_t[]){in}, 1.0f, 0.0f);
}

static void make_styled(const struct lt_maker *m, const char *prefix, int style_dim, int in,
                        int out, bool up)
{
    make_conv(m, prefix, style_dim, in, out, 3);
    if (up)
        make_kernel(m, prefix, ".conv.blur.kernel");
    lt_make(m, prefix, ".noise.weight", 1, (const int64_t[]){1}, 0.0f, 0.0f);
    lt_make(m, prefix, ".activate.bias", 1, (const int64_t[]){out}, 0.0f, 0.0f);
}

static void make_rgb(const struct lt_maker *m, const char *prefix, int style_dim, int in, bool up)
{
    lt_make(m, prefix, ".bias", 4, (const int64_t[]){1, 3, 1, 1}, 0.0f, 0.0f);
    if (up)
        make_kernel(m, prefix, ".upsample.kernel");
    make_conv(m, prefix, style_dim, in, 3, 1);
}

/* Checks a configuration. Returns the number of its levels, 4, 8, ... pixels, or 0 after
 * recording a failure. */
static int check(lt_ctx *ctx, const lt_stylegan2_config *c)
{
    int levels = 1;
    while (levels < LT_STYLEGAN2_LEVELS && 4 << (levels - 1) < c->size)
        levels++;
    if (levels < 2 || 4 << (levels - 1) != c->size) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "stylegan2: size %d is not a power of two in 8..1024",
                c->size);
        return 0;
    }
    if (c->style_dim < 1 || c->n_mlp < 0 || c->n_mlp > LT_STYLEGAN2_MAX_MLP ||
        (c->n_mlp > 0 && c->z_dim < 1)) {
        lt_fail(ctx, LT_ERR_ARGUMENT,
                "stylegan2: z_dim %d, style_dim %d, n_mlp %d are out of range", c->z_dim,
                c->style_dim, c->n_mlp);
        return 0;
    }
    for (int i = 0; i < levels; i++) {
        if (c->channels[i] < 1) {
            lt_fail(ctx, LT_ERR_ARGUMENT,
                    "stylegan2: channels is %d for maps of %d pixels a side, expected at least 1",
                    c->channels[i], 4 << i);
            return 0;
        }
    }
    return levels;
}

lt_status lt_stylegan2_init(lt_ctx *ctx, lt_params *params, const lt_stylegan2_config *config,
                            lt_rng *rng)
{
    const int levels = check(ctx, config), d = config->style_dim;
    if (levels == 0)
        return lt_ctx_status(ctx);
    struct lt_maker m = {ctx, params, rng};
    char name[32];
    for (int i = 1; i <= config->n_mlp; i++) {
        snprintf(name, sizeof name, "style.%d", i);
        /* Standard normal values, divided by the learning rate factor 0.01 of the mapping
         * network. */
        lt_make(&m, name, ".weight", 2, (const int64_t[]){d, i == 1 ? config->z_dim : d}, 0.0f,
                100.0f);
        lt_make(&m, name, ".bias", 1, (const int64_t[]){d}, 0.0f, 0.0f);
    }
    int in = config->channels[0];
    lt_make(&m, "input.input", "", 4, (const int64_t[]){1, in, 4, 4}, 0.0f, 1.0f);
    make_styled(&m, "conv1", d, in, in, false);
    make_rgb(&m, "to_rgb1", d, in, false);
    for (int level = 1; level < levels; level++) {
        const int out = config->channels[level];
        snprintf(name, sizeof name, "convs.%d", 2 * level - 2);
        make_styled(&m, name, d, in, out, true);
        snprintf(name, sizeof name, "convs.%d", 2 * level - 1);
        make_styled(&m, name, d, out, out, false);
        snprintf(name, sizeof name, "to_rgbs.%d", level - 1);
        make_rgb(&m, name, d, out, true);
        in = out;
    }
    for (int i = 0; i < 2 * levels - 1; i++) {
        const int64_t side = 4 << (i + 1) / 2;
        snprintf(name, sizeof name, "noises.noise_%d", i);
        lt_make(&m, name, "", 4, (const int64_t[]){1, 1, side, side}, 0.0f, 1.0f);
    }
    lt_make(&m, "latent_avg", "", 1, (const int64_t[]){d}, 0.0f, 0.0f);
    return lt_ctx_status(ctx);
}
