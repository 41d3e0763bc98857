/* The settings of all editing methods, by name: one table from which the command line, its help and
 * the benchmark read and write them. */
#ifndef CFEDIT_EDIT_SETTINGS_H
#define CFEDIT_EDIT_SETTINGS_H

#include "engine/directions/channels.h"
#include "engine/latent/latent_edit.h"
#include "engine/mapper/mapper_edit.h"

/* The ways of bringing a picture to CLIP's size, by name: bicubic without antialiasing, as
 * CF-CLIP's training does it, or with. */
#define CE_RESIZE_DEFAULT "published"
#define CE_RESIZE_CHOICES CE_RESIZE_DEFAULT "|antialias"

/* How a method finds an edit. */
enum ce_family {
    CE_FAMILY_LATENT,   /* by optimising each picture's latent (latent_edit.h) */
    CE_FAMILY_MAPPER,   /* by training a mapper (mapper_edit.h) */
    CE_FAMILY_CHANNELS, /* by a direction in StyleSpace (channels.h) */
    CE_FAMILIES
};

/* Only the member of the family is in use. */
struct ce_edit_settings {
    enum ce_family family;
    struct ce_latent_edit_config latent;
    struct ce_mapper_edit_config mapper;
    struct {
        struct ce_channels_config measure;
        struct ce_nce_config nce; /* the templates of the text direction */
        float alpha, beta;
    } channels;
};

enum ce_setting_kind { CE_SETTING_INT, CE_SETTING_REAL, CE_SETTING_CHOICE };

struct ce_setting {
    const char *name; /* "change-lambda" */
    enum ce_setting_kind kind;
    const char *meta;
    double low, high;
    const char *choices; /* "off|on": the number of the word is the value */
    const char *help;
};

/* The table; NULL past its end. */
const struct ce_setting *ce_setting_at(size_t i);
/* NULL where there is no such name. */
const struct ce_setting *ce_setting_find(const char *name);
/* Whether the family of `settings` uses it. */
bool ce_setting_used(const struct ce_edit_settings *settings, const struct ce_setting *setting);
/* The value of a setting that the family of `settings` uses; NaN otherwise. */
double ce_setting_get(const struct ce_edit_settings *settings, const struct ce_setting *setting);
/* False where the family does not use it or the value is out of range (or none of the choices). */
bool ce_setting_put(struct ce_edit_settings *settings, const struct ce_setting *setting,
                    double value);
/* The seed of everything random in an edit. */
void ce_edit_settings_seed(struct ce_edit_settings *settings, uint64_t seed);
/* The number of a word among the setting's choices, -1 if it is none. */
int ce_setting_choice(const struct ce_setting *setting, const char *word);

#endif
