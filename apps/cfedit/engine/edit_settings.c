#include "engine/edit_settings.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "engine/text.h"

/* How a setting is stored in struct ce_edit_settings. */
enum storage { NOT_USED = 0, AS_INT, AS_FLOAT, AS_BOOL, AS_NOT_BOOL };

struct place {
    enum storage storage;
    size_t offset; /* in struct ce_edit_settings */
};

struct entry {
    struct ce_setting setting;
    struct place place[CE_FAMILIES];
};

#define AT(storage_, member)                                \
    {                                                       \
        storage_, offsetof(struct ce_edit_settings, member) \
    }
#define LATENT(storage_, member)   [CE_FAMILY_LATENT] = AT(storage_, latent.member)
#define MAPPER(storage_, member)   [CE_FAMILY_MAPPER] = AT(storage_, mapper.member)
#define CHANNELS(storage_, member) [CE_FAMILY_CHANNELS] = AT(storage_, channels.member)
#define NCE(storage_, member) \
    LATENT(storage_, nce.member), MAPPER(storage_, train.objective.nce.member)

#define INT(name_, low_, high_, help_)                                                        \
    {                                                                                         \
        .name = (name_), .kind = CE_SETTING_INT, .meta = "N", .low = (low_), .high = (high_), \
        .help = (help_)                                                                       \
    }
#define REAL(name_, low_, high_, help_)                                                        \
    {                                                                                          \
        .name = (name_), .kind = CE_SETTING_REAL, .meta = "X", .low = (low_), .high = (high_), \
        .help = (help_)                                                                        \
    }
#define CHOICE(name_, choices_, help_)                                                         \
    {                                                                                          \
        .name = (name_), .kind = CE_SETTING_CHOICE, .meta = (choices_), .choices = (choices_), \
        .help = (help_)                                                                        \
    }

