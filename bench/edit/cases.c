#include "bench/edit/cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/hash.h"
#include "tensor/rng.h"

/* From these limits on the captions (weights/world/captions.c), and so CLIP, call hair long and
 * lips full. */
static bool long_hair(const struct world_attr *a) { return a->hair_length > 0.68f; }
static bool full_lips(const struct world_attr *a) { return a->lip_fullness > 0.7f; }

static const struct edit_case cases[] = {
    {{WORLD_LIPS, WORLD_GREEN}, "face with green lips", false, NULL},
    {{WORLD_LIPS, WORLD_BLUE}, "face with full blue lips", false, full_lips},
    {{WORLD_HAIR, WORLD_BLUE}, "face with blue hair", false, NULL},
    {{WORLD_HAIR, WORLD_PURPLE}, "face with long purple hair", false, long_hair},
    {{WORLD_BROWS, WORLD_PURPLE}, "face with purple eyebrows", false, NULL},
    {{WORLD_EYES, WORLD_RED}, "face with red eyes", false, NULL},
    {{WORLD_SKIN, WORLD_GREEN}, "face with green skin", false, NULL},
    {{WORLD_SKIN, WORLD_BLUE}, "face with blue skin", false, NULL},
    {{WORLD_SHIRT, WORLD_GREEN}, "face with a green shirt", false, NULL},
    {{WORLD_SHIRT, WORLD_ORANGE}, "face with an orange shirt", false, NULL},
    {{WORLD_BACKGROUND, WORLD_PINK}, "face with a pink background", false, NULL},
    {{WORLD_GLASSES, WORLD_GREEN}, "face with green glasses", false, NULL},
    {{WORLD_HAIR, WORLD_BLACK}, "face with black hair", true, NULL},
    {{WORLD_LIPS, WORLD_RED}, "face with red lips", true, NULL},
    {{WORLD_EYES, WORLD_BROWN}, "face with brown eyes", true, NULL},
    {{WORLD_SHIRT, WORLD_WHITE}, "face with a white shirt", true, NULL},
    {{WORLD_BACKGROUND, WORLD_GRAY}, "face with a gray background", true, NULL},
    {{WORLD_BROWS, WORLD_BLACK}, "face with black eyebrows", true, NULL},
};

const struct edit_case *edit_case_at(size_t i)
{
    return i < sizeof cases / sizeof cases[0] ? &cases[i] : NULL;
}

/* ---- settings ---- */

static const struct edit_setting of_methods[] = {
    {"cf-clip", "cf-clip", ""},     {"cf-clip-mapper", "cf-clip-mapper", ""},
    {"styleclip", "styleclip", ""}, {"styleclip-mapper", "styleclip-mapper", ""},
    {"nada", "nada", ""},           {"global-directions", "global-directions", ""},
};

/* First the paper's ablations, on the paper's objective: negatives on, nothing of what we add. Then
 * the ablations of the default. */
#define PAPER "negatives=on,focus=off,contrast-lambda=0,change-lambda=0,goal-lambda=0,steps=130"
static const struct edit_setting of_ablation[] = {
    {"the paper's objective", "cf-clip", PAPER},
    {"without positive 1", "cf-clip", PAPER ",positive-1=off"},
    {"without positive 2", "cf-clip", PAPER ",positive-2=off"},
    {"without negatives", "cf-clip", PAPER ",negatives=off"},
    {"without augmentation", "cf-clip", PAPER ",copies=0"},
    {"temperature 0.05", "cf-clip", PAPER ",temperature=0.05"},
    {"temperature 0.5", "cf-clip", PAPER ",temperature=0.5"},
    {"1 template", "cf-clip", PAPER ",templates=1"},
    {"a quarter of the steps", "cf-clip", PAPER ",steps=32"},
    {"mapper without text mapping", "cf-clip-mapper", "text-mapping=off"},
    {"default, without focus", "cf-clip", "focus=off"},
    {"default, without contrasts", "cf-clip", "contrast-lambda=0"},
    {"default, without change term", "cf-clip", "change-lambda=0"},
    {"default, recolouring at the start only", "cf-clip", "goal-lambda=0"},
    {"default, without recolouring", "cf-clip", "fit-steps=0"},
    {"default, with negatives", "cf-clip", "negatives=on"},
    {"default, without augmentation", "cf-clip", "copies=0"},
    {"default, half the steps", "cf-clip", "steps=25,fit-steps=15"},
};

