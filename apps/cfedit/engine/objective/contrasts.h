/* Makes contrasts from the target sentence: sentences that must not fit the edited picture.
 *
 *     - The colour word is exchanged for the other basic colour words of English (Berlin & Kay
 * 1969) and cyan: "face with an orange shirt" gives "face with a red shirt", "face with a yellow
 *       shirt" and so on.
 *     - If a part of a portrait follows the colour, that part is exchanged for the other parts:
 *       "face with orange lips", "face with orange hair" and so on.
 *
 * A sentence without a colour word gives no contrasts. Sentences are compared by their words
 * (lt_text_words()): "Face with  GREEN lips." has the contrasts of "face with green lips .", and
 * punctuation at the end stays in all of them. */
#ifndef CFEDIT_CONTRASTS_H
#define CFEDIT_CONTRASTS_H

#include "tensor/context.h"

enum { CE_CONTRASTS_MAX = 20 }; /* the size of `out` */

/* Writes *count sentences to out[], first the *colors ones with another colour. Each is to be given
 * to free(), also after a failure. The first colour word of the sentence counts; "a" and "an" are
 * adapted. Errors: LT_ERR_FORMAT (not UTF-8), LT_ERR_SHAPE (too long), LT_ERR_MEMORY. */
lt_status ce_contrasts_of(lt_ctx *ctx, const char *target, char **out, int *count, int *colors);

#endif
