/* What the parser (options.c) and the help (options_help.c) share. */
#ifndef CFEDIT_OPTIONS_IMPL_H
#define CFEDIT_OPTIONS_IMPL_H

#include "cli/console/options.h"

#define CE_COMMON_MAX 20

/* Writes the options of the bits in `takes` and the options of every command; they point into
 * `run`. Returns their number, at most CE_COMMON_MAX. */
size_t ce_options_common(struct ce_run *run, unsigned takes, struct ce_option *out);

/* Whether "--no-NAME" stands for "--NAME off". */
bool ce_option_is_switch(const struct ce_option *option);

/* Prints the help on stdout: of the usual options or, with `all`, of every option. */
void ce_options_help(const struct ce_run *run, const struct ce_syntax *syntax,
                     const struct ce_option *common, size_t common_count, bool all);

#endif
