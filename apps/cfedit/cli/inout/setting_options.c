/* Options made from the table of settings. */
#include "cli/inout/setting_options.h"

#include <math.h>
#include <string.h>

/* The value of one setting; which variable is in use depends on the setting's kind. */
struct ce_setting_option {
    const struct ce_setting *setting;
    int64_t integer;
    double real;
    const char *word;
    bool given;
};

/* Word `number` of "off|on". */
static const char *choice_word(struct ce_run *run, const char *choices, int number)
{
    for (; number > 0; number--)
        choices = strchr(choices, '|') + 1;
    return ce_text(run, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* A setting that the defaults do not use gets a value out of range, which the help does not
 * show. */
static struct ce_option make(struct ce_run *run, struct ce_setting_option *o,
                             const struct ce_edit_settings *defaults)
{
    const struct ce_setting *setting = o->setting;
    const double value = ce_setting_get(defaults, setting);
    struct ce_option option = {.name = setting->name,
                               .meta = setting->meta,
                               .low = setting->low,
                               .high = setting->high,
                               .help = setting->help,
                               .choices = setting->choices,
                               .given = &o->given};
    switch (setting->kind) {
    case CE_SETTING_INT:
        o->integer = isnan(value) ? (int64_t)setting->low - 1 : (int64_t)value;
        option.kind = CE_INT;
        option.value = &o->integer;
        break;
    case CE_SETTING_REAL:
        o->real = isnan(value) ? setting->low - 1.0 : value;
        option.kind = CE_REAL;
        option.value = &o->real;
        break;
    case CE_SETTING_CHOICE:
        o->word = isnan(value) ? NULL : choice_word(run, setting->choices, (int)value);
        option.kind = CE_CHOICE;
        option.value = &o->word;
        break;
    }
    return option;
}

static bool is_offered(const struct ce_setting_options *options, const struct ce_setting *setting)
{
    for (const char *const *name = options->without; name && *name; name++)
        if (strcmp(*name, setting->name) == 0)
            return false;
    return options->every || ce_setting_used(options->defaults, setting);
}

const struct ce_option *ce_setting_options_add(struct ce_run *run,
                                               struct ce_setting_options *options,
                                               const struct ce_option *fixed, size_t *count)
{
    size_t total = 0, n = *count;
    const struct ce_setting *setting;
    while (ce_setting_at(total))
        total++;
    options->count = 0;
    options->all = ce_alloc(run, total, sizeof *options->all);
    struct ce_option *table = ce_alloc(run, n + total, sizeof *table);
    if (!options->all || !table)
        return NULL;
    memcpy(table, fixed, n * sizeof *fixed);
    for (size_t i = 0; (setting = ce_setting_at(i)); i++)
        if (is_offered(options, setting)) {
            struct ce_setting_option *o = &options->all[options->count++];
            o->setting = setting;
            table[n++] = make(run, o, options->defaults);
        }
    *count = n;
    return table;
}

int ce_setting_options_put(const struct ce_run *run, const struct ce_setting_options *options,
                           const char *who, struct ce_edit_settings *settings)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct ce_setting_option *o = &options->all[i];
        const struct ce_setting *setting = o->setting;
        if (!o->given)
            continue;
        if (!ce_setting_used(settings, setting))
            return ce_usage_error(run, "%s has no use for --%s", who, setting->name);
        /* The option parser has checked the range. */
        ce_setting_put(settings, setting,
                       setting->kind == CE_SETTING_INT    ? (double)o->integer
                       : setting->kind == CE_SETTING_REAL ? o->real
                                                          : ce_setting_choice(setting, o->word));
    }
    return CE_PARSED;
}

const char *ce_setting_options_first_given(const struct ce_setting_options *options,
                                           const char *except)
{
    for (size_t i = 0; i < options->count; i++)
        if (options->all[i].given && strcmp(options->all[i].setting->name, except) != 0)
            return options->all[i].setting->name;
    return NULL;
}

bool ce_setting_options_given(const struct ce_setting_options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->all[i].setting->name, name) == 0)
            return options->all[i].given;
    return false;
}
