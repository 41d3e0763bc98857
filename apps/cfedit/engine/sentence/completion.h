/* Completing a sentence that names a wish alone: "green lips" -> "face with green lips". */
#ifndef CFEDIT_COMPLETION_H
#define CFEDIT_COMPLETION_H

#include "engine/sentence/concepts.h"

/* Writes a sentence around the wishes of `text` to *completed, to be given to free(): adjectives
 * before `domain`, which is what the generator draws, everything else behind it. *completed is NULL
 * where the text is to be taken as it is: it names the domain already, or has a word that belongs
 * to no known wish and is not "and", "with" or a comma. `concepts` may be NULL: no wish is known
 * then. Errors: LT_ERR_MEMORY, and those of lt_text_words(). */
lt_status ce_sentence_complete(lt_ctx *ctx, const struct ce_concepts *concepts, const char *text,
                               const char *domain, char **completed);

#endif
