/* CLIP (Radford et al. 2021): vision transformer and text transformer.
 *
 * Tensor names are OpenAI's; all sizes are read from the shapes as OpenAI's
 * loader does (heads of 64 features). The metadata key `activation` = `gelu`
 * selects GELU instead of QuickGELU. Embeddings are raw (not normalised). */
#ifndef LT_NN_CLIP_H
#define LT_NN_CLIP_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_clip_config {
    int embed_dim;  /* D */
    int image_size; /* R, pixels a side */
    int patch;      /* pixels a side */
    int vision_width, vision_layers;
    int context_length; /* tokens, start and end included */
    int vocab_size;
    int text_width, text_layers;
    bool gelu; /* GELU instead of QuickGELU */
} lt_clip_config;

typedef struct lt_clip lt_clip;

/* Fresh weights in OpenAI's initialisation. Widths must be multiples of 64. */
LT_API lt_status lt_clip_init(lt_ctx *ctx, lt_params *params, const lt_clip_config *config,
                              lt_rng *rng);
/* A network over `params` (borrowed), float32 or as lt_params_map() leaves them. Errors name the
 * tensor that is missing or misshapen. */
LT_API lt_status lt_clip_create(lt_ctx *ctx, const lt_params *params, lt_clip **out);
LT_API void lt_clip_free(lt_clip *clip);
LT_API const lt_clip_config *lt_clip_describe(const lt_clip *clip);
LT_API lt_tensor *lt_clip_logit_scale(
    const lt_clip *clip); /* log of the temperature's inverse, a scalar */

/* Images (N,3,H,W) in [-1,1] -> network input (N,3,R,R): [0,1], bicubic resize of the shorter side
 * to R without antialiasing (or with), centre crop, CLIP mean and standard deviation. */
LT_API lt_tensor *lt_clip_preprocess(lt_ctx *ctx, const lt_clip *clip, lt_tensor *images,
                                     bool antialias);
/* Network input (N,3,R,R) -> (N,D). */
LT_API lt_tensor *lt_clip_encode_image(lt_ctx *ctx, const lt_clip *clip, lt_tensor *pixels);
/* ids int32 (T,context_length) padded with 0; the feature is taken at each row's highest id (the
 * end token). Since attention is causal only the positions up to each end token are computed, and
 * beginnings that texts share once. -> (T,D) */
LT_API lt_tensor *lt_clip_encode_text(lt_ctx *ctx, const lt_clip *clip, const lt_tensor *ids);

/* Called with the residual stream "visual.0" (after ln_pre), "visual.1" (after block 0), ...,
 * "text.0", ... each (N, tokens, width), all tokens of the context for texts, which costs time;
 * NULL switches it off. */
LT_API void lt_clip_set_tap(lt_clip *clip, void (*tap)(void *user, const char *name, lt_tensor *t),
                            void *user);

LT_END_DECLS

#endif
