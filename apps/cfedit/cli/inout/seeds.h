/* Lists of seeds on the command line. */
#ifndef CFEDIT_SEEDS_H
#define CFEDIT_SEEDS_H

#include "cli/console/run.h"

/* Reads "7", "1-16" or "1-4,9,20-22": *seeds, in that order, in the run's memory, and their number.
 * False where `text` is no such list, where it names more than a million seeds, or when out of
 * memory. */
bool ce_seeds_parse(struct ce_run *run, const char *text, int64_t **seeds, size_t *count);

#endif
