/* Where in a picture a sentence is about, as far as CLIP can tell; an addition of ours.
 *
 * CLIP tells the target from its contrasts ("green lips" from "red lips", ...) along the axes a_k,
 * its mean text features less their mean. How much a pixel decides there, compared with how much it
 * decides anything,
 *
 *     r(p) = blur( sum_k |d (mean_c e(A_c(x)) . a_k) / d x(p)|^2 ) / blur( sum_k |d (mean_c
 * e(A_c(x)) . z_k) / d x(p)|^2 )
 *
 * with random axes z_k, is large where the sentence is about and small elsewhere, without any list
 * of parts. (The first factor alone is large at the eyes of any face, whatever the sentence.) With
 * r divided by its mean, the map is
 *
 *     M = r^4 / (r^4 + threshold^4).
 *
 * Pictures larger than CLIP's input are reduced to its size first, and the map is enlarged.
 *
 * Without contrasts the only axis is the text direction from source to target. */
#ifndef CFEDIT_FOCUS_H
#define CFEDIT_FOCUS_H

#include "engine/objective/clip_nce.h"

struct ce_focus_config {
    int copies;      /* augmented copies that each gradient is the mean of */
    float blur;      /* standard deviation of the Gaussian, of the picture's side */
    float threshold; /* of r, at which M is 1/2 */
};

/* 4 copies, 1/32, 1.5. */
struct ce_focus_config ce_focus_defaults(void);

/* x (N,C,S,S) reduced to CLIP's input size by averaging, where it is larger; else x. */
lt_tensor *ce_focus_reduced(const struct ce_models *models, lt_tensor *x);

/* A map (1,1,s,s) of a reduced picture as one of side x side, in [0,1]. */
lt_tensor *ce_focus_enlarged(lt_ctx *ctx, lt_tensor *map, int64_t side);

/* x (1,3,S,S) -> M (1,1,S,S) in [0,1], without gradient; `nce` and `texts` as for the loss, `rng`
 * advances. Errors: LT_ERR_ARGUMENT for a config that is out of range. */
lt_tensor *ce_focus_map(const struct ce_models *models, const struct ce_focus_config *config,
                        const struct ce_nce_config *nce, const struct ce_nce_texts *texts,
                        lt_tensor *x, lt_rng *rng);

#endif
