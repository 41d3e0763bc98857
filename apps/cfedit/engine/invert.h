/* The latent of a picture, by optimisation: projection into W+ (Abdal et al. 2019,
 * "Image2StyleGAN"; the falling learning rate of Karras et al. 2020, "Analyzing and Improving the
 * Image Quality of StyleGAN", section D).
 *
 *     min over delta of  1/K sum_k mse(D_k G(w + delta), D_k x) + perc_lambda L_perc + l2_lambda
 * |delta|^2
 *
 * D_k halves a picture k times by averaging, so that forms are found before detail. The start w is
 * what an e4e encoder says of x (nn/e4e.h), or, without one, that of some random faces which looks
 * most like x, small; the distance from it costs, so that the result stays among what the generator
 * draws and can be edited. Noise stays as it is. */
#ifndef CFEDIT_INVERT_H
#define CFEDIT_INVERT_H

#include "engine/models.h"

struct ce_invert_config {
    int steps; /* 0: the start as it is */
    float lr;
    float l2_lambda;
    float perc_lambda; /* of VGG19's conv5_2 features (objective.h) */
    int starts;        /* random faces to choose the start from, where `models` has no encoder */
};

struct ce_invert_config ce_invert_defaults(void);

/* Told after each step, from 1 on. False stops there, and the latent found so far is the result. */
typedef bool ce_invert_progress(void *user, int64_t step, double loss);

/* Tensors are retained; ce_invert_free() releases them. */
struct ce_invert_result {
    lt_tensor *w;     /* (1,L,D) */
    lt_tensor *x_hat; /* (1,3,S,S) = G(w) */
    double psnr;      /* of x_hat, clamped, against x; dB of a range of 2 */
    double seconds;
};

/* A picture (1,3,H,W) of any size as the generator's are: the square in its middle, (1,3,S,S).
 * Without gradient. */
lt_tensor *ce_invert_fit(const struct ce_models *models, lt_tensor *picture);

/* x (1,3,S,S) in [-1,1]. `models` needs the generator, VGG19 where perc_lambda is not 0, and may
 * have the encoder; `progress` may be NULL. *result is given to ce_invert_free(), also after a
 * failure. Errors: LT_ERR_ARGUMENT, LT_ERR_SHAPE, LT_ERR_NUMERIC where the loss is not finite. */
lt_status ce_invert_run(const struct ce_models *models, const struct ce_invert_config *config,
                        lt_tensor *x, ce_invert_progress *progress, void *user,
                        struct ce_invert_result *result);
void ce_invert_free(struct ce_invert_result *result);

#endif
