/* A first guess at a change of colour, without the generator; an addition of ours.
 *
 * The gradient of CLIP at the source often leads to a wrong colour (lips that should become blue turn orange and
 * stay there), while CLIP's verdict on finished pictures is good. So colours are tried out: under the map M of focus.h,
 * made wider or tighter,
 *
 *     M_t = M / (M + t (1 - M)),     t = 1/4, 1, 4, 16
 *     x_{b,t} = clamp(x + M_t (b - mean of x under M_t), -1, 1),
 *
 * over a coarse grid of colours b and then around the best, one augmented copy of each, the six best again by four
 * copies. The one with the lowest text loss plus 0.3 mean M_t, so
 * that a small part is not painted over with its surroundings, is the picture towards which the latent is drawn
 * first, and its M_t the map of where the text is about. */
#ifndef CFEDIT_RECOLOR_H
#define CFEDIT_RECOLOR_H

#include "clip_nce.h"

/* x (1,3,S,S), M (1,1,S,S), `feature` e(x) (1,D) -> the best x_{b,t}, and M_t in *tuned, both in the innermost
 * scope. `rng` advances. */
lt_tensor *ce_recolor(const struct ce_models *models, const struct ce_nce_config *nce, const struct ce_nce_texts *texts,
                      lt_tensor *x, lt_tensor *map, lt_tensor *feature, lt_rng *rng, lt_tensor **tuned);

#endif
