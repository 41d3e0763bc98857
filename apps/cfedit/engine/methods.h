/* The ways of editing that `cfedit edit --method` offers: a name, where it comes from, and its
 * settings. */
#ifndef CFEDIT_METHODS_H
#define CFEDIT_METHODS_H

#include "engine/edit_settings.h"

struct ce_method {
    const char *name;   /* "cf-clip" */
    const char *about;  /* one clause */
    const char *source; /* the publication */
    enum ce_family family;
    void (*set)(struct ce_edit_settings *settings); /* from the family's defaults to the method's */
};

/* The table; the first is the default. */
const struct ce_method *ce_methods(size_t *count);
/* NULL where there is no such name. */
const struct ce_method *ce_method_find(const char *name);
/* Its settings, the best found on the shipped model: see bench/edit. */
struct ce_edit_settings ce_method_settings(const struct ce_method *method);

#endif
