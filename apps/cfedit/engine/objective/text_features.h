/* CLIP features of sentences.
 *
 * The sentences do not change while an edit or a training runs, so their features are computed once
 * and kept by the caller; no gradient flows into them. Sentences with equal words (lt_text_words())
 * have the same features, to the bit. `models` needs CLIP and the tokenizer.
 * Errors besides those of the encoder: LT_ERR_ARGUMENT for a sentence without a word,
 * LT_ERR_SHAPE for one with too many tokens. */
#ifndef CFEDIT_TEXT_FEATURES_H
#define CFEDIT_TEXT_FEATURES_H

#include "engine/models.h"
#include "engine/objective/templates.h"

/* The feature (1,D) of a sentence without a template, not normalised: the text mapper's t. */
lt_tensor *ce_text_feature(const struct ce_models *models, const char *text);

/* The unit features (count, D) of the first `count` (1..CE_TEMPLATES) templates filled with `text`:
 * e(T_k(text)) of CLIP-NCE. */
lt_tensor *ce_text_template_features(const struct ce_models *models, const char *text, int count);

/* The means (n,D) over the templates of those unit features, for n >= 1 sentences at once. */
lt_tensor *ce_text_template_means(const struct ce_models *models, const char *const *texts, int n,
                                  int count);

#endif
