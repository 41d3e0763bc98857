/* The settings of all editing methods, by name. The command line, its help, the benchmark and the
 * public interface read and write settings through this one table:
 *
 *     s = ce_method_settings(ce_method_find("nada"));
 *     setting = ce_setting_find("steps");
 *     if (ce_setting_used(&s, setting))
 *         ce_setting_put(&s, setting, 40);    range and kind are those of `setting` */
#ifndef CFEDIT_EDIT_SETTINGS_H
#define CFEDIT_EDIT_SETTINGS_H

#include "engine/directions/channels.h"
#include "engine/latent/latent_edit.h"
#include "engine/mapper/mapper_edit.h"

/* How a picture is reduced to CLIP's size, by name: bicubic without antialiasing, as in CF-CLIP's
 * training, or with antialiasing. */
#define CE_RESIZE_DEFAULT "published"
#define CE_RESIZE_CHOICES CE_RESIZE_DEFAULT "|antialias"

/* How a method finds an edit; see family.h. */
enum ce_family {
    CE_FAMILY_LATENT,   /* by optimising each picture's latent (latent_edit.h) */
    CE_FAMILY_MAPPER,   /* by training a mapper (mapper_edit.h) */
    CE_FAMILY_CHANNELS, /* by a direction in StyleSpace (channels.h) */
    CE_FAMILIES
};

/* The settings of one edit. Only the member of its family is in use. */
struct ce_edit_settings {
    enum ce_family family;
    struct ce_latent_edit_config latent;
    struct ce_mapper_edit_config mapper;
    struct {
        struct ce_channels_config measure;
        struct ce_nce_config nce; /* the templates for the text direction */
        float alpha, beta;
    } channels;
};

enum ce_setting_kind { CE_SETTING_INT, CE_SETTING_REAL, CE_SETTING_CHOICE };

struct ce_setting {
    const char *name; /* "change-lambda" */
    enum ce_setting_kind kind;
    const char *meta;
    double low, high;
    const char *choices; /* "off|on"; the value is the number of the word, from 0 */
    const char *help;
};

/* Setting i of the table; NULL past the end. */
const struct ce_setting *ce_setting_at(size_t i);
/* The setting of that name; NULL if there is none. */
const struct ce_setting *ce_setting_find(const char *name);
/* Whether the family of `settings` uses it. */
bool ce_setting_used(const struct ce_edit_settings *settings, const struct ce_setting *setting);
/* The value of a setting; NaN if the family does not use it. */
double ce_setting_get(const struct ce_edit_settings *settings, const struct ce_setting *setting);
/* Sets a value. False if the family does not use the setting, or the value is out of range or none
 * of the choices. */
bool ce_setting_put(struct ce_edit_settings *settings, const struct ce_setting *setting,
                    double value);
/* Sets the seed of everything random in an edit. */
void ce_edit_settings_seed(struct ce_edit_settings *settings, uint64_t seed);
/* The number of a word among the choices of a setting; -1 if it is none of them. */
int ce_setting_choice(const struct ce_setting *setting, const char *word);
/* Reads the value of a setting from a text: a word among the choices, a whole number, or a number.
 * False where the text is no such value. Whether the value is in range is for ce_setting_put(). */
bool ce_setting_read(const struct ce_setting *setting, const char *text, double *value);

#endif
