/* Where in a picture a sentence is about, as far as CLIP can tell. An addition of this project.
 *
 * CLIP tells the target from its contrasts ("green lips" from "red lips") along axes a_k: the mean
 * text features of these sentences, less their common mean. A pixel matters to the sentence if it
 * has more influence along these axes than along random axes z_k:
 *
 *     r(p) = blur( sum_k |d (mean_c e(A_c(x)) . a_k) / d x(p)|^2 )
 *          / blur( sum_k |d (mean_c e(A_c(x)) . z_k) / d x(p)|^2 )
 *
 * The ratio is large where the sentence is about and small elsewhere, without any list of parts.
 * (The numerator alone is large at the eyes of any face, whatever the sentence.) After r is divided
 * by its mean over the picture, the map is
 *
 *     M = r^4 / (r^4 + threshold^4)
 *
 * Pictures larger than CLIP's input are reduced to that size first, and the map is enlarged.
 * Without contrasts the only axis is the text direction from source to target. */
#ifndef CFEDIT_FOCUS_H
#define CFEDIT_FOCUS_H

#include "engine/objective/clip_nce.h"

struct ce_focus_config {
    int copies;      /* number of augmented copies over which a gradient is averaged */
    float blur;      /* standard deviation of the Gaussian, as a share of the picture's side */
    float threshold; /* the r at which M is 1/2 */
};

/* 4 copies, 1/32, 1.5. */
struct ce_focus_config ce_focus_defaults(void);

/* x (N,C,S,S) reduced to CLIP's input size by averaging if it is larger, else x itself. */
lt_tensor *ce_focus_reduced(const struct ce_models *models, lt_tensor *x);

/* Enlarges a map (1,1,s,s) of a reduced picture to side x side and clamps it to [0,1]. */
lt_tensor *ce_focus_enlarged(lt_ctx *ctx, lt_tensor *map, int64_t side);

/* The map M (1,1,S,S) in [0,1] of a picture x (1,3,S,S), without gradient. `nce` and `texts` are
 * those of the loss; `rng` advances. Errors: LT_ERR_ARGUMENT for a config that is out of range. */
lt_tensor *ce_focus_map(const struct ce_models *models, const struct ce_focus_config *config,
                        const struct ce_nce_config *nce, const struct ce_nce_texts *texts,
                        lt_tensor *x, lt_rng *rng);

#endif
