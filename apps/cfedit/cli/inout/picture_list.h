/* The pictures that --image names. */
#ifndef CFEDIT_PICTURE_LIST_H
#define CFEDIT_PICTURE_LIST_H

#include "cli/console/options.h"

/* Puts in place of each folder in the list the pictures in it (.png, .jpg, .jpeg; not those of
 * folders in it), by name. CE_PARSED, or the exit status of an error that has been told: a folder
 * that cannot be read or has no pictures. */
int ce_picture_list_expand(struct ce_run *run, struct ce_list *list);

#endif
