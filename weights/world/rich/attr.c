#include "weights/world/rich/attr.h"

#include <math.h>
#include <stddef.h>

#include "weights/world/palette.h"
#include "weights/world/text.h"
#include "weights/world/world.h"

/* Where a dimension of z goes, and over what range. */
struct field {
    const char *name;
    size_t offset;
    float low, high;
    enum rich_group group;
};

#define FIELD(f, low, high, group)                          \
    {                                                       \
#f, offsetof(struct rich_attr, f), low, high, group \
    }
#define UNIT(f, group)   FIELD(f, 0.0f, 1.0f, group)
#define SIGNED(f, group) FIELD(f, -1.0f, 1.0f, group)

/* In the order of the groups. */
static const struct field FIELDS[RICH_FIELDS] = {
    SIGNED(yaw, RICH_POSE),
    SIGNED(nod, RICH_POSE),
    SIGNED(tilt, RICH_POSE),
    SIGNED(place_x, RICH_POSE),
    SIGNED(place_y, RICH_POSE),
    UNIT(head_width, RICH_HEAD),
    UNIT(head_height, RICH_HEAD),
    UNIT(jaw, RICH_HEAD),
    UNIT(chin, RICH_HEAD),
    UNIT(ear_size, RICH_HEAD),
    UNIT(neck_width, RICH_HEAD),
    UNIT(shoulders, RICH_HEAD),
    UNIT(collar, RICH_HEAD),
    UNIT(hair_length, RICH_HEAD),
    UNIT(hair_volume, RICH_HEAD),
    UNIT(hair_curl, RICH_HEAD),
    UNIT(fringe, RICH_HEAD),
    SIGNED(parting, RICH_HEAD),
    UNIT(hat_on, RICH_HEAD),
    UNIT(hat_kind, RICH_HEAD),
    UNIT(brow_thickness, RICH_FEATURES),
    UNIT(brow_arch, RICH_FEATURES),
    UNIT(brow_height, RICH_FEATURES),
    SIGNED(brow_slant, RICH_FEATURES),
    UNIT(eye_size, RICH_FEATURES),
    UNIT(eye_spacing, RICH_FEATURES),
    UNIT(eye_open, RICH_FEATURES),
    SIGNED(eye_slant, RICH_FEATURES),
    SIGNED(gaze, RICH_FEATURES),
    UNIT(nose_width, RICH_FEATURES),
    UNIT(nose_length, RICH_FEATURES),
    UNIT(mouth_width, RICH_FEATURES),
    UNIT(lip_fullness, RICH_FEATURES),
    FIELD(smile, -0.6f, 1.0f, RICH_FEATURES),
    UNIT(mouth_open, RICH_FEATURES),
    UNIT(age, RICH_DETAIL),
    UNIT(freckles, RICH_DETAIL),
    UNIT(beard, RICH_DETAIL),
    UNIT(beard_width, RICH_DETAIL),
    UNIT(moustache, RICH_DETAIL),
    UNIT(moustache_curl, RICH_DETAIL),
    UNIT(glasses_on, RICH_DETAIL),
    UNIT(glasses_shape, RICH_DETAIL),
    UNIT(glasses_size, RICH_DETAIL),
    UNIT(glasses_dark, RICH_DETAIL),
    UNIT(earrings_on, RICH_DETAIL),
    UNIT(earrings_kind, RICH_DETAIL),
    UNIT(lashes, RICH_DETAIL),
    SIGNED(light_dir, RICH_LIGHT),
    UNIT(light_height, RICH_LIGHT),
    UNIT(light, RICH_LIGHT),
    UNIT(light_warm, RICH_LIGHT),
    UNIT(contrast, RICH_LIGHT),
    UNIT(shadow, RICH_SMALL),
    UNIT(blush, RICH_SMALL),
};

/* The first dimension of z of each group, then the end. */
enum { LIGHT_AT = 48, BROAD_AT = 53, SMALL_AT = BROAD_AT + 3 * RICH_EYES, SMALL_NUMBERS = 2 };
static const int GROUP_AT[RICH_GROUPS + 1] = {0, 5, 20, 35, LIGHT_AT, BROAD_AT, SMALL_AT, RICH_Z};

