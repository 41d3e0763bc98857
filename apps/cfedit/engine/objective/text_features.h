/* CLIP features of the texts that an edit is made of.
 *
 * They do not change while an edit or a training runs, so they are computed once
 * and kept by the caller; no gradient flows into them. `models` needs CLIP and the
 * tokenizer. Errors besides those of the encoder: LT_ERR_ARGUMENT for a text
 * without a visible character, LT_ERR_SHAPE for one with too many tokens. */
#ifndef CFEDIT_TEXT_FEATURES_H
#define CFEDIT_TEXT_FEATURES_H

#include "engine/models.h"
#include "engine/objective/templates.h"

/* The plain sentence -> raw feature (1, D), not normalised: t of the text mapper. */
lt_tensor *ce_text_feature(const struct ce_models *models, const char *text);

/* The first `count` (1..CE_TEMPLATES) templates filled with `text` -> unit features
 * (count, D): e(T_k(text)) of CLIP-NCE. */
lt_tensor *ce_text_template_features(const struct ce_models *models, const char *text, int count);

/* Means of these over the templates, for n >= 1 texts at once -> (n, D). */
lt_tensor *ce_text_template_means(const struct ce_models *models, const char *const *texts, int n,
                                  int count);

#endif
