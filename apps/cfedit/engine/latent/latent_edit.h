/* Editing one picture by optimising a CLIP loss over the picture's own latent.
 *
 * The published methods train a mapper over thousands of latents, or optimise one. For a single
 * picture:
 *
 *     min over delta of   nce_lambda L_text(G(w + delta)) + l2_lambda |delta|^2
 *                       + change_lambda L_change + goal_lambda L_goal
 *                       + id_lambda L_id + perc_lambda L_perc
 *
 * delta lies in one of the spaces of latent_space.h. L_text is the loss that `nce` selects
 * (clip_nce.h): CLIP-NCE, the directional loss of StyleGAN-NADA or the global loss of StyleCLIP.
 * L_id and L_perc are in source.h.
 *
 * L_change is the share of the picture that changes: the mean over pixels of d^2 / (d^2 + s^2),
 * where d is the distance of a pixel's colour from the source and s is change_scale (Geman &
 * McClure 1985). A part that the text speaks of may change as far as it likes, at the price of its
 * area. A faint change all over the picture costs more.
 *
 * L_goal is the squared distance to a recolouring of the source picture (recolor.h), if there is
 * one.
 *
 * With focus, a map M tells where the text is about (focus.h). CLIP then sees x + M (x_hat - x), so
 * that a change elsewhere cannot please it, and L_change counts each pixel by 1 - M. If a
 * recolouring starts the edit, M is its mask. */
#ifndef CFEDIT_LATENT_EDIT_H
#define CFEDIT_LATENT_EDIT_H

#include "engine/objective/source.h"
#include "engine/edit_result.h"
#include "engine/latent/focus.h"
#include "engine/latent/latent_space.h"
#include "engine/latent/recolor.h"

struct ce_latent_edit_config {
    struct ce_space_config space;
    int steps;
    /* Side of the pictures during the search; 0: the generator's full size. The generator must
     * reach that size on its way to the full one. Smaller pictures cost less and show less detail.
     * The result is drawn at full size. */
    int render_size;
    /* Steepest descent with momentum 0.9: each step has the length `lr` (l2 norm over all of delta,
     * in units of the space), whatever the length of the gradient. Every channel then moves as far
     * as it matters. Adam moves all channels alike, and those that did not matter show as damage
     * elsewhere in the picture. */
    bool steepest;
    float lr; /* step length or learning rate; falls to a tenth over the run */
    float nce_lambda, l2_lambda, l1_lambda, change_lambda, id_lambda, perc_lambda;
    float change_scale;  /* distance of colours in [-1,1] that counts as half changed */
    float anchor_lambda; /* weight of 1 - cos(e(x_hat), e(x)) */
    bool use_focus;
    /* With focus and contrasts, the edit begins with fit_steps steps of Adam towards the best
     * recolouring of recolor.h. The loss of these steps is the squared distance under M and outside
     * M. They come on top of `steps`, and L_change is then measured from that recolouring. */
    int fit_steps;
    float fit_lr;
    float goal_lambda; /* weight of the distance to the recolouring during `steps` */
    struct ce_focus_config focus;
    struct ce_nce_config nce;
    uint64_t seed; /* of the augmentation, focus and recolouring */
};

/* The settings that proved best on the shipped model; bench/edit compares them. */
struct ce_latent_edit_config ce_latent_edit_defaults(void);

/* How many steps an edit takes; the watch is told of each. */
int64_t ce_latent_edit_steps(const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts);

/* Edits the picture of w (1,L,D). `models` needs the generator and CLIP, and the networks of the
 * terms that are on. *result is given to ce_edit_result_free(), also after a failure. */
lt_status ce_latent_edit_run(const struct ce_models *models,
                             const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts, lt_tensor *w, ce_edit_watch *watch,
                             void *user, struct ce_edit_result *result);

#endif