static const struct entry entries[] = {
    {INT("steps", 1, 1e9,
         "optimisation steps; a step draws each picture, or each latent of a training's batch, once"),
     {LATENT(AS_INT, steps), MAPPER(AS_INT, steps)}},
    {REAL("lr", 1e-12, 1e6,
          "step length of steepest descent; learning rate of Adam (try 0.03) and of a mapper's "
          "optimiser"),
     {LATENT(AS_FLOAT, lr), MAPPER(AS_FLOAT, train.lr)}},
    {INT("fit-steps", 0, 1e9,
         "steps towards the best recolouring, before all others, if the text names a colour "
         "and focus is on"),
     {LATENT(AS_INT, fit_steps)}},
    {REAL("fit-lr", 1e-12, 1e6, "learning rate of the steps towards the recolouring"),
     {LATENT(AS_FLOAT, fit_lr)}},
    {INT("render-size", 0, 1024,
         "side of the pictures during the search: a power of two from 4 to the generator's "
         "size, or 0 for that size. Smaller is faster and blind to fine detail; the result "
         "always has full size"),
     {LATENT(AS_INT, render_size)}},
    {CHOICE("optimizer", "adam|steepest", "Adam, or steepest descent with steps of a given length"),
     {LATENT(AS_BOOL, steepest)}},
    {CHOICE("space", "w+|style|faces",
            "what is optimised: the W+ latent, StyleSpace channels, or W+ in terms of the "
            "generator's random faces"),
     {LATENT(AS_INT, space.space)}},
    {INT("first-layer", -1, 63,
         "first W+ layer that may move; -1: the layer that the generator's metadata names (6 "
         "in the shipped one, whose layers 0-5 are geometry; 0 lets shapes change)"),
     {LATENT(AS_INT, space.first_layer), CHANNELS(AS_INT, measure.first_layer)}},
    {INT("last-layer", 0, 63, "last W+ layer that may move"), {LATENT(AS_INT, space.last_layer)}},
    {REAL("nce-lambda", 0, 1e6,
          "weight of the text loss: CLIP-NCE, or the loss that the method has in its place"),
     {LATENT(AS_FLOAT, nce_lambda), MAPPER(AS_FLOAT, train.objective.nce_lambda)}},
    {REAL("latent-l2-lambda", 0, 1e6, "weight of the latent's mean squared change"),
     {LATENT(AS_FLOAT, l2_lambda), MAPPER(AS_FLOAT, train.objective.latent_l2_lambda)}},
    {REAL("latent-l1-lambda", 0, 1e6,
          "weight of the latent's mean absolute change (fewer channels move)"),
     {LATENT(AS_FLOAT, l1_lambda)}},
    {REAL("goal-lambda", 0, 1e6,
          "weight of the squared distance to the recolouring, in the steps after fit-steps"),
     {LATENT(AS_FLOAT, goal_lambda)}},
    {REAL("change-lambda", 0, 1e6, "weight of the share of the picture that changes"),
     {LATENT(AS_FLOAT, change_lambda)}},
    {REAL("change-scale", 1e-3, 10,
          "colour distance at which a pixel counts as half changed; colours are -1 to 1"),
     {LATENT(AS_FLOAT, change_scale)}},
    {CHOICE("focus", "off|on",
            "show CLIP, and let change freely, only the place that the text is about"),
     {LATENT(AS_BOOL, use_focus)}},
    {REAL("focus-threshold", 1e-3, 1e3,
          "how relevant to the text a pixel must be to belong to the place; 1 is the picture's "
          "mean"),
     {LATENT(AS_FLOAT, focus.threshold)}},
    {REAL("focus-blur", 1e-3, 1, "how far relevance spreads, as a share of the picture's side"),
     {LATENT(AS_FLOAT, focus.blur)}},
    {REAL("anchor-lambda", 0, 1e6,
          "weight of the distance from the source picture's CLIP embedding"),
     {LATENT(AS_FLOAT, anchor_lambda)}},
    {REAL("id-lambda", 0, 1e6,
          "weight of the identity loss (needs identity.safetensors in the model, or --identity)"),
     {LATENT(AS_FLOAT, id_lambda), MAPPER(AS_FLOAT, train.objective.id_lambda)}},
    {REAL(
         "perc-lambda", 0, 1e6,
         "weight of the perceptual loss (needs vgg.safetensors in the model, or --vgg; published for "
         "dogs and cats: 0.01 to 0.02)"),
     {LATENT(AS_FLOAT, perc_lambda), MAPPER(AS_FLOAT, train.objective.perc_lambda)}},
    {CHOICE("positive-1", "off|on",
            "in CLIP-NCE, use the direction from source text to target text"),
     {NCE(AS_BOOL, use_pos1)}},
    {CHOICE("positive-2", "off|on", "in CLIP-NCE, use the direction from picture to target text"),
     {NCE(AS_BOOL, use_pos2)}},
    {CHOICE("negatives", "off|on", "off: CLIP-NCE becomes 1 - cosine to its positives"),
     {NCE(AS_BOOL, use_negatives)}},
    {REAL("temperature", 1e-6, 1e6, "temperature of CLIP-NCE"), {NCE(AS_FLOAT, temperature)}},
    {INT("copies", 0, CE_NCE_MAX_COPIES,
         "warped copies of the picture that CLIP sees in each step; 0: the picture itself"),
     {NCE(AS_INT, copies)}},
    {INT("templates", 1, CE_TEMPLATES, "sentences into which the texts are put"),
     {NCE(AS_INT, templates), CHANNELS(AS_INT, nce.templates)}},
    {REAL("contrast-lambda", 0, 1e6,
          "weight of telling the target from the contrasts, added to the text loss"),
     {NCE(AS_FLOAT, contrast_lambda)}},
    {REAL("contrast-temperature", 1e-6, 1e6,
          "temperature of telling the target from the contrasts"),
     {NCE(AS_FLOAT, contrast_temperature)}},
    {CHOICE(
         "resize", CE_RESIZE_CHOICES,
         "how pictures are brought to CLIP's size: bicubic without antialiasing, as in the published "
         "training, or with"),
     {NCE(AS_BOOL, antialias), CHANNELS(AS_BOOL, measure.antialias)}},
    {INT("batch", 1, 1024, "pictures in each step of a mapper's training"),
     {MAPPER(AS_INT, train.batch)}},
    {CHOICE("coarse-mapper", "off|on", "the mapper moves layers 0-3"),
     {MAPPER(AS_BOOL, train.level[CE_LEVEL_COARSE])}},
    {CHOICE("medium-mapper", "off|on", "the mapper moves layers 4-7"),
     {MAPPER(AS_BOOL, train.level[CE_LEVEL_MEDIUM])}},
    {CHOICE("fine-mapper", "off|on", "the mapper moves layers 8 and up"),
     {MAPPER(AS_BOOL, train.level[CE_LEVEL_FINE])}},
    {CHOICE("mapper-type", "levels|single",
            "a mapper for each of the three groups of layers, or one for all layers"),
     {MAPPER(AS_INT, train.mapper_type)}},
    {CHOICE("text-mapping", "off|on", "the mapper sees the text"),
     {MAPPER(AS_NOT_BOOL, train.without_text)}},
    {REAL("alpha", -1000, 1000,
          "how far global-directions moves the most relevant channel, in standard deviations"),
     {CHANNELS(AS_FLOAT, alpha)}},
    {REAL("beta", 0, 1, "least relevance, a cosine, of a channel that global-directions moves"),
     {CHANNELS(AS_FLOAT, beta)}},
    {INT("faces", 1, 10000,
         "random faces over which global-directions measures the channels, if no file of "
         "channels is there"),
     {CHANNELS(AS_INT, measure.faces)}},
};

