/* Where the model's files are; see models.h for the order of search. */
#ifndef CFEDIT_MODEL_FILES_H
#define CFEDIT_MODEL_FILES_H

#include "cli/run.h"

/* The path of the file `name` ("clip.safetensors") in the run's memory; `own` is what its
 * own option says, or NULL. NULL where there is none: with a failure that tells where it was
 * looked for if `required`, else without. */
const char *ce_model_file(struct ce_run *run, const char *own, const char *name, bool required);

#endif
