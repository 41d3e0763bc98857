/* The CF-CLIP objective (Yu et al. 2022, equation 8):
 *
 *     L = nce_lambda L_nce + latent_l2_lambda mse(w_hat, w) + id_lambda L_id + perc_lambda L_perc
 *
 * L_nce is CLIP-NCE (clip_nce.h); L_id = 1 - mean cosine of the face embeddings of x_hat
 * and x; L_perc the mean absolute difference of their VGG19 conv5_2 features. A term
 * whose factor is 0 is off: it is not computed and its network is not needed.
 *
 * Everything that depends on the source picture only is computed once, in a
 * ce_source. N pictures, L latent layers, D features of a latent, S pixels a side. */
#ifndef CFEDIT_OBJECTIVE_H
#define CFEDIT_OBJECTIVE_H

#include "engine/objective/clip_nce.h"
#include "engine/models.h"

struct ce_objective_config {
    float nce_lambda, latent_l2_lambda, id_lambda, perc_lambda;
    struct ce_nce_config nce;
};

/* The published settings for faces: 0.3, 0.8, 0.2, 0. */
struct ce_objective_config ce_objective_defaults(void);

/* The networks (CE_NEED_ bits) that a config works with. */
unsigned ce_objective_needs(const struct ce_objective_config *config);

struct ce_objective {
    const struct ce_models
        *models; /* borrowed; the networks' weights should not require gradients */
    struct ce_objective_config config;
    struct ce_nce_texts texts; /* empty where CLIP-NCE is off */
};

/* Encodes the texts. *objective is given to ce_objective_free(), also after a failure.
 * Errors: LT_ERR_ARGUMENT (a factor that is negative or not finite, no term at all, a
 * network that is missing), and those of ce_nce_texts_prepare(). */
lt_status ce_objective_prepare(const struct ce_models *models,
                               const struct ce_objective_config *config, const char *source_text,
                               const char *target_text, struct ce_objective *objective);
void ce_objective_free(struct ce_objective *objective);

/* What the objective needs to know of source pictures; retained tensors, NULL where a term is off.
 */
struct ce_source {
    lt_tensor *w;        /* (N,L,D) */
    lt_tensor *x;        /* (N,3,S,S) = G(w); NULL from a cache, which does not keep pictures */
    lt_tensor *clip;     /* (N,D) unit CLIP features e(x) */
    lt_tensor *identity; /* (N,512) unit face embeddings */
    lt_tensor *perc;     /* (N,C,h,w) VGG19 conv5_2 features */
};

/* Draws the pictures of w and computes their features, without gradient and one picture at a
 * time, so that a picture's features do not depend on its neighbours in a batch.
 * *source is given to ce_source_free(), also after a failure. */
lt_status ce_source_prepare(const struct ce_objective *objective, lt_tensor *w,
                            struct ce_source *source);
void ce_source_free(struct ce_source *source);
/* Copies the source `one` of a single picture into row i of *all, all zero before the first of n
 * rows; members that are NULL are left out. */
lt_status ce_source_put(lt_ctx *ctx, struct ce_source *all, int64_t n, int64_t i,
                        const struct ce_source *one);

/* The value of each term before its factor; NaN for a term that is off. */
struct ce_terms {
    float loss, nce, latent_l2, identity, perc;
};
#define CE_TERMS 5
/* The log's names of the members, in their order: "loss", "loss_nce", "loss_l2_latent", "loss_id",
 * "loss_perc". */
extern const char *const ce_terms_name[CE_TERMS];
void ce_terms_values(const struct ce_terms *terms, float values[CE_TERMS]);

/* L for the edited latents w_hat (N,L,D) and pictures x_hat (N,3,S,S) = G(w_hat), differentiable in
 * both; coeffs: config.nce.copies homographies of ce_nce_draw(), not read where CLIP-NCE is
 * off. `terms` may be NULL. -> scalar, or NULL with the failure in the context. */
lt_tensor *ce_objective_loss(const struct ce_objective *objective, const struct ce_source *source,
                             lt_tensor *w_hat, lt_tensor *x_hat, const double (*coeffs)[8],
                             struct ce_terms *terms);

#endif
