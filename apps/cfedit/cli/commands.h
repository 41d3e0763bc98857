/* The commands of the program. Each reads its options with ce_options_parse(), does its work and
 * returns the exit status. */
#ifndef CFEDIT_COMMANDS_H
#define CFEDIT_COMMANDS_H

#include "cli/console/run.h"

struct ce_command {
    const char *name;
    const char *summary; /* one line in the list of commands */
    int (*run)(struct ce_run *run, int argc, char **argv);
};

int ce_cmd_align(struct ce_run *run, int argc, char **argv);
int ce_cmd_edit(struct ce_run *run, int argc, char **argv);
int ce_cmd_train(struct ce_run *run, int argc, char **argv);
int ce_cmd_apply(struct ce_run *run, int argc, char **argv);
int ce_cmd_generate(struct ce_run *run, int argc, char **argv);
int ce_cmd_invert(struct ce_run *run, int argc, char **argv);
int ce_cmd_embed(struct ce_run *run, int argc, char **argv);
int ce_cmd_score(struct ce_run *run, int argc, char **argv);
int ce_cmd_tokenize(struct ce_run *run, int argc, char **argv);
int ce_cmd_info(struct ce_run *run, int argc, char **argv);

#endif
