/* Losses as sums of weighted terms. One vocabulary of terms for all methods: a training and the
 * optimisation of a latent put their losses together with ce_loss_add(), each from the terms that
 * it uses and in an order of its own. */
#ifndef CFEDIT_TERMS_H
#define CFEDIT_TERMS_H

#include "tensor/tensor.h"

/* The terms of a training come first, in the order of the training's log. */
enum ce_term {
    CE_TERM_TEXT,      /* CLIP-NCE, or the text loss that a method has in its place (clip_nce.h) */
    CE_TERM_LATENT_L2, /* mean squared change of the latent */
    CE_TERM_IDENTITY,  /* identity loss (source.h) */
    CE_TERM_PERC,      /* perceptual loss (source.h) */
    CE_TERM_LATENT_L1, /* mean absolute change of the latent */
    CE_TERM_CHANGE,    /* share of the picture that changes (latent_edit.h) */
    CE_TERM_GOAL,      /* squared distance to a recolouring (latent_edit.h) */
    CE_TERM_ANCHOR,    /* distance from the source picture's CLIP feature */
    CE_TERMS
};

/* The value of a loss, and of each term before its weight; NaN for a term that is off, and for
 * everything where a method has no loss. */
struct ce_terms {
    float loss;
    float value[CE_TERMS];
};

/* Nothing but NaN. */
struct ce_terms ce_terms_none(void);

/* A training's log and its checkpoints hold five numbers a step: the loss and the first four terms.
 * In the log they are called "loss", "loss_nce", "loss_l2_latent", "loss_id" and "loss_perc". */
#define CE_TERMS_LOGGED 5
extern const char *const ce_terms_name[CE_TERMS_LOGGED];
void ce_terms_values(const struct ce_terms *terms, float values[CE_TERMS_LOGGED]);
struct ce_terms ce_terms_of_values(const float values[CE_TERMS_LOGGED]);

/* LT_ERR_ARGUMENT, naming the weight, for one that is negative or not finite. */
lt_status ce_weight_check(lt_ctx *ctx, const char *name, float weight);

/* A loss under construction. The tensors belong to the innermost scope. */
struct ce_loss {
    lt_tensor *total; /* scalar; NULL before the first term */
    struct ce_terms terms;
};

/* A loss without terms. */
struct ce_loss ce_loss_begin(void);
/* loss->total += weight * value, for a scalar `value`, which is noted as that of `term`. Does
 * nothing where `value` is NULL; ce_loss_end() then gives the failure. */
void ce_loss_add(lt_ctx *ctx, struct ce_loss *loss, enum ce_term term, float weight,
                 lt_tensor *value);
/* The finished loss, whose value is noted in loss->terms; NULL with the failure in ctx if a term
 * could not be computed. */
lt_tensor *ce_loss_end(lt_ctx *ctx, struct ce_loss *loss);

#endif
