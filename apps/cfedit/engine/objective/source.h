/* What losses know of source pictures, and the two terms that hold an edited picture to its
 * source:
 *
 *     L_id   = 1 - mean cosine of the IR-SE50 face embeddings of x_hat and x
 *     L_perc = mean absolute difference of the VGG19 conv5_2 features of x_hat and x
 *
 * Features of source pictures are computed once, without gradient. N pictures, L latent layers, D
 * features of a latent, S pixels a side. */
#ifndef CFEDIT_SOURCE_H
#define CFEDIT_SOURCE_H

#include "engine/models.h"
#include "engine/objective/clip_nce.h"
#include "engine/objective/terms.h"

/* A tensor is NULL where the term that compares with it is off. */
struct ce_source {
    lt_tensor *w;        /* (N,L,D) */
    lt_tensor *x;        /* (N,3,S,S) = G(w); NULL from a cache, which does not keep pictures */
    lt_tensor *clip;     /* (N,D) unit CLIP features e(x) */
    lt_tensor *identity; /* (N,512) unit face embeddings */
    lt_tensor *perc;     /* (N,C,h,w) VGG19 conv5_2 features */
};

/* The weights of L_id and L_perc. A term of weight 0 is off: it is not computed and its network is
 * not needed. */
struct ce_likeness {
    float id_lambda, perc_lambda;
};

/* The networks (CE_NEED_ bits) of the terms that are on. */
unsigned ce_likeness_needs(struct ce_likeness weights);
/* LT_ERR_ARGUMENT for a weight that is negative or not finite and for a network that is missing,
 * with a message that says how to provide it. */
lt_status ce_likeness_check(const struct ce_models *models, struct ce_likeness weights);

/* Sets clip (where `nce` is not NULL), identity and perc (where their weight is above 0) from
 * source->x, in the innermost scope. The caller switches gradients off. */
lt_status ce_source_features(const struct ce_models *models, const struct ce_nce_config *nce,
                             struct ce_likeness weights, struct ce_source *source);

/* L_id and L_perc, differentiable in x_hat. `source` needs the term's features. */
lt_tensor *ce_identity_loss(const struct ce_models *models, const struct ce_source *source,
                            lt_tensor *x_hat);
lt_tensor *ce_perceptual_loss(const struct ce_models *models, const struct ce_source *source,
                              lt_tensor *x_hat);
/* Adds the terms that are on, first L_id, then L_perc. */
void ce_likeness_add(const struct ce_models *models, struct ce_likeness weights,
                     const struct ce_source *source, lt_tensor *x_hat, struct ce_loss *loss);

/* Copies the source `one` of a single picture into row i of *all, which is all zero before the
 * first of n rows; members that are NULL are left out. *all is given to ce_source_free(). */
lt_status ce_source_put(lt_ctx *ctx, struct ce_source *all, int64_t n, int64_t i,
                        const struct ce_source *one);
/* Takes a reference of every tensor; ce_source_free() gives them back. */
void ce_source_retain(struct ce_source *source);
void ce_source_free(struct ce_source *source);

#endif
