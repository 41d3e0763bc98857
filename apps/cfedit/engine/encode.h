/* The latent that the model's encoder (nn/models/encoder.h) finds for a picture. A ReStyle encoder
 * (Alaluf et al. 2021) sees the generator's picture of the latent so far beside the picture itself,
 * and betters the latent a few times:
 *
 *     w = mean latent;   repeat:   w = w + E(x, G(w))
 *
 * Other encoders need one pass. One that finds a latent of W gives it to all layers. */
#ifndef CFEDIT_ENCODE_H
#define CFEDIT_ENCODE_H

#include "engine/models.h"

/* How often a ReStyle encoder betters the latent in the published code. */
#define CE_ENCODE_ITERATIONS 5

/* The latent (1,L,D) of x (1,3,S,S) in [-1,1]. `models` needs generator and encoder. `iterations`
 * is at least 1, and is used with a ReStyle encoder only. Without gradient. Errors: LT_ERR_NUMERIC
 * if the latent is not finite. */
lt_tensor *ce_encode(const struct ce_models *models, lt_tensor *x, int iterations);

#endif
