/* Makes contrasts from the target sentence: sentences that must not fit the edited picture. They
 * are made for each wish of the sentence (wishes.h), with the words of the model (concepts.h).
 *
 *     - A colour is exchanged for the other colours: "face with an orange shirt" gives "face with a
 *       red shirt", "face with a yellow shirt" and so on.
 *     - The part that gets the colour is exchanged for the other parts: "face with orange lips"
 *       gives "face with orange hair" and so on.
 *     - A trait is exchanged for its opposite, or denied: "smiling face" gives "sad face", "face
 *       with a beard" gives "face without a beard", and the other way round.
 *
 * A sentence without wishes gives no contrasts. */
#ifndef CFEDIT_CONTRASTS_H
#define CFEDIT_CONTRASTS_H

#include "engine/sentence/concepts.h"

enum { CE_CONTRASTS_MAX = 64 }; /* the size of `out` */

/* Writes *count sentences to out[], first the *axes ones that differ from the target in what it
 * wishes, not in the part. Each is to be given to free(), also after a failure. `concepts` may be
 * NULL. Contrasts beyond CE_CONTRASTS_MAX are left out. Errors: LT_ERR_FORMAT (not UTF-8),
 * LT_ERR_SHAPE (too long), LT_ERR_MEMORY. */
lt_status ce_contrasts_of(lt_ctx *ctx, const struct ce_concepts *concepts, const char *target,
                          char **out, int *count, int *axes);

#endif