struct part_facts {
    const char *name;
    enum world_part like;
    float lean; /* how far its natural colour leans towards the hair's */
};

static const struct part_facts PARTS[RICH_PARTS] = {
    [RICH_BACKGROUND] = {"background", WORLD_BACKGROUND, 0.0f},
    [RICH_SHIRT] = {"shirt", WORLD_SHIRT, 0.0f},
    [RICH_SKIN] = {"skin", WORLD_SKIN, 0.0f},
    [RICH_HAIR] = {"hair", WORLD_HAIR, 0.0f},
    [RICH_BROWS] = {"brows", WORLD_HAIR, 0.65f},
    [RICH_BEARD] = {"beard", WORLD_HAIR, 0.75f},
    [RICH_MOUSTACHE] = {"moustache", WORLD_HAIR, 0.75f},
    [RICH_HAT] = {"hat", WORLD_SHIRT, 0.0f},
    [RICH_EYES] = {"eyes", WORLD_EYES, 0.0f},
    [RICH_WHITES] = {"whites of the eyes", WORLD_BACKGROUND, 0.0f},
    [RICH_SHADOW] = {"eyeshadow", WORLD_LIPS, 0.0f},
    [RICH_LIPS] = {"lips", WORLD_LIPS, 0.0f},
    [RICH_TEETH] = {"teeth", WORLD_BACKGROUND, 0.0f},
    [RICH_EARRINGS] = {"earrings", WORLD_GLASSES, 0.0f},
    [RICH_GLASSES] = {"glasses", WORLD_GLASSES, 0.0f},
    [RICH_LENSES] = {"lenses", WORLD_GLASSES, 0.0f},
    [RICH_NOSE] = {"nose", WORLD_SKIN, 0.0f},
    [RICH_EARS] = {"ears", WORLD_SKIN, 0.0f},
    [RICH_MARKING] = {"stripes", WORLD_SHIRT, 0.0f},
    [RICH_HORNS] = {"horns", WORLD_SHIRT, 0.0f},
};

static float *field_of(struct rich_attr *attr, const struct field *f)
{
    return (float *)(void *)((char *)attr + f->offset);
}

const char *rich_number_name(int i) { return FIELDS[i].name; }

enum rich_group rich_number_group(int i) { return FIELDS[i].group; }

float rich_number(const struct rich_attr *attr, int i)
{
    struct rich_attr copy = *attr;
    return *field_of(&copy, &FIELDS[i]);
}

void rich_set_number(struct rich_attr *attr, int i, float part)
{
    *field_of(attr, &FIELDS[i]) = FIELDS[i].low + (FIELDS[i].high - FIELDS[i].low) * part;
}

void rich_copy_number(struct rich_attr *to, const struct rich_attr *from, int i)
{
    *field_of(to, &FIELDS[i]) = rich_number(from, i);
}

int rich_number_dimension(int i) { return i < BROAD_AT ? i : SMALL_AT + i - BROAD_AT; }

static int color_dimension(int part)
{
    return part < RICH_EYES ? BROAD_AT + 3 * part
                            : SMALL_AT + SMALL_NUMBERS + 3 * (part - RICH_EYES);
}

static enum rich_group color_group(int part)
{
    if (part == RICH_NOSE || part == RICH_EARS || part == RICH_MARKING || part == RICH_HORNS)
        return RICH_BROAD;
    return part < RICH_EYES ? RICH_BROAD : RICH_SMALL;
}

enum rich_group rich_z_group(int dimension)
{
    int g = 0;
    while (dimension >= GROUP_AT[g + 1])
        g++;
    return (enum rich_group)g;
}

const char *rich_part_name(enum rich_part part) { return PARTS[part].name; }

enum world_part rich_part_like(enum rich_part part) { return PARTS[part].like; }

const char *rich_color_word(const struct rich_attr *attr, enum rich_part part)
{
    return world_color_word(PARTS[part].like, attr->color_name[part]);
}

