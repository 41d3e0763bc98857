/* Command lines as texts. */
#ifndef CFEDIT_SHELL_H
#define CFEDIT_SHELL_H

#include "cli/console/run.h"

/* `text` as one word for a shell: as it is where a shell leaves it alone, else in single quotes. In
 * the run's memory; NULL when out of memory. */
const char *ce_shell_word(struct ce_run *run, const char *text);

/* `line` followed by " --name" and, unless it is NULL, the value as a word. In the run's memory;
 * NULL when out of memory, and where `line` is NULL. */
const char *ce_shell_option(struct ce_run *run, const char *line, const char *name,
                            const char *value);

#endif
