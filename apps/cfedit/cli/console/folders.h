/* Folders that results go to. */
#ifndef CFEDIT_FOLDERS_H
#define CFEDIT_FOLDERS_H

#include "cli/console/run.h"

/* Whether `path` is a folder that exists. */
bool ce_is_folder(const char *path);

/* "folder/name" in the run's memory; `name` itself where `folder` is NULL or empty. NULL where
 * `name` is NULL, or when out of memory. */
const char *ce_path_in(struct ce_run *run, const char *folder, const char *name);

/* Makes the folder `path`, and the folders above it, where they are missing. Errors: LT_ERR_IO. */
lt_status ce_folder_make(lt_ctx *ctx, const char *path);

#endif