/* Nature has only white teeth and eyeballs; both borrow their other words from the background. */
static bool always_white(enum rich_part part) { return part == RICH_WHITES || part == RICH_TEETH; }

bool rich_color_is_natural(enum rich_part part, int id)
{
    return always_white(part) ? id == WORLD_WHITE
                              : world_color_is_natural(PARTS[part].like, id) != 0;
}

float rich_past(float value, float from)
{
    return value <= from ? 0.0f : (value - from) / (1.0f - from);
}

bool rich_bald(const struct rich_attr *a) { return a->hair_length < RICH_BALD_BELOW; }

enum rich_hat rich_hat_kind(const struct rich_attr *a)
{
    return a->hat_kind < 0.34f ? RICH_BEANIE : a->hat_kind < 0.67f ? RICH_CAP : RICH_BRIM;
}

enum rich_earring rich_earring_kind(const struct rich_attr *a)
{
    return a->earrings_kind < 0.34f ? RICH_STUD : a->earrings_kind < 0.67f ? RICH_HOOP : RICH_DROP;
}

/* Long hair lies over the ears. */
static bool shows_ears(const struct rich_attr *a) { return a->hair_length < 0.44f; }

bool rich_has(const struct rich_attr *a, enum rich_part part)
{
    bool glasses = a->glasses_on >= RICH_GLASSES_FROM;
    bool dark = glasses && a->glasses_dark >= RICH_DARK_FROM;

    switch (part) {
    /* a hat hides hair that is not long enough to come out below it */
    case RICH_HAIR: return !rich_bald(a) && (a->hat_on < RICH_HAT_FROM || a->hair_length >= 0.26f);
    case RICH_BEARD: return a->beard >= RICH_BEARD_FROM;
    case RICH_MOUSTACHE: return a->moustache >= RICH_MOUSTACHE_FROM;
    case RICH_HAT: return a->hat_on >= RICH_HAT_FROM;
    case RICH_SHADOW: return a->shadow >= RICH_SHADOW_FROM && !dark;
    case RICH_EYES:
    case RICH_WHITES: return !dark;
    case RICH_TEETH: return a->mouth_open >= RICH_OPEN_FROM + 0.06f;
    case RICH_EARRINGS: return a->earrings_on >= RICH_EARRINGS_FROM;
    case RICH_GLASSES: return glasses;
    case RICH_LENSES: return dark;
    case RICH_NOSE: return a->nose_own || a->clown;
    case RICH_EARS: return a->ears_own && (shows_ears(a) || a->ears_pointed > 0.5f);
    case RICH_MARKING: return a->marking != RICH_PLAIN;
    case RICH_HORNS: return a->horns;
    default: return true;
    }
}

/* ---- the natural world ---- */

static float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }

static void set_rgb(float to[3], float r, float g, float b)
{
    to[0] = r;
    to[1] = g;
    to[2] = b;
}

/* The natural colour of a part from three numbers in 0..1; hair is the place of the hair's. */
static void natural_color(enum rich_part part, const float u[3], float hair, float rgb[3])
{
    float lean = PARTS[part].lean, place = u[0] + lean * (hair - u[0]);

    switch (part) {
    case RICH_WHITES:
        set_rgb(rgb, 0.95f + 0.02f * u[1], 0.93f + 0.03f * u[2], 0.90f + 0.06f * u[0]);
        break;
    case RICH_TEETH:
        set_rgb(rgb, 0.93f + 0.04f * u[1], 0.90f + 0.05f * u[2], 0.80f + 0.12f * u[0]);
        break;
    case RICH_LENSES: world_palette_color(WORLD_GLASSES, 0.33f * place, u[1], u[2], rgb); break;
    case RICH_BROWS:
        world_palette_color(WORLD_HAIR, place, 0.6f * u[1], u[2], rgb);
        for (int c = 0; c < 3; c++)
            rgb[c] *= 0.85f;
        break;
    default: world_palette_color(PARTS[part].like, place, u[1], u[2], rgb); break;
    }
}

