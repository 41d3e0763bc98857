/* Encoders: from a picture to its latent. The body of IR-SE50 (irse_body_impl.h) makes three maps
 * of a picture, c1, c2, c3, the finest first; layers behind it make a latent of them. The metadata
 * key `encoder_type` says which layers, by the names of the published code:
 *
 *     Encoder4Editing                           e4e (Tov et al. 2021)
 *         w_0 = head_0(f_0)                     w_l = w_0 + head_l(f_l)
 *     GradualStyleEncoder                       pSp (Richardson et al. 2021)
 *         w_l = head_l(f_l)
 *     BackboneEncoder                           ReStyle (Alaluf et al. 2021), over pSp
 *         w_l = head_l(c3)
 *     ProgressiveBackboneEncoder                ReStyle, over e4e
 *         w_0 = head_0(c3)                      w_l = w_0 + head_l(c3)
 *     BackboneEncoderUsingLastLayerIntoW        pSp, one latent of W for all layers
 *     SingleStyleCodeEncoder                    e4e's name of the type above
 *         w = linear(mean of c3)
 *     BackboneEncoderUsingLastLayerIntoWPlus    pSp
 *         w = linear(linear(7 x 7 means of batch norm(c3)))
 *
 * where f_l is the level c3, p2 or p1 that head l reads, of a pyramid (Lin et al. 2017):
 *
 *     p2 = up(c3) + lateral_1(c2)               p1 = up(p2) + lateral_2(c1)
 *
 * The mean latent is added where the file has it, unless the metadata key `start_from_latent_avg`
 * is "false". A file without `encoder_type` counts as Encoder4Editing.
 *
 * A ReStyle encoder reads six channels, the picture and what the generator draws of the latent so
 * far, and gives the way to a better latent. GradualStyleEncoder with six channels is one, too.
 *
 * Tensor names are the published ones: encoder.input_layer.*, encoder.body.*, encoder.latlayer1,
 * encoder.latlayer2, encoder.styles.*, encoder.output_layer_2.*, encoder.linear.*, latent_avg.
 * Inference only: batch norms use their running statistics. */
#ifndef LT_NN_ENCODER_H
#define LT_NN_ENCODER_H

#include "nn/params.h"

LT_BEGIN_DECLS

#define LT_ENCODER_SIDE 256 /* pixels a side of the encoder's input */

typedef struct lt_encoder lt_encoder;

typedef struct {
    const char *type; /* as in the metadata key encoder_type */
    int units;        /* bottlenecks of the body */
    int latents;      /* L: layers of W+; 1 for an encoder into W, whose latent is for all layers */
    int64_t style_dim; /* D: width of a latent */
    bool latent_avg;   /* whether the mean latent is part of what the encoder gives */
    bool iterative;    /* ReStyle: run by lt_encoder_refine(), not by lt_encoder_encode() */
} lt_encoder_config;

/* Makes an encoder over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_encoder_free(). Errors: LT_ERR_FORMAT (a type that is unknown, or that the tensors
 * contradict), LT_ERR_MISSING, LT_ERR_SHAPE (naming the first tensor that is missing or does not
 * fit), LT_ERR_MEMORY. */
LT_API lt_status lt_encoder_create(lt_ctx *ctx, const lt_params *params, lt_encoder **out);

/* Frees an encoder, not its parameters. NULL is accepted. */
LT_API void lt_encoder_free(lt_encoder *net);

/* The type and sizes, which belong to the encoder. */
LT_API const lt_encoder_config *lt_encoder_describe(const lt_encoder *net);

/* Latents (N, L, D) of images (N, 3, H, W) with values in [-1, 1]. Images are brought to 256 x
 * 256: by averaging, or bicubically where a side is smaller. Faces must be aligned as in the
 * pictures that the encoder was trained on. Errors: LT_ERR_ARGUMENT (the encoder is iterative),
 * LT_ERR_SHAPE. */
LT_API lt_tensor *lt_encoder_encode(lt_ctx *ctx, const lt_encoder *net, lt_tensor *images);

/* The mean latent (1, L, D), from which lt_encoder_refine() starts. Errors: LT_ERR_ARGUMENT (the
 * encoder is not iterative). */
LT_API lt_tensor *lt_encoder_start(lt_ctx *ctx, const lt_encoder *net);

/* One step of ReStyle: better latents (N, L, D) of images (N, 3, H, W), given latents (N, L, D) and
 * the generator's pictures `drawn` (N, 3, H', W') of them. Both kinds of pictures are brought to
 * 256 x 256 as in lt_encoder_encode(). The published code takes five steps. Errors: LT_ERR_ARGUMENT
 * (the encoder is not iterative), LT_ERR_SHAPE. */
LT_API lt_tensor *lt_encoder_refine(lt_ctx *ctx, const lt_encoder *net, lt_tensor *images,
                                    lt_tensor *drawn, lt_tensor *latents);

LT_END_DECLS

#endif
