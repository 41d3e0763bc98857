/* The CF-CLIP objective (Yu et al. 2022, equation 8):
 *
 *     L = nce_lambda L_nce + latent_l2_lambda mse(w_hat, w) + id_lambda L_id + perc_lambda L_perc
 *
 * L_nce is CLIP-NCE (clip_nce.h); L_id and L_perc compare faces and features of x_hat and x
 * (source.h). A term of weight 0 is off: it is not computed and its network is not needed.
 *
 * Whatever depends on the source picture only is computed once, in a struct ce_source. N pictures,
 * L latent layers, D features of a latent, S pixels a side. */
#ifndef CFEDIT_OBJECTIVE_H
#define CFEDIT_OBJECTIVE_H

#include "engine/objective/source.h"

struct ce_objective_config {
    float nce_lambda, latent_l2_lambda, id_lambda, perc_lambda;
    struct ce_nce_config nce;
};

/* The published settings for faces: 0.3, 0.8, 0.2, 0. */
struct ce_objective_config ce_objective_defaults(void);

/* The networks (CE_NEED_ bits) that training with `config` needs. */
unsigned ce_objective_needs(const struct ce_objective_config *config);

struct ce_objective {
    const struct ce_models
        *models; /* borrowed; the weights of the networks should not require gradients */
    struct ce_objective_config config;
    struct ce_nce_texts texts; /* empty if CLIP-NCE is off */
};

/* Encodes the sentences. *objective is given to ce_objective_free(), also after a failure. Errors:
 * LT_ERR_ARGUMENT (a weight that is negative or not finite, no term at all, a network that is
 * missing) and the errors of ce_nce_texts_prepare(). */
lt_status ce_objective_prepare(const struct ce_models *models,
                               const struct ce_objective_config *config,
                               const struct ce_texts *texts, struct ce_objective *objective);
void ce_objective_free(struct ce_objective *objective);

/* Draws the pictures of w (N,L,D) and computes their features, without gradient. One picture at a
 * time, so that the features of a picture do not depend on its neighbours in a batch. *source is
 * given to ce_source_free(), also after a failure. */
lt_status ce_source_prepare(const struct ce_objective *objective, lt_tensor *w,
                            struct ce_source *source);
/* L for the edited latents w_hat (N,L,D) and their pictures x_hat (N,3,S,S) = G(w_hat),
 * differentiable in both. coeffs holds the config.nce.copies homographies of ce_nce_draw(); it is
 * not read if CLIP-NCE is off. `terms` may be NULL. -> scalar, or NULL with the failure in the
 * context. */
lt_tensor *ce_objective_loss(const struct ce_objective *objective, const struct ce_source *source,
                             lt_tensor *w_hat, lt_tensor *x_hat, const double (*coeffs)[8],
                             struct ce_terms *terms);

#endif