static int natural_name(enum rich_part part, const float rgb[3])
{
    if (always_white(part))
        return WORLD_WHITE;
    return world_color_nearest_natural(PARTS[part].like, rgb);
}

/* What nature does not know: none of it, in colours that would look well. */
static void clear_fantasy(struct rich_attr *a)
{
    static const float horn[3] = {0.78f, 0.69f, 0.55f};

    a->ears_pointed = a->metal = 0.0f;
    a->horns = a->clown = a->nose_own = a->ears_own = false;
    a->marking = RICH_PLAIN;
    for (int c = 0; c < 3; c++) {
        a->color[RICH_NOSE][c] = a->color[RICH_EARS][c] = a->color[RICH_SKIN][c];
        a->color[RICH_HORNS][c] = horn[c];
        a->color[RICH_MARKING][c] = world_named(WORLD_BLACK)->rgb[c];
    }
    a->color_name[RICH_NOSE] = a->color_name[RICH_EARS] = a->color_name[RICH_SKIN];
    a->color_name[RICH_HORNS] = natural_name(RICH_HORNS, horn);
    a->color_name[RICH_MARKING] = WORLD_BLACK;
}

static float unit_scale(const float z[RICH_Z])
{
    double sum = 0.0;

    for (int i = 0; i < RICH_Z; i++)
        sum += (double)z[i] * z[i];
    return sum > 0.0 ? (float)sqrt(RICH_Z / sum) : 0.0f;
}

void rich_attr_from_z(const float z[RICH_Z], struct rich_attr *attr)
{
    float scale = unit_scale(z), u[RICH_Z];

    for (int i = 0; i < RICH_Z; i++)
        u[i] = normal_cdf(z[i] * scale);

    for (int i = 0; i < RICH_FIELDS; i++)
        rich_set_number(attr, i, u[rich_number_dimension(i)]);
    attr->moustache = 0.5f * (attr->moustache + attr->beard);
    for (int p = 0; p < RICH_NATURAL; p++) {
        enum rich_part part = (enum rich_part)p;
        natural_color(part, u + color_dimension(p), u[color_dimension(RICH_HAIR)], attr->color[p]);
        attr->color_name[p] = natural_name(part, attr->color[p]);
    }
    clear_fantasy(attr);
}

void rich_attr_mix(const struct rich_attr *const from[RICH_GROUPS], struct rich_attr *out)
{
    struct rich_attr mixed = *from[RICH_DETAIL];

    for (int i = 0; i < RICH_FIELDS; i++)
        rich_copy_number(&mixed, from[FIELDS[i].group], i);
    for (int p = 0; p < RICH_PARTS; p++) {
        const struct rich_attr *source = from[color_group(p)];
        for (int c = 0; c < 3; c++)
            mixed.color[p][c] = source->color[p][c];
        mixed.color_name[p] = source->color_name[p];
    }
    *out = mixed;
}

void rich_attr_random_natural(uint64_t *rng, struct rich_attr *attr, float z[RICH_Z])
{
    float own[RICH_Z];

    for (int i = 0; i < RICH_Z; i++)
        own[i] = world_random_normal(rng);
    rich_attr_from_z(own, attr);

    float scale = unit_scale(own);
    for (int i = 0; z && i < RICH_Z; i++)
        z[i] = own[i] * scale;
}

/* ---- the whole world ---- */

/* `on` moves to one side of `from`, to the far side with probability p. */
static void switch_on(uint64_t *rng, float *on, float from, float p)
{
    float u = world_random_uniform(rng);
    *on = world_chance(rng, p) ? from + (1.0f - from) * u : 0.98f * from * u;
}

/* Old people have grey hair more often than their colour's dimension says. */
static void gray_with_age(uint64_t *rng, struct rich_attr *a)
{
    static const enum rich_part GRAY[] = {RICH_HAIR, RICH_BROWS, RICH_BEARD, RICH_MOUSTACHE};

    if (!world_chance(rng, 1.5f * (a->age - 0.5f)))
        return;
    for (size_t i = 0; i < sizeof GRAY / sizeof *GRAY; i++) {
        float light = world_random_uniform(rng);
        world_palette_color(WORLD_HAIR, 0.97f, light, 0.4f, a->color[GRAY[i]]);
        a->color_name[GRAY[i]] = natural_name(GRAY[i], a->color[GRAY[i]]);
    }
}

