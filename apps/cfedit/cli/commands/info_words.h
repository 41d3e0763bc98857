/* The words of a model, for `cfedit info --words`. */
#ifndef CFEDIT_INFO_WORDS_H
#define CFEDIT_INFO_WORDS_H

#include "cli/console/report.h"

/* Prints what the model's CLIP has a notion of, by kind, and the words that it was trained on.
 * Returns the exit status. */
int ce_info_words(struct ce_run *run);

#endif
