#include "weights/world/captions.h"

#include <string.h>

#include "weights/world/text.h"

/* The names of each part, the plain one first. Each list ends with NULL. */
enum { NAMES = 5 };
static const char *const NOUNS[WORLD_PARTS][NAMES] = {
    [WORLD_BACKGROUND] = {"background", "backdrop", "wall", NULL},
    [WORLD_SHIRT] = {"shirt", "sweater", "top", NULL},
    [WORLD_SKIN] = {"skin", "skin", "facial skin", NULL},
    [WORLD_HAIR] = {"hair", NULL},
    [WORLD_BROWS] = {"eyebrows", "brows", NULL},
    [WORLD_EYES] = {"eyes", "eyes", "irises", NULL},
    [WORLD_LIPS] = {"lips", "lips", "lipstick", "mouth", NULL},
    [WORLD_GLASSES] = {"glasses", "spectacles", "eyeglasses", "frames", NULL},
};

static const char *const SUBJECTS[] = {
    "a face",
    "a face",
    "face",
    "a person",
    "someone",
    "a portrait",
    "portrait of a person",
    "a portrait of a woman",
    "a portrait of a man",
    "drawing of a face",
    "the face of a person",
    "a woman",
    "a man",
    "a head",
    NULL,
};
static const char *const SMILING[] = {
    "a smiling face",
    "smiling face",
    "a smiling person",
    "someone smiling",
    "portrait of a smiling person",
    NULL,
};
static const char *const ON[] = {" on ", " against ", " in front of ", NULL};
static const char *const WEARING[] = {" wearing ", " in ", NULL};

/* A word for the form of a part that is true of attr, or NULL if nothing stands out. */
static const char *form_word(const struct world_attr *a, enum world_part part, uint64_t *rng)
{
    switch (part) {
    case WORLD_HAIR:
        if (a->hair_wave > 0.7f && world_chance(rng, 0.35f))
            return "wavy";
        if (a->hair_wave < 0.2f && world_chance(rng, 0.35f))
            return "straight";
        return a->hair_length > 0.68f ? "long" : a->hair_length < 0.3f ? "short" : NULL;
    case WORLD_BROWS:
        if (a->brow_arch > 0.8f && world_chance(rng, 0.4f))
            return "arched";
        return a->brow_thickness > 0.7f ? "thick" : a->brow_thickness < 0.3f ? "thin" : NULL;
    case WORLD_EYES: return a->eye_size > 0.7f ? "big" : a->eye_size < 0.3f ? "small" : NULL;
    case WORLD_LIPS:
        return a->lip_fullness > 0.7f ? "full" : a->lip_fullness < 0.3f ? "thin" : NULL;
    case WORLD_GLASSES:
        return a->glasses_shape > 0.65f ? "square" : a->glasses_shape < 0.35f ? "round" : NULL;
    case WORLD_SHIRT: return a->collar > 0.75f ? "v-neck" : a->collar < 0.2f ? "round neck" : NULL;
    default: return NULL;
    }
}

static bool singular(enum world_part part, const char *noun)
{
    return part == WORLD_SHIRT || part == WORLD_BACKGROUND || !strcmp(noun, "mouth");
}

/* Writes a phrase such as "a v-neck blue shirt": article if wanted, form and colour if not NULL,
 * noun. */
static void put_phrase(struct world_text *t, bool article, const char *form, const char *color,
                       const char *noun)
{
    const char *first = form ? form : color ? color : noun;

    if (article)
        world_put_article(t, first);
    if (form) {
        world_put(t, form);
        world_put(t, " ");
    }
    if (color) {
        world_put(t, color);
        world_put(t, " ");
    }
    world_put(t, noun);
}

/* The words that a caption says of one part; NULL: not said. */
struct fact {
    enum world_part part;
    const char *form, *color, *noun;
};

static struct fact choose_fact(const struct world_attr *a, enum world_part part, bool color,
                               float form_chance, uint64_t *rng)
{
    struct fact f = {part, NULL, NULL, world_pick(rng, NOUNS[part])};

    if (world_chance(rng, form_chance))
        f.form = form_word(a, part, rng);
    if (color || (!f.form && part != WORLD_GLASSES))
        f.color = world_spell(world_color_word(part, a->color_name[part]), rng);
    /* A form goes with "lips" only: "full lipstick" is not English. */
    if (f.form && part == WORLD_LIPS)
        f.noun = NOUNS[part][0];
    return f;
}

static void put_fact(struct world_text *t, const struct fact *f)
{
    put_phrase(t, singular(f->part, f->noun), f->form, f->color, f->noun);
}

/* Writes "with x, y and z" for the facts i with these[i], or nothing if there are none. */
static void put_list(struct world_text *t, const char *lead, const struct fact *facts, int n,
                     const bool *these)
{
    int left = 0;
    bool any = false;

    for (int i = 0; i < n; i++)
        left += these[i];
    for (int i = 0; i < n; i++) {
        if (!these[i])
            continue;
        world_put(t, !any ? lead : left == 1 ? " and " : ", ");
        put_fact(t, &facts[i]);
        any = true;
        left--;
    }
}

