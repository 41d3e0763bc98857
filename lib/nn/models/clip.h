/* CLIP (Radford et al. 2021): embeddings of pictures and of texts in one space, by a vision
 * transformer and a text transformer.
 *
 * Tensor names are OpenAI's. All sizes are read from the shapes, as OpenAI's loader does; attention
 * heads have 64 features. The metadata "activation" = "gelu" selects GELU instead of QuickGELU.
 * Embeddings are not normalised. */
#ifndef LT_NN_CLIP_H
#define LT_NN_CLIP_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_clip_config {
    int embed_dim;                   /* D: width of the embeddings */
    int image_size;                  /* R: pixels a side of the network's input */
    int patch;                       /* pixels a side of a patch; divides image_size */
    int vision_width, vision_layers; /* features and blocks of the vision transformer */
    int context_length;              /* L: tokens of a text, start and end included */
    int vocab_size;                  /* V: number of token ids */
    int text_width, text_layers;     /* features and blocks of the text transformer */
    bool gelu;                       /* GELU instead of QuickGELU */
} lt_clip_config;

typedef struct lt_clip lt_clip;

/* Adds fresh weights to `params`, drawn as OpenAI's code draws them. Both widths must be multiples
 * of
 * 64. Errors: LT_ERR_ARGUMENT (the configuration), LT_ERR_MEMORY. */
LT_API lt_status lt_clip_init(lt_ctx *ctx, lt_params *params, const lt_clip_config *config,
                              lt_rng *rng);

/* Makes a network over `params`, which it borrows; weights may be float32 (lt_params_load()) or 16
 * bits wide (lt_params_map()). *out (NULL on failure) is the caller's, who gives it to
 * lt_clip_free(). What shapes do not tell stands in the metadata of `params`, all of it optional:
 *
 *     activation               "quick_gelu" (OpenAI's; the default) or "gelu"
 *     vision_heads, text_heads attention heads of a tower; default: width / 64
 *     image_mean, image_std    JSON lists of three numbers, of pixels in [0, 1]; default: OpenAI's
 *
 * Errors: LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_DTYPE (naming the tensor), LT_ERR_UNSUPPORTED
 * (another activation, a width without heads), LT_ERR_FORMAT (naming the metadata),
 * LT_ERR_MEMORY. */
LT_API lt_status lt_clip_create(lt_ctx *ctx, const lt_params *params, lt_clip **out);

/* Frees a network, not its parameters. NULL is accepted. */
LT_API void lt_clip_free(lt_clip *clip);

/* The sizes that were read from the shapes; they belong to the network. */
LT_API const lt_clip_config *lt_clip_describe(const lt_clip *clip);

/* The learned logarithm of the factor on cosines that CLIP was trained with, the inverse of a
 * temperature: a scalar that belongs to the network. */
LT_API lt_tensor *lt_clip_logit_scale(const lt_clip *clip);

/* The longer side of an image is at most this many times the shorter. */
#define LT_CLIP_MOST_ASPECT 64

/* Images (N, 3, H, W) with values in [-1, 1] to the network's input (N, 3, R, R): bicubic resize of
 * the shorter side to R, with or without antialiasing, crop of the middle, and normalisation by
 * the network's mean and standard deviation. Errors: LT_ERR_SHAPE. */
LT_API lt_tensor *lt_clip_preprocess(lt_ctx *ctx, const lt_clip *clip, lt_tensor *images,
                                     bool antialias);

/* Embeddings (N, D) of what lt_clip_preprocess() returned, (N, 3, R, R). */
LT_API lt_tensor *lt_clip_encode_image(lt_ctx *ctx, const lt_clip *clip, lt_tensor *pixels);

/* Embeddings (T, D) of T texts: int32 ids (T, L) as lt_tokenize() makes them, padded with 0. The
 * embedding is taken at the highest id of each row, which is the end token. Positions after it are
 * not computed, and a beginning that several texts share is computed once. */
LT_API lt_tensor *lt_clip_encode_text(lt_ctx *ctx, const lt_clip *clip, const lt_tensor *ids);

/* Has `tap` called with the residual stream, (N, tokens, width), before the first block
 * ("visual.0", "text.0") and after each block ("visual.1", ...). Texts are then computed at all
 * positions, which takes longer. NULL switches it off. */
LT_API void lt_clip_set_tap(lt_clip *clip, void (*tap)(void *user, const char *name, lt_tensor *t),
                            void *user);

LT_END_DECLS

#endif