static enum world_color any_color(uint64_t *rng)
{
    return (enum world_color)(world_random(rng) % WORLD_COLORS);
}

static void add_fantasy(uint64_t *rng, struct rich_attr *a)
{
    if (world_chance(rng, 0.10f))
        a->ears_pointed = 0.7f + 0.3f * world_random_uniform(rng);
    if (world_chance(rng, 0.08f))
        a->horns = true;
    if (world_chance(rng, 0.06f)) {
        a->clown = true;
        rich_attr_set_color(a, RICH_NOSE, world_chance(rng, 0.6f) ? WORLD_RED : any_color(rng),
                            rng);
    } else if (world_chance(rng, 0.08f)) {
        rich_attr_set_color(a, RICH_NOSE, any_color(rng), rng);
    }
    if (world_chance(rng, 0.08f))
        rich_attr_set_color(a, RICH_EARS, any_color(rng), rng);
    if (world_chance(rng, 0.5f))
        rich_attr_set_color(a, RICH_HORNS, any_color(rng), rng);

    float u = world_random_uniform(rng);
    if (u < 0.06f) {
        a->marking = RICH_STRIPES;
        if (world_chance(rng, 0.5f))
            rich_attr_set_color(a, RICH_SKIN, WORLD_ORANGE, rng);
        rich_attr_set_color(a, RICH_MARKING, world_chance(rng, 0.6f) ? WORLD_BLACK : any_color(rng),
                            rng);
    } else if (u < 0.12f) {
        a->marking = RICH_HALVES;
        enum world_color first = any_color(rng), second = any_color(rng);
        while (second == first)
            second = any_color(rng);
        rich_attr_set_color(a, RICH_SKIN, first, rng);
        rich_attr_set_color(a, RICH_MARKING, second, rng);
    } else if (u < 0.18f) {
        a->metal = 1.0f;
        if (world_chance(rng, 0.6f))
            rich_attr_set_color(a, RICH_SKIN, world_chance(rng, 0.6f) ? WORLD_GRAY : WORLD_YELLOW,
                                rng);
    }
}

void rich_attr_random_any(uint64_t *rng, struct rich_attr *a)
{
    rich_attr_random_natural(rng, a, NULL);
    switch_on(rng, &a->hat_on, RICH_HAT_FROM, 0.35f);
    switch_on(rng, &a->beard, RICH_BEARD_FROM, 0.40f);
    switch_on(rng, &a->moustache, RICH_MOUSTACHE_FROM, 0.40f);
    switch_on(rng, &a->glasses_on, RICH_GLASSES_FROM, 0.45f);
    switch_on(rng, &a->earrings_on, RICH_EARRINGS_FROM, 0.45f);
    switch_on(rng, &a->freckles, RICH_FRECKLES_FROM, 0.30f);
    switch_on(rng, &a->shadow, RICH_SHADOW_FROM, 0.30f);
    switch_on(rng, &a->mouth_open, RICH_OPEN_FROM, 0.45f);
    if (world_chance(rng, 0.10f))
        a->hair_length = 0.9f * RICH_BALD_BELOW * world_random_uniform(rng);
    gray_with_age(rng, a);
    for (int p = 0; p < RICH_NATURAL; p++)
        if (world_chance(rng, always_white((enum rich_part)p) ? 0.2f : 0.5f))
            rich_attr_set_color(a, (enum rich_part)p, any_color(rng), rng);
    if (world_chance(rng, 0.5f))
        add_fantasy(rng, a);
}

void rich_attr_set_color(struct rich_attr *attr, enum rich_part part, enum world_color color,
                         uint64_t *rng)
{
    world_color_sample(color, rng, attr->color[part]);
    attr->color_name[part] = (int)color;
    if (part == RICH_NOSE)
        attr->nose_own = true;
    if (part == RICH_EARS)
        attr->ears_own = true;
}
