/* The latent of a picture, found by optimisation: projection into W+ (Abdal et al. 2019,
 * "Image2StyleGAN"), with the learning rate schedule of Karras et al. 2020, "Analyzing and
 * Improving the Image Quality of StyleGAN", section D.
 *
 *     min over delta of   1/K sum_k mse(D_k G(w + delta), D_k x)
 *                       + perc_lambda L_perc + l2_lambda |delta|^2
 *
 * D_k halves a picture k times by averaging, so that forms are found before detail. The start w
 * comes from the model's encoder (encode.h). Without an encoder it is the best of some random
 * faces, compared with x at a small size. The distance from the start has a price, so that the
 * result stays among the pictures that the generator draws well and that can be edited. The
 * generator's noise stays fixed. */
#ifndef CFEDIT_INVERT_H
#define CFEDIT_INVERT_H

#include "engine/models.h"

struct ce_invert_config {
    int steps; /* 0: the result is the start */
    float lr;
    float l2_lambda;
    float perc_lambda;      /* weight of L_perc (objective/source.h) */
    int starts;             /* random faces to choose the start from, if `models` has no encoder */
    int encoder_iterations; /* how often a ReStyle encoder betters its latent */
};

struct ce_invert_config ce_invert_defaults(void);

/* Called after each step, from 1 on. */
typedef bool ce_invert_progress(void *user, int64_t step, double loss);

/* Tensors are retained; ce_invert_free() releases them. */
struct ce_invert_result {
    lt_tensor *w;     /* (1,L,D) */
    lt_tensor *x_hat; /* (1,3,S,S) = G(w) */
    double psnr;      /* of x_hat, clamped to [-1,1], against x; dB for a range of 2 */
    double seconds;
};

/* Cuts the square from the middle of a picture (1,3,H,W) and resizes it to the generator's
 * (1,3,S,S). Without gradient. */
lt_tensor *ce_invert_fit(const struct ce_models *models, lt_tensor *picture);

/* Inverts x (1,3,S,S) in [-1,1]. `models` needs the generator, and VGG19 if perc_lambda is not 0;
 * it may have the encoder. `progress` may be NULL. *result is given to ce_invert_free(), also after
 * a failure. Errors: LT_ERR_ARGUMENT, LT_ERR_SHAPE, LT_ERR_NUMERIC if the loss is not finite. */
lt_status ce_invert_run(const struct ce_models *models, const struct ce_invert_config *config,
                        lt_tensor *x, ce_invert_progress *progress, void *user,
                        struct ce_invert_result *result);
void ce_invert_free(struct ce_invert_result *result);

#endif
