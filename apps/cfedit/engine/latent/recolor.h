/* A first guess at a change of colour, without the generator. An addition of this project.
 *
 * The gradient of CLIP at the source often leads to a wrong colour or to a wrong place: lips that
 * should become blue turn orange and stay orange. But CLIP judges finished pictures well. So
 * colours and places are tried out, and the loss of guesses.h decides:
 *
 *     1. Colours, under the map M of focus.h and under a tighter one, M_t = M / (M + t (1 - M))
 * with t = 1 and t = 4: first a coarse grid, then around the best.
 *     2. Places, with the best colour: every node of the tree of regions (regions.h) and the
 * regions under M; then the best of these, joined with one another as long as the loss falls (two
 *        eyes, the strands of the hair).
 *     3. Colours once more, around the best, in the best place.
 *
 * The guess with the lowest loss of all is the picture towards which the latent is moved first, and
 * its mask becomes the map of where the text is about. */
#ifndef CFEDIT_RECOLOR_H
#define CFEDIT_RECOLOR_H

#include "engine/objective/clip_nce.h"

/* Finds the best guess for x (1,3,S,S) with the map M (1,1,S,S) and `feature`, e(x) (1,D). Returns
 * the picture, with its mask (1,1,S,S) in *mask, both in the innermost scope; NULL on failure.
 * `rng` advances. */
lt_tensor *ce_recolor(const struct ce_models *models, const struct ce_nce_config *nce,
                      const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *map,
                      lt_tensor *feature, lt_rng *rng, lt_tensor **mask);

#endif
