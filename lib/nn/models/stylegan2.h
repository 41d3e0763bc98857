/* The generator of StyleGAN2 (Karras et al. 2020): a mapping network from noise to latents, and a
 * synthesis network from latents to pictures.
 *
 * Tensor names are rosinality's (style.1.weight, conv1.conv.weight, ...). All sizes are read from
 * the shapes. Modulated convolutions use one weight for all samples: the style scales their input,
 * the demodulation coefficients scale their output.
 *
 *     z (N, Z)           input of the mapping network, normally distributed
 *     w (N, D)           output of the mapping network
 *     W+ (N, L, D)       one w for each of the L layers
 *     StyleSpace code    one style (N, C) for each modulated convolution, C its input channels, in
 *                        network order: conv, rgb, then conv, conv, rgb for each further size
 *     images             (N, 3, S, S), values about -1 to 1 */
#ifndef LT_NN_STYLEGAN2_H
#define LT_NN_STYLEGAN2_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_STYLEGAN2_LEVELS 9 /* sizes of feature maps: 4, 8, ..., 1024 */

typedef struct lt_stylegan2_config {
    int size;                          /* S: 8 to 1024, a power of two */
    int z_dim;                         /* Z */
    int style_dim;                     /* D */
    int n_mlp;                         /* layers of the mapping network; style.1 is the first */
    int channels[LT_STYLEGAN2_LEVELS]; /* of the feature maps of 4, 8, ... pixels a side */
} lt_stylegan2_config;

typedef struct lt_stylegan2 lt_stylegan2;

/* Adds fresh weights to `params`, in rosinality's initialisation for an equalised learning rate,
 * with noise buffers, blur kernels and a latent_avg of zeros. Errors: LT_ERR_ARGUMENT (the
 * configuration), LT_ERR_MEMORY. */
LT_API lt_status lt_stylegan2_init(lt_ctx *ctx, lt_params *params,
                                   const lt_stylegan2_config *config, lt_rng *rng);

/* Makes a generator over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_stylegan2_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE (naming the tensor),
 * LT_ERR_UNSUPPORTED (more than 1024 pixels or 64 mapping layers), LT_ERR_MEMORY. */
LT_API lt_status lt_stylegan2_create(lt_ctx *ctx, const lt_params *params, lt_stylegan2 **out);

/* Frees a generator, not its parameters. NULL is accepted. */
LT_API void lt_stylegan2_free(lt_stylegan2 *g);

/* Forgets sums over the weights that the generator keeps from the first synthesis on. To be called
 * after writing in place to weights that require no gradient, such as a moving average. Weights
 * that require a gradient are summed anew each time and need no call. */
LT_API void lt_stylegan2_refresh(lt_stylegan2 *g);

/* ---- description ---- */

/* The sizes that were read from the shapes; they belong to the generator. */
LT_API const lt_stylegan2_config *lt_stylegan2_describe(const lt_stylegan2 *g);

/* L, the number of layers of W+: 2 log2(S) - 2. */
LT_API int lt_stylegan2_latents(const lt_stylegan2 *g);

/* How many of the layers of W+, from the first on, make the picture of size x size pixels that the
 * generator passes on its way: 2 log2(size) - 2 for 4, 8, ..., S; 0 for other sizes. */
LT_API int lt_stylegan2_latents_at(const lt_stylegan2 *g, int size);

/* The number of styles in a StyleSpace code. */
LT_API int lt_stylegan2_styles_count(const lt_stylegan2 *g);

/* The name of the layer that takes style i: "conv1", "to_rgb1", "convs.0", ... */
LT_API const char *lt_stylegan2_style_name(const lt_stylegan2 *g, int i);

/* The number of channels of style i. */
LT_API int lt_stylegan2_style_channels(const lt_stylegan2 *g, int i);

/* The layer of W+, from 0, that style i is made from. */
LT_API int lt_stylegan2_style_layer(const lt_stylegan2 *g, int i);

/* Whether style i belongs to a layer that makes a picture (to_rgb). */
LT_API bool lt_stylegan2_style_is_rgb(const lt_stylegan2 *g, int i);

/* The mean w (D), which belongs to the parameters; NULL if the file has none. */
LT_API lt_tensor *lt_stylegan2_latent_avg(const lt_stylegan2 *g);

/* ---- latents ---- */

/* The mapping network: z (N, Z), normalised by PixelNorm first, to w (N, D). */
LT_API lt_tensor *lt_stylegan2_mapping(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *z);

/* Truncation: latent_avg + psi (w - latent_avg) for w (N, D) or W+ (N, L, D). With psi 1 the result
 * is w itself. Errors: LT_ERR_MISSING (psi is not 1 and the file has no latent_avg). */
LT_API lt_tensor *lt_stylegan2_truncate(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w,
                                        float psi);

/* W+ (N, L, D) with the same w (N, D) in every layer. */
LT_API lt_tensor *lt_stylegan2_broadcast(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *w);

/* Style mixing: W+ with layers 0 to crossover - 1 of a and the others of b; both are (N, L, D). */
LT_API lt_tensor *lt_stylegan2_mix(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, int crossover);

/* From W+ (N, L, D) to a StyleSpace code: sets styles[0 .. lt_stylegan2_styles_count()). After a
 * failure, styles that were not computed are NULL. */
LT_API lt_status lt_stylegan2_styles(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus,
                                     lt_tensor **styles);

/* ---- synthesis ---- */

typedef enum lt_noise_mode {
    LT_NOISE_FIXED = 0,  /* the buffers noises.noise_* of the file */
    LT_NOISE_RANDOM = 1, /* drawn anew at each synthesis */
    LT_NOISE_NONE = 2
} lt_noise_mode;

/* Chooses the noise that is added in every layer; LT_NOISE_FIXED is the default. rng, needed by
 * LT_NOISE_RANDOM only, is borrowed and advances at each synthesis. */
LT_API void lt_stylegan2_set_noise(lt_stylegan2 *g, lt_noise_mode mode, lt_rng *rng);

/* Has `tap` called with the output of every layer ("conv1", "to_rgb1", "convs.0", ...): a feature
 * map, or the picture so far. NULL switches it off. */
LT_API void lt_stylegan2_set_tap(lt_stylegan2 *g,
                                 void (*tap)(void *user, const char *name, lt_tensor *t),
                                 void *user);

/* Images (N, 3, S, S) of latents W+ (N, L, D). */
LT_API lt_tensor *lt_stylegan2_synthesis(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus);

/* Images (N, 3, S, S) of a StyleSpace code. */
LT_API lt_tensor *lt_stylegan2_synthesis_styles(lt_ctx *ctx, const lt_stylegan2 *g,
                                                lt_tensor *const *styles);

/* lt_stylegan2_synthesis() that ends at the picture of size x size pixels; 0 stands for S. Later
 * layers are not computed and get no gradient. Errors: LT_ERR_ARGUMENT (lt_stylegan2_latents_at()
 * of the size is 0). */
LT_API lt_tensor *lt_stylegan2_synthesis_at(lt_ctx *ctx, const lt_stylegan2 *g, lt_tensor *wplus,
                                            int size);

/* lt_stylegan2_synthesis_at() for a StyleSpace code. */
LT_API lt_tensor *lt_stylegan2_synthesis_styles_at(lt_ctx *ctx, const lt_stylegan2 *g,
                                                   lt_tensor *const *styles, int size);

LT_END_DECLS

#endif
