/* Editing one picture by optimising the CF-CLIP objective over its own latent.
 *
 * The published method trains a mapper over thousands of latents; for a single picture the
 * same objective can be minimised over the picture's latent itself:
 *
 *     min over delta of  nce_lambda L_nce(G(w + delta)) + l2_lambda |delta|^2 + id_lambda L_id + perc_lambda L_perc
 *
 * delta lives in W+ (1,L,D), or in StyleSpace (Wu et al. 2021), one (1,C) per modulated convolution,
 * measured in standard deviations of each channel over random faces. StyleSpace is the more
 * disentangled of the two: a channel often moves one part only. */
#ifndef CFEDIT_LATENT_EDIT_H
#define CFEDIT_LATENT_EDIT_H

#include "clip_nce.h"
#include "models.h"

enum ce_space { CE_SPACE_WPLUS = 0, CE_SPACE_STYLE = 1 };

struct ce_latent_edit_config {
    enum ce_space space;
    int steps;
    float lr;          /* Adam's, in units of the space; falls to a tenth over the run */
    float nce_lambda, l2_lambda, l1_lambda, id_lambda, perc_lambda;
    float anchor_lambda; /* of 1 - cos(e(x_hat), e(x)): keeps what the text does not speak of */
    int first_layer, last_layer; /* W+ layers that may move; StyleSpace channels by the layer that feeds them */
    bool edit_rgb;     /* StyleSpace: whether the to-RGB channels may move */
    struct ce_nce_config nce;
    uint64_t seed;     /* of the augmentation */
};

/* What was found best on the shipped model, see bench/. */
struct ce_latent_edit_config ce_latent_edit_defaults(void);

struct ce_latent_edit_terms {
    float loss, nce, l2, id, perc; /* unweighted terms; NaN where a term is off */
};

/* Tensors are retained; ce_latent_edit_free() releases them. */
struct ce_latent_edit_result {
    lt_tensor *x, *x_hat;  /* (1,3,S,S) */
    lt_tensor *latents;    /* (1,L,D) w_hat; in StyleSpace the source's w */
    lt_tensor **styles;    /* StyleSpace: the edited styles, else NULL */
    int style_count;
    struct ce_latent_edit_terms first, last;
    double seconds;
};

/* Told after each step; false stops the edit there (the result so far stands). */
typedef bool (*ce_latent_edit_watch)(void *user, int step, const struct ce_latent_edit_terms *terms);

/* Edits the picture of w (1,L,D). `strength` scales the found delta: 0 gives the source, 1 the full edit.
 * `models` needs generator and CLIP, identity or VGG where their lambda is not 0. */
lt_status ce_latent_edit_run(const struct ce_models *models, const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts, lt_tensor *w, float strength,
                             ce_latent_edit_watch watch, void *user, struct ce_latent_edit_result *result);
void ce_latent_edit_free(struct ce_latent_edit_result *result);

#endif
