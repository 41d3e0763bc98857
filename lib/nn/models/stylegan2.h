/* StyleGAN2 (Karras et al. 2020): mapping and synthesis networks.
 *
 * Tensor names are rosinality's (style.1.weight, conv1.conv.weight, ...); all
 * sizes are read from the shapes. Modulated convolution is computed with one
 * shared weight: inputs scaled by the style, outputs by the demodulation
 * coefficients. Latents: z (N, Z), w (N, D), W+ (N, L, D); a StyleSpace code is
 * one (N, C) style per modulated convolution, in network order: conv, rgb, then
 * conv, conv, rgb per level. Images are (N, 3, S, S), about [-1, 1]. */
#ifndef LT_NN_STYLEGAN2_H
#define LT_NN_STYLEGAN2_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_STYLEGAN2_LEVELS 9 /* 4, 8, ..., 1024 */

typedef struct lt_stylegan2_config {
    int size;                          /* 8..1024, a power of two */
    int z_dim;                         /* input of the mapping network */
    int style_dim;                     /* D */
    int n_mlp;                         /* layers of the mapping network; style.1 is the first */
    int channels[LT_STYLEGAN2_LEVELS]; /* of the maps at 4, 8, ... */
} lt_stylegan2_config;

typedef struct lt_stylegan2 lt_stylegan2;

/* Fresh weights in rosinality's initialisation (equalised learning rate: randn, mapping weights
 * randn / 0.01), noise buffers, kernels and latent_avg (zeros) included. */
LT_API lt_status lt_stylegan2_init(lt_ctx *ctx, lt_params *params,
                                   const lt_stylegan2_config *config, lt_rng *rng);
/* A network over `params` (borrowed). Errors name the tensor that is missing or misshapen. */
LT_API lt_status lt_stylegan2_create(lt_ctx *ctx, const lt_params *params, lt_stylegan2 **out);
LT_API void lt_stylegan2_free(lt_stylegan2 *g);
/* Sums over weights that require no gradient are kept from the first synthesis on. After writing to
 * such weights in place (a moving average, say) call this; weights that are being trained need
 * nothing. */
LT_API void lt_stylegan2_refresh(lt_stylegan2 *g);

LT_API const lt_stylegan2_config *lt_stylegan2_describe(const lt_stylegan2 *g);
LT_API int lt_stylegan2_latents(const lt_stylegan2 *g); /* L = 2 log2(size) - 2 */
LT_API int lt_stylegan2_styles_count(const lt_stylegan2 *g);
/* Name ("convs.0"), channels and W+ layer of style i. */
LT_API const char *lt_stylegan2_style_name(const lt_stylegan2 *g, int i);
LT_API int lt_stylegan2_style_channels(const lt_stylegan2 *g, int i);
LT_API int lt_stylegan2_style_layer(const lt_stylegan2 *g, int i);
LT_API bool lt_stylegan2_style_is_rgb(const lt_stylegan2 *g, int i);
LT_API lt_tensor *lt_stylegan2_latent_avg(
    const lt_stylegan2 *g); /* (D), NULL if the file has none */

/* z (N,Z) -> w (N,D). PixelNorm first. */
LT_API lt_tensor *lt_stylegan2_mapping(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *z);
/* latent_avg + psi (w - latent_avg), for w (N,D) or (N,L,D). psi 1 returns w. */
LT_API lt_tensor *lt_stylegan2_truncate(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w,
                                        float psi);
/* w (N,D) to every layer: (N,L,D). */
LT_API lt_tensor *lt_stylegan2_broadcast(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w);
/* Style mixing: layers 0..crossover-1 of a, the rest of b; both (N,L,D). */
LT_API lt_tensor *lt_stylegan2_mix(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, int crossover);

typedef enum lt_noise_mode {
    LT_NOISE_FIXED = 0, /* the buffers noises.noise_* */
    LT_NOISE_RANDOM = 1,
    LT_NOISE_NONE = 2
} lt_noise_mode;
/* `rng` is borrowed and advanced by random noise. Default: fixed. */
LT_API void lt_stylegan2_set_noise(lt_stylegan2 *g, lt_noise_mode mode, lt_rng *rng);
/* Called with the output of every layer ("conv1", "to_rgb1", "convs.0", ...); NULL switches it off.
 */
LT_API void lt_stylegan2_set_tap(lt_stylegan2 *g,
                                 void (*tap)(void *user, const char *name, lt_tensor *t),
                                 void *user);

/* W+ (N,L,D) -> StyleSpace: styles[lt_stylegan2_styles_count()], each (N,C). */
LT_API lt_status lt_stylegan2_styles(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus,
                                     lt_tensor **styles);
/* Images from a StyleSpace code, and from W+. */
LT_API lt_tensor *lt_stylegan2_synthesis_styles(lt_ctx *ctx, const lt_stylegan2 *g,
                                                lt_tensor *const *styles);
LT_API lt_tensor *lt_stylegan2_synthesis(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus);
/* How many of W+'s layers, from the first on, make the picture of size x size pixels that comes up
 * on the way: 2 log2(size) - 2, for 4, 8, ... up to the generator's own size; 0 where there is no
 * such picture. */
LT_API int lt_stylegan2_latents_at(const lt_stylegan2 *g, int size);
/* The same ended early: the picture of `size` pixels, one of those, that the levels so far add up
 * to; 0 is the whole. Later layers cost nothing and get no gradient. Errors: LT_ERR_ARGUMENT for
 * another size. */
LT_API lt_tensor *lt_stylegan2_synthesis_styles_at(lt_ctx *ctx, const lt_stylegan2 *g,
                                                   lt_tensor *const *styles, int size);
LT_API lt_tensor *lt_stylegan2_synthesis_at(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus,
                                            int size);

LT_END_DECLS

#endif
