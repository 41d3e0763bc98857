/* The editing methods: a name, the publication and the settings of each. */
#ifndef CFEDIT_METHODS_H
#define CFEDIT_METHODS_H

#include "engine/edit_settings.h"

struct ce_method {
    const char *name;   /* "cf-clip" */
    const char *about;  /* one clause */
    const char *source; /* the publication that it is from */
    enum ce_family family;
    /* Turns the family's default settings into the method's. */
    void (*set)(struct ce_edit_settings *settings);
};

/* The table of methods; the first is the default. */
const struct ce_method *ce_methods(size_t *count);
/* The method of that name; NULL if there is none. */
const struct ce_method *ce_method_find(const char *name);
/* The settings of a method: the best found on the shipped model (bench/edit). */
struct ce_edit_settings ce_method_settings(const struct ce_method *method);

#endif
