/* Sentences that an edit must not be taken for, made from the target:
 *
 *     - with its colour word exchanged for the other basic colour words of English (Berlin & Kay
 * 1969), and cyan: "face with an orange shirt" gives "face with a red shirt", "face with a yellow
 * shirt", ...;
 *     - where a part of a portrait follows the colour, with that part exchanged for others: "face
 * with orange lips", "face with orange hair", ...
 *
 * A sentence without a colour word gives none. */
#ifndef CFEDIT_CONTRASTS_H
#define CFEDIT_CONTRASTS_H

#include "tensor/context.h"

enum { CE_CONTRASTS_MAX = 20 }; /* room that `out` must have */

/* *count sentences into out[], the first *colors of them with other colours; strings to be given to
 * free(), also after a failure. The first colour word counts; articles are made to fit. Errors:
 * LT_ERR_MEMORY. */
lt_status ce_contrasts_of(lt_ctx *ctx, const char *target, char **out, int *count, int *colors);

#endif