/* Small grids for each method, over portraits that no other suite uses. */
static const struct edit_setting of_tuning[] = {
    {"cf-clip", "cf-clip", ""},
    {"cf-clip, change 3", "cf-clip", "change-lambda=3"},
    {"cf-clip, change 0.5", "cf-clip", "change-lambda=0.5"},
    {"cf-clip, lr 5", "cf-clip", "lr=5"},
    {"cf-clip, 30 steps", "cf-clip", "steps=30"},
    {"styleclip, lr 2", "styleclip", "lr=2"},
    {"styleclip, lr 5", "styleclip", "lr=5"},
    {"styleclip, lr 10", "styleclip", "lr=10"},
    {"styleclip, no copies", "styleclip", "copies=0"},
    {"styleclip, l2 5", "styleclip", "latent-l2-lambda=5"},
    {"styleclip, change 0.3", "styleclip", "change-lambda=0.3"},
    {"nada, lr 2", "nada", "lr=2"},
    {"nada, lr 5", "nada", "lr=5"},
    {"nada, lr 10", "nada", "lr=10"},
    {"nada, no copies", "nada", "copies=0"},
    {"nada, l2 1", "nada", "latent-l2-lambda=1"},
    {"nada, l2 5", "nada", "latent-l2-lambda=5"},
    {"nada, change 0.3", "nada", "change-lambda=0.3"},
    {"cf-clip-mapper, lr 5", "cf-clip-mapper", "lr=5"},
    {"cf-clip-mapper, lr 20", "cf-clip-mapper", "lr=20"},
    {"cf-clip-mapper, lr 50", "cf-clip-mapper", "lr=50"},
    {"cf-clip-mapper, lr 100", "cf-clip-mapper", "lr=100"},
    {"cf-clip-mapper, l2 0.1", "cf-clip-mapper", "latent-l2-lambda=0.1"},
    {"cf-clip-mapper, fine only", "cf-clip-mapper", "medium-mapper=off"},
    {"cf-clip-mapper, coarse too", "cf-clip-mapper", "coarse-mapper=on"},
    {"styleclip-mapper, lr 5", "styleclip-mapper", "lr=5"},
    {"styleclip-mapper, lr 20", "styleclip-mapper", "lr=20"},
    {"styleclip-mapper, lr 50", "styleclip-mapper", "lr=50"},
    {"styleclip-mapper, lr 100", "styleclip-mapper", "lr=100"},
    {"styleclip-mapper, l2 0.1", "styleclip-mapper", "latent-l2-lambda=0.1"},
    {"styleclip-mapper, fine only", "styleclip-mapper", "medium-mapper=off"},
    {"styleclip-mapper, coarse too", "styleclip-mapper", "coarse-mapper=on"},
    {"global-directions, 5, 0.1", "global-directions", "alpha=5,beta=0.1"},
    {"global-directions, 10, 0.1", "global-directions", "alpha=10,beta=0.1"},
    {"global-directions, 20, 0.1", "global-directions", "alpha=20,beta=0.1"},
    {"global-directions, 15, 0.15", "global-directions", "alpha=15,beta=0.15"},
    {"global-directions, 10, 0.2", "global-directions", "alpha=10,beta=0.2"},
    {"global-directions, 20, 0.2", "global-directions", "alpha=20,beta=0.2"},
};

