/* The settings of edits (engine/edit_settings.h) as options of a command: a setting has one name,
 * one range and one help text wherever it is offered. */
#ifndef CFEDIT_SETTING_OPTIONS_H
#define CFEDIT_SETTING_OPTIONS_H

#include "engine/edit_settings.h"
#include "cli/console/options.h"

struct ce_setting_option;

struct ce_setting_options {
    /* Filled by the command. */
    const struct ce_edit_settings *defaults; /* the values that the help shows */
    bool every; /* false: only the settings that the family of `defaults` uses */
    const char *const
        *without; /* names of settings that are not offered, NULL at the end; or NULL */
    /* Filled by ce_setting_options_add(). */
    struct ce_setting_option *all;
    size_t count;
};

/* A table of the command's own options, fixed[0..*count), and the settings' behind them, in the
 * run's memory; *count becomes its length. NULL when out of memory. */
const struct ce_option *ce_setting_options_add(struct ce_run *run,
                                               struct ce_setting_options *options,
                                               const struct ce_option *fixed, size_t *count);

/* Puts the values that the command line gave into `settings`. CE_PARSED, or the exit status of an
 * error that has been told: a setting that the family of `settings` does not use; `who` ("the
 * method nada") stands in its message. */
int ce_setting_options_put(const struct ce_run *run, const struct ce_setting_options *options,
                           const char *who, struct ce_edit_settings *settings);

/* The name of the first setting that the command line gave, leaving out `except`; NULL: none. */
const char *ce_setting_options_first_given(const struct ce_setting_options *options,
                                           const char *except);

/* Whether the command line gave the setting of this name. */
bool ce_setting_options_given(const struct ce_setting_options *options, const char *name);

#endif
