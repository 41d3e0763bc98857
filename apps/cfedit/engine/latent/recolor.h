/* A first guess at a change of colour, without the generator; an addition of ours.
 *
 * The gradient of CLIP at the source often leads to a wrong colour (lips that should become blue
 * turn orange and stay there) or a wrong place, while CLIP's verdict on finished pictures is good.
 * So both are tried out, by the loss of guesses.h:
 *
 *     1. colours, under the map M of focus.h and a tighter one, M_t = M / (M + t (1 - M)), t = 1,
 * 4: a coarse grid, then around the best;
 *     2. places, with that colour: every node of the tree of regions (regions.h) and what lies
 * under M, then the best of these joined with one another as long as that is better: two eyes, the
 * strands of the hair;
 *     3. colours again, around the best, in that place.
 *
 * The guess with the lowest loss of all is the picture towards which the latent is drawn first, and
 * its mask the map of where the text is about. */
#ifndef CFEDIT_RECOLOR_H
#define CFEDIT_RECOLOR_H

#include "engine/objective/clip_nce.h"

/* x (1,3,S,S), M (1,1,S,S), `feature` e(x) (1,D) -> the best picture, and its mask (1,1,S,S) in
 * *mask, both in the innermost scope. `rng` advances. */
lt_tensor *ce_recolor(const struct ce_models *models, const struct ce_nce_config *nce,
                      const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *map,
                      lt_tensor *feature, lt_rng *rng, lt_tensor **mask);

#endif