static void put_facts(struct world_text *t, const struct world_attr *a, const struct fact *facts,
                      int n, uint64_t *rng)
{
    enum { MOST = WORLD_PARTS };
    bool with[MOST] = {false}, worn[MOST] = {false};
    const char *noun = facts[0].noun;

    if (n == 1 && world_chance(rng, 0.35f)) {
        put_fact(t, &facts[0]);
        return;
    }
    if (n == 1 && facts[0].color && facts[0].part >= WORLD_SKIN && world_chance(rng, 0.15f)) {
        world_put(t, world_chance(rng, 0.5f) ? "a face whose " : "the ");
        put_phrase(t, false, facts[0].form, NULL, noun);
        bool one = facts[0].part == WORLD_SKIN || facts[0].part == WORLD_HAIR ||
                   !strcmp(noun, "mouth") || !strcmp(noun, "lipstick");
        world_put(t, one ? " is " : " are ");
        world_put(t, facts[0].color);
        return;
    }

    world_put(t, world_pick(rng, a->smile > 0.55f && world_chance(rng, 0.2f) ? SMILING : SUBJECTS));
    const struct fact *behind = NULL;
    for (int i = 0; i < n; i++) {
        enum world_part p = facts[i].part;
        if (p == WORLD_BACKGROUND && world_chance(rng, 0.8f))
            behind = &facts[i];
        else if ((p == WORLD_SHIRT && world_chance(rng, 0.8f)) ||
                 (p == WORLD_GLASSES && world_chance(rng, 0.4f)))
            worn[i] = true;
        else
            with[i] = true;
    }
    put_list(t, " with ", facts, n, with);
    put_list(t, world_pick(rng, WEARING), facts, n, worn);
    if (behind) {
        world_put(t, world_pick(rng, ON));
        put_fact(t, behind);
    }
}

/* A true remark about the portrait that names no colour, or NULL if none applies. */
static const char *remark(const struct world_attr *a, uint64_t *rng)
{
    const char *list[8] = {NULL};
    int n = 0;

    if (!world_has_glasses(a))
        list[n++] = "without glasses";
    if (a->blush > 0.75f)
        list[n++] = "with rosy cheeks";
    if (a->fringe > 0.8f)
        list[n++] = "with bangs";
    if (a->yaw < -0.6f)
        list[n++] = "looking left";
    if (a->yaw > 0.6f)
        list[n++] = "looking right";
    if (a->head_width > 0.75f && a->head_height < 0.4f)
        list[n++] = "with a wide face";
    if (a->head_width < 0.25f && a->head_height > 0.6f)
        list[n++] = "with a narrow face";
    return n ? list[world_random(rng) % (uint64_t)n] : NULL;
}

/* The parts that captions choose from. Small parts come twice, because their colours are the
 * hardest to learn. */
static const enum world_part DRAW[] = {
    WORLD_BACKGROUND, WORLD_SHIRT, WORLD_SKIN, WORLD_HAIR, WORLD_BROWS,   WORLD_BROWS,
    WORLD_EYES,       WORLD_EYES,  WORLD_LIPS, WORLD_LIPS, WORLD_GLASSES, WORLD_GLASSES,
};

size_t world_caption(const struct world_attr *attr, uint64_t *rng, int said[WORLD_PARTS], char *buf,
                     size_t cap)
{
    struct world_text t = {buf, cap, 0};
    struct fact facts[WORLD_PARTS];
    bool told[WORLD_PARTS] = {false};
    int n = 0;

    for (int p = 0; said && p < WORLD_PARTS; p++)
        said[p] = -1;
    if (world_chance(rng, 0.05f)) {
        world_put(&t, world_pick(rng, SUBJECTS));
        return world_finish(&t);
    }

    float u = world_random_uniform(rng);
    int want = u < 0.40f ? 1 : u < 0.70f ? 2 : u < 0.90f ? 3 : 4;
    while (n < want) {
        enum world_part p = DRAW[world_random(rng) % (sizeof DRAW / sizeof *DRAW)];
        if (told[p] || (p == WORLD_GLASSES && !world_has_glasses(attr)))
            continue;
        bool color = world_chance(rng, 0.88f);
        told[p] = true;
        facts[n] = choose_fact(attr, p, color, color ? 0.25f : 1.0f, rng);
        if (said && facts[n].color)
            said[p] = attr->color_name[p];
        n++;
    }
    put_facts(&t, attr, facts, n, rng);

    const char *more =
        t.length > 0 && want > 1 && world_chance(rng, 0.08f) ? remark(attr, rng) : NULL;
    if (more) {
        world_put(&t, ", ");
        world_put(&t, more);
    }
    return world_finish(&t);
}

size_t world_caption_part(const struct world_attr *attr, enum world_part part, uint64_t *rng,
                          char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    struct fact f = choose_fact(attr, part, true, 0.15f, rng);

    put_facts(&t, attr, &f, 1, rng);
    return world_finish(&t);
}

size_t world_caption_templated(const struct world_attr *attr, uint64_t *rng,
                               const char *const *templates, size_t n, int said[WORLD_PARTS],
                               char *buf, size_t cap)
{
    if (n == 0 || !world_chance(rng, 0.3f))
        return world_caption(attr, rng, said, buf, cap);

    char own[256];
    const char *template = templates[world_random(rng) % n];
    struct world_text t = {buf, cap, 0};

    world_caption(attr, rng, said, own, sizeof own);
    world_put_template(&t, template, own);
    return world_finish(&t);
}

size_t world_prompt(enum world_part part, int color, char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    const char *word = world_color_word(part, color), *noun = NOUNS[part][0];

    world_put(&t, "face with ");
    put_phrase(&t, singular(part, noun), NULL, word, noun);
    return world_finish(&t);
}