enum { ENTRIES = sizeof entries / sizeof entries[0] };

const struct ce_setting *ce_setting_at(size_t i)
{
    return i < ENTRIES ? &entries[i].setting : NULL;
}

static const struct entry *entry_of(const char *name)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (strcmp(entries[i].setting.name, name) == 0)
            return &entries[i];
    return NULL;
}

const struct ce_setting *ce_setting_find(const char *name)
{
    const struct entry *entry = entry_of(name);
    return entry ? &entry->setting : NULL;
}

bool ce_setting_used(const struct ce_edit_settings *settings, const struct ce_setting *setting)
{
    return entry_of(setting->name)->place[settings->family].storage != NOT_USED;
}

double ce_setting_get(const struct ce_edit_settings *settings, const struct ce_setting *setting)
{
    const struct place *place = &entry_of(setting->name)->place[settings->family];
    const char *at = (const char *)settings + place->offset;
    int i;
    float f;
    bool b;
    switch (place->storage) {
    case AS_INT: memcpy(&i, at, sizeof i); return i;
    case AS_FLOAT: memcpy(&f, at, sizeof f); return (double)f;
    case AS_BOOL: memcpy(&b, at, sizeof b); return b;
    case AS_NOT_BOOL: memcpy(&b, at, sizeof b); return !b;
    default: return NAN;
    }
}

static int choices_count(const char *choices)
{
    int n = 1;
    for (; *choices; choices++)
        n += *choices == '|';
    return n;
}

bool ce_setting_put(struct ce_edit_settings *settings, const struct ce_setting *setting,
                    double value)
{
    const struct place *place = &entry_of(setting->name)->place[settings->family];
    const bool choice = setting->kind == CE_SETTING_CHOICE;
    const double low = choice ? 0.0 : setting->low,
                 high = choice ? choices_count(setting->choices) - 1 : setting->high;
    char *at = (char *)settings + place->offset;
    if (!(value >= low && value <= high) ||
        (setting->kind != CE_SETTING_REAL && value != floor(value)))
        return false;
    const int i = (int)value;
    const float f = (float)value;
    const bool b = (value != 0.0) != (place->storage == AS_NOT_BOOL);
    switch (place->storage) {
    case AS_INT: memcpy(at, &i, sizeof i); return true;
    case AS_FLOAT: memcpy(at, &f, sizeof f); return true;
    case AS_BOOL:
    case AS_NOT_BOOL: memcpy(at, &b, sizeof b); return true;
    default: return false;
    }
}

int ce_setting_choice(const struct ce_setting *setting, const char *word)
{
    int n = 0;
    for (const char *at = setting->choices; at; n++) {
        const size_t length = strcspn(at, "|");
        if (strlen(word) == length && strncmp(word, at, length) == 0)
            return n;
        at = at[length] ? at + length + 1 : NULL;
    }
    return -1;
}

void ce_edit_settings_seed(struct ce_edit_settings *settings, uint64_t seed)
{
    settings->latent.seed = settings->mapper.train.seed = seed;
}

bool ce_setting_read(const struct ce_setting *setting, const char *text, double *value)
{
    int64_t whole;
    switch (setting->kind) {
    case CE_SETTING_CHOICE: *value = ce_setting_choice(setting, text); return *value >= 0.0;
    case CE_SETTING_INT:
        if (!ce_parse_int(text, &whole))
            return false;
        *value = (double)whole;
        return true;
    default: return ce_parse_real(text, value);
    }
}
