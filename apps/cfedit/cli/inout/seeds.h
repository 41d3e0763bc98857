/* Lists of seeds on the command line. */
#ifndef CFEDIT_SEEDS_H
#define CFEDIT_SEEDS_H

#include "cli/console/run.h"

/* Reads a list of seeds such as "7", "1-16" or "1-4,9,20-22", the value of --seeds: *seeds, in the
 * order of the list and in the run's memory, and their number. CE_PARSED, or the exit status of an
 * error that has been told: a text that is no such list, more than a million seeds. */
int ce_seeds_parse(struct ce_run *run, const char *text, int64_t **seeds, size_t *count);

/* The list of one seed. CE_PARSED, or the exit status of an error that has been told. */
int ce_seeds_one(struct ce_run *run, int64_t seed, int64_t **seeds, size_t *count);

#endif
