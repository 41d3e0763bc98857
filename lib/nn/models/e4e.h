/* The e4e encoder (Tov et al. 2021, "Designing an Encoder for StyleGAN Image Manipulation"): a
 * picture to its latent in one pass. A pyramid of three levels over the body of IR-SE50, as pSp has
 * it (Richardson et al. 2021), and a head for each W+ layer:
 *
 *     w_0 = head_0(c3),   w_l = w_0 + head_l(f_l),   f_l of c3, p2 = up(c3) + lateral_1(c2), p1 =
 * up(p2) + lateral_2(c1),
 *
 * plus the mean latent where the file has it. Tensor names are those of the published checkpoints:
 * encoder.input_layer.*, encoder.body.*, encoder.latlayer1, encoder.latlayer2, encoder.styles.*,
 * latent_avg. Inference only: batch norms use their running statistics. */
#ifndef LT_NN_E4E_H
#define LT_NN_E4E_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_E4E_SIDE 256 /* pixels a side of what it sees */

typedef struct lt_e4e lt_e4e;

typedef struct {
    int units;         /* bottlenecks of the body */
    int latents;       /* heads: W+ layers L */
    int64_t style_dim; /* D */
    bool latent_avg;   /* the mean latent, which its output is relative to, is there */
} lt_e4e_config;

/* Borrows from params. LT_ERR_MISSING or LT_ERR_SHAPE, naming the first tensor that is not there or
 * does not fit. */
LT_API lt_status lt_e4e_create(lt_ctx *ctx, const lt_params *params, lt_e4e **out);
LT_API void lt_e4e_free(lt_e4e *net);
LT_API const lt_e4e_config *lt_e4e_describe(const lt_e4e *net);
/* Images (N,3,H,W) in [-1,1] -> W+ (N,L,D). Brought to 256 x 256 by averaging (smaller ones
 * bicubic); a face must stand as in the pictures that the encoder was trained on. */
LT_API lt_tensor *lt_e4e_encode(lt_ctx *ctx, const lt_e4e *net, lt_tensor *images);

LT_END_DECLS

#endif
