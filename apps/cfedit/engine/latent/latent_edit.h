/* Editing one picture by optimising a CLIP loss over its own latent.
 *
 * The published methods train a mapper over thousands of latents, or optimise one; for a single
 * picture
 *
 *     min over delta of  nce_lambda L_text(G(w + delta)) + l2_lambda |delta|^2 + change_lambda
 * L_change
 *                        + goal_lambda L_goal + id_lambda L_id + perc_lambda L_perc
 *
 * with delta in one of the spaces of latent_space.h. L_text is what `nce` selects (clip_nce.h):
 * CLIP-NCE, the directional loss of StyleGAN-NADA or StyleCLIP's global loss.
 *
 * L_change is the share of the picture that changes: the mean over pixels of d^2 / (d^2 + s^2), d
 * the distance of a pixel's colour from the source's and s change_scale (Geman & McClure 1985). A
 * part that the text speaks of may change as far as it likes at the price of its area; a faint
 * change all over costs more.
 *
 * L_goal is the squared distance to a recolouring of the source picture (recolor.h), where there is
 * one.
 *
 * With focus, the map M of where the text is about (focus.h) enters twice: CLIP is shown x + M
 * (x_hat - x), so that a change elsewhere cannot please it, and L_change counts only what M leaves
 * out, each pixel by 1 - M. Where a recolouring starts the edit, M is its mask (recolor.h). */
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
    /* Side of the pictures that the search looks at, where the generator has them on its way to its
     * own size; 0: that. Smaller ones cost less and show less; the result is drawn at full size. */
    int render_size;
    /* Steepest descent: a step has the length `lr` (l2 norm over all of delta, in units of the
     * space), whatever the gradient's; momentum 0.9. A channel then moves as much as it matters.
     * Adam moves all alike, and what did not matter shows as damage elsewhere in the picture. */
    bool steepest;
    float lr; /* falls to a tenth over the run */
    float nce_lambda, l2_lambda, l1_lambda, change_lambda, id_lambda, perc_lambda;
    float change_scale;  /* colour distance, of pictures in [-1,1] */
    float anchor_lambda; /* of 1 - cos(e(x_hat), e(x)): keeps what the text does not speak of */
    bool use_focus;
    /* Where there are contrasts: so many steps first towards the best of the recolourings of
     * recolor.h, by the squared distance under M and outside it, by Adam. They come on top of
     * `steps`. Needs the focus. L_change then is the distance from that picture. */
    int fit_steps;
    float fit_lr;
    float goal_lambda; /* of that distance, during `steps` too */
    struct ce_focus_config focus;
    struct ce_nce_config nce;
    uint64_t seed; /* of the augmentation */
};

/* What was found best on the shipped model, see bench/edit. */
struct ce_latent_edit_config ce_latent_edit_defaults(void);

/* Steps that an edit takes; the watch is told of each. */
int64_t ce_latent_edit_steps(const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts);

/* Edits the picture of w (1,L,D). `strength` scales the found delta: 0 gives the source, 1 the full
 * edit. `models` needs generator and CLIP, identity or VGG where their lambda is not 0. *result is
 * given to ce_edit_result_free(), also after a failure. */
lt_status ce_latent_edit_run(const struct ce_models *models,
                             const struct ce_latent_edit_config *config,
                             const struct ce_nce_texts *texts, lt_tensor *w, float strength,
                             ce_edit_watch *watch, void *user, struct ce_edit_result *result);

#endif
