/* What the command line of `cfedit edit` says. */
#ifndef CFEDIT_EDIT_OPTIONS_H
#define CFEDIT_EDIT_OPTIONS_H

#include "cli/inout/setting_options.h"
#include "cli/inout/sources.h"
#include "cli/inout/targets.h"

struct ce_edit_options {
    struct ce_targets targets;
    struct ce_sources sources;
    struct ce_setting_options settings;
    struct ce_list contrasts;
    const char *source, *mapper, *output, *method, *channels;
    bool method_given;
};

/* Reads the command line. CE_PARSED, or the exit status with which the command ends: after --help,
 * or after an error that has been told. */
int ce_edit_options_read(struct ce_run *run, struct ce_edit_options *options, int argc,
                         char **argv);

/* The method's settings with the values that the command line gives. CE_PARSED, or the exit status
 * of an error that has been told. */
int ce_edit_options_settings(struct ce_run *run, const struct ce_edit_options *options,
                             struct ce_edit_settings *settings);

#endif
