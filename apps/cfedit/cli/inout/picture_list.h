/* The pictures that --image names, with folders replaced by their pictures. */
#ifndef CFEDIT_PICTURE_LIST_H
#define CFEDIT_PICTURE_LIST_H

#include "cli/console/options.h"

/* Replaces each folder in the list by the pictures in it (.png, .jpg, .jpeg), sorted by name;
 * folders within the folder are left out. Notes all pictures as inputs of the run (inputs.h).
 * CE_PARSED, or the exit status of an error that has been told: a folder that cannot be read or has
 * no pictures. */
int ce_picture_list_expand(struct ce_run *run, struct ce_list *list);

#endif
