/* The e4e encoder (Tov et al. 2021, "Designing an Encoder for StyleGAN Image Manipulation"): from a
 * picture to its latent in one pass.
 *
 * A pyramid of three levels over the body of IR-SE50, as in pSp (Richardson et al. 2021), and one
 * head for each layer of W+. With c1, c2, c3 the maps of the body, the finest first:
 *
 *     p2 = up(c3) + lateral_1(c2)      p1 = up(p2) + lateral_2(c1)
 *     w_0 = head_0(c3)                 w_l = w_0 + head_l(f_l), f_l one of c3, p2, p1
 *
 * plus the mean latent, where the file has it. Tensor names are those of the published checkpoints:
 * encoder.input_layer.*, encoder.body.*, encoder.latlayer1, encoder.latlayer2, encoder.styles.*,
 * latent_avg. Inference only: batch norms use their running statistics. */
#ifndef LT_NN_E4E_H
#define LT_NN_E4E_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_E4E_SIDE 256 /* pixels a side of the encoder's input */

typedef struct lt_e4e lt_e4e;

typedef struct {
    int units;         /* bottlenecks of the body */
    int latents;       /* L: heads, one for each layer of W+ */
    int64_t style_dim; /* D: width of a latent */
    bool latent_avg;   /* whether the file has the mean latent, which the heads' output is
                          relative to */
} lt_e4e_config;

/* Makes an encoder over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_e4e_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE (naming the first tensor that is
 * missing or does not fit), LT_ERR_MEMORY. */
LT_API lt_status lt_e4e_create(lt_ctx *ctx, const lt_params *params, lt_e4e **out);

/* Frees an encoder, not its parameters. NULL is accepted. */
LT_API void lt_e4e_free(lt_e4e *net);

/* The sizes that were read from the shapes; they belong to the encoder. */
LT_API const lt_e4e_config *lt_e4e_describe(const lt_e4e *net);

/* Latents W+ (N, L, D) of images (N, 3, H, W) with values in [-1, 1]. Images are brought to 256 x
 * 256: by averaging, or bicubically where a side is smaller. Faces must be aligned as in the
 * pictures that the encoder was trained on. */
LT_API lt_tensor *lt_e4e_encode(lt_ctx *ctx, const lt_e4e *net, lt_tensor *images);

LT_END_DECLS

#endif
