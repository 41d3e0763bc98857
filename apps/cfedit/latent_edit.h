/* Editing one picture by optimising the CF-CLIP objective over its own latent.
 *
 * The published method trains a mapper over thousands of latents; for a single picture the
 * same objective can be minimised over the picture's latent itself:
 *
 *     min over delta of  nce_lambda L_nce(G(w + delta)) + l2_lambda |delta|^2 + id_lambda L_id + perc_lambda L_perc
 *
 * delta lives in one of three spaces:
 *
 *     W+          (1,L,D), as it is
 *     StyleSpace  one (1,C) per modulated convolution (Wu et al. 2021), in standard deviations of each channel
 *     faces       W+ seen from the generator's own faces: delta = c X / sqrt(N) with the centred w of N random
 *                 faces X (N,D), c (1,L,N), so that |c| is the Mahalanobis length of delta. A direction in which
 *                 faces hardly differ costs much, and those are the ones that fool CLIP without drawing anything. */
#ifndef CFEDIT_LATENT_EDIT_H
#define CFEDIT_LATENT_EDIT_H

#include "clip_nce.h"
#include "models.h"

enum ce_space { CE_SPACE_WPLUS = 0, CE_SPACE_STYLE = 1, CE_SPACE_FACES = 2 };

struct ce_latent_edit_config {
    enum ce_space space;
    int steps;
    /* Steepest descent: a step has the length `lr` (l2 norm over all of delta, in units of the space), whatever the
     * gradient's; momentum 0.9. A channel then moves as much as it matters. Adam moves all alike, and what did not
     * matter shows as damage elsewhere in the picture. */
    bool steepest;
    float lr;          /* falls to a tenth over the run */
    float nce_lambda, l2_lambda, l1_lambda, id_lambda, perc_lambda;
    float anchor_lambda; /* of 1 - cos(e(x_hat), e(x)): keeps what the text does not speak of */
    /* W+ layers that may move; StyleSpace channels by the layer that feeds them. first_layer -1: what the
     * generator's metadata key `edit_first_layer` says, else 0. */
    int first_layer, last_layer;
    bool shared_layers; /* faces: one c for all layers that may move, instead of one each */
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
