/* What must be in an e4e encoder's file (Tov et al. 2021, "Designing an Encoder for StyleGAN Image Manipulation"): the
 * body of IR-SE50, two lateral layers and one head a W+ layer, all under "encoder.". */
#ifndef CFEDIT_ENCODER_FILE_H
#define CFEDIT_ENCODER_FILE_H

#include "nn/params.h"

struct ce_encoder_config {
    int units;         /* bottlenecks of the body */
    int latents;       /* heads: W+ layers */
    int64_t style_dim; /* of a head */
    bool latent_avg;   /* the mean latent, which its output is relative to, is there */
};

/* Looks for every tensor and compares the shapes. LT_ERR_MISSING or LT_ERR_SHAPE, naming the first that does not fit. */
lt_status ce_encoder_check(lt_ctx *ctx, const lt_params *params, struct ce_encoder_config *config);

#endif
