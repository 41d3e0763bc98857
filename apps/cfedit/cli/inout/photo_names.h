/* The names of results that are made from photos. */
#ifndef CFEDIT_PHOTO_NAMES_H
#define CFEDIT_PHOTO_NAMES_H

#include "cli/console/options.h"

/* One name for each photo, without an ending: the photo's own, "anna" for "photos/anna.jpg". Where
 * that name, alone or with one of the `endings` of results behind it ("-edited"), belongs to an
 * earlier photo, it is "anna-2", "anna-3", ... No photo gets the name `reserved`. `endings` and
 * `reserved` may be NULL. In the run's memory; NULL on failure. */
const char **ce_photo_names(struct ce_run *run, const char *const *paths, size_t count,
                            const struct ce_list *endings, const char *reserved);

#endif
