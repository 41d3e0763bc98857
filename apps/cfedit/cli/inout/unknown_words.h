/* Tells the user about words that a model does not know. */
#ifndef CFEDIT_UNKNOWN_WORDS_H
#define CFEDIT_UNKNOWN_WORDS_H

#include "cli/console/report.h"
#include "engine/models.h"

/* Notes which words of `text` the model's CLIP was never shown, if the model has a list of its
 * words. Errors: those of lt_text_words(). */
lt_status ce_note_unknown_words(struct ce_run *run, const struct ce_models *models,
                                const char *text);

#endif