static const struct {
    const struct edit_setting *list;
    size_t count;
    long long first_seed;
    int portraits;
    bool ordinary;
} suites[EDIT_SUITES] = {
#define LIST(a) a, sizeof a / sizeof a[0]
    [SUITE_METHODS] = {LIST(of_methods), 4000, 32, true},
    [SUITE_ABLATION] = {LIST(of_ablation), 4000, 8, false},
    [SUITE_TUNING] = {LIST(of_tuning), 1000, 4, false},
#undef LIST
};

const struct edit_setting *edit_setting_at(enum edit_suite suite, size_t i)
{
    return i < suites[suite].count ? &suites[suite].list[i] : NULL;
}

const struct edit_setting *edit_setting_find(enum edit_suite suite, const char *name)
{
    for (size_t i = 0; i < suites[suite].count; i++)
        if (strcmp(suites[suite].list[i].name, name) == 0)
            return &suites[suite].list[i];
    return NULL;
}

const struct edit_setting *edit_setting_base(const struct edit_setting *setting)
{
    return strncmp(setting->change, PAPER ",", strlen(PAPER ",")) == 0
               ? &of_ablation[0]
               : edit_setting_find(SUITE_METHODS, setting->method);
}

long long edit_suite_first_seed(enum edit_suite suite) { return suites[suite].first_seed; }
int edit_suite_portraits(enum edit_suite suite) { return suites[suite].portraits; }
bool edit_suite_ordinary(enum edit_suite suite) { return suites[suite].ordinary; }

/* Sets the value of one text "name=value"; false if it is wrong. */
static bool put_change(struct ce_edit_settings *s, char *word)
{
    char *value = strchr(word, '=');
    if (!value)
        return false;
    *value++ = '\0';
    const struct ce_setting *setting = ce_setting_find(word);
    if (!setting || !ce_setting_used(s, setting))
        return false;
    double number;
    return ce_setting_read(setting, value, &number) && ce_setting_put(s, setting, number);
}

bool edit_setting_make(const struct edit_setting *setting, struct ce_edit_settings *out, char *bad,
                       size_t bad_cap)
{
    const struct ce_method *method = ce_method_find(setting->method);
    if (!method) {
        snprintf(bad, bad_cap, "%s", setting->method);
        return false;
    }
    *out = ce_method_settings(method);
    for (const char *at = setting->change; *at;) {
        char word[128];
        const size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        snprintf(bad, bad_cap, "%s", word);
        if (!put_change(out, word))
            return false;
        at += length + (at[length] == ',');
    }
    return true;
}

unsigned long long edit_setting_mark(const struct ce_edit_settings *settings)
{
    uint64_t h = LT_HASH_START;
    const struct ce_setting *setting;
    for (size_t i = 0; (setting = ce_setting_at(i)); i++) {
        char text[96];
        const double value = ce_setting_get(settings, setting);
        if (value == 0.0 || isnan(value))
            continue;
        snprintf(text, sizeof text, "%s=%.9g;", setting->name, value);
        h = lt_hash_text(h, text);
    }
    return h;
}

/* ---- portraits ---- */

void edit_attributes_of_seed(long long seed, struct world_attr *attr)
{
    /* ce_latents_from_seeds() draws z in the same way. */
    lt_rng rng = lt_rng_make((uint64_t)seed, 0);
    float z[WORLD_Z];
    for (int i = 0; i < WORLD_Z; i++)
        z[i] = lt_rng_normal(&rng);
    world_attr_from_z(z, attr);
}

void edit_case_seeds(const struct edit_case *c, long long first, int count, long long *seeds)
{
    for (int n = 0; n < count; first++) {
        struct world_attr attr;
        edit_attributes_of_seed(first, &attr);
        if (c->shows && !c->shows(&attr))
            continue;
        if (c->target.part == WORLD_GLASSES && !world_has_glasses(&attr))
            continue;
        if (attr.color_name[c->target.part] == (int)c->target.color)
            continue;
        seeds[n++] = first;
    }
}
