/* The files that a run reads, so that no output replaces one of them. A file is known by its device
 * and inode: a link to it counts as the file. */
#ifndef CFEDIT_INPUTS_H
#define CFEDIT_INPUTS_H

#include <sys/stat.h>

#include "cli/console/run.h"

/* Notes the file at `path`. Accepts NULL, a folder and a file that is not there: nothing is noted
 * then. "FILE:I", one latent of a file, notes FILE. CE_PARSED, or CE_ERROR when out of memory,
 * which has been told. */
int ce_inputs_note(struct ce_run *run, const char *path);

/* Notes the files of the model that run->paths leads to, whether this run reads them or not. */
int ce_inputs_note_model(struct ce_run *run);

/* Whether `file`, from stat(), is one of the files noted. */
bool ce_inputs_have(const struct ce_run *run, const struct stat *file);

#endif
