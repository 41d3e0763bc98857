/* How well a picture fits a sentence, as CLIP sees it. */
#ifndef CFEDIT_MATCH_H
#define CFEDIT_MATCH_H

#include "engine/models.h"

/* Cosine of the CLIP embedding of a picture x (1,3,H,W) in [-1,1] with a text's raw feature (1,D).
 * `antialias` as for lt_clip_preprocess(). NaN with a failure in the models' context:
 * LT_ERR_NUMERIC if the picture holds a NaN or an infinity. */
double ce_text_match(const struct ce_models *models, lt_tensor *text, lt_tensor *x, bool antialias);

#endif
