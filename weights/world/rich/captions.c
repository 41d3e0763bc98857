#include "weights/world/rich/captions.h"

#include <string.h>

#include "weights/world/text.h"
#include "weights/world/world.h"

enum { FACTS = 6, FORMS = 2 };

/* One thing that a caption says: a phrase that stands where its role puts it. */
enum role { ADJECTIVE, WITH, WEARING, BEHIND, LAST };

struct fact {
    enum role role;
    int part;                   /* the part that it is about, or -1 */
    bool article;               /* whether "a" goes before it */
    const char *form[FORMS];    /* words before the colour, in order; NULL where none */
    const char *color, *second; /* "blue and yellow" */
    const char *text;           /* noun or whole phrase */
    bool singular;
};

struct plan {
    const struct rich_attr *attr;
    uint64_t *rng;
    struct rich_said *said;
    struct fact facts[FACTS];
    int count;
    bool told[RICH_PARTS]; /* parts of which something is said */
    bool mood, aged, view; /* so that no two traits of a kind contradict or repeat each other */
};

/* ---- choosing what to say ---- */

static const char *spell(const struct plan *p, enum rich_part part)
{
    return world_spell(rich_color_word(p->attr, part), p->rng);
}

static const char *color_of(struct plan *p, enum rich_part part)
{
    p->said->color[part] = p->attr->color_name[part];
    return spell(p, part);
}

/* True forms of the part, no two of them opposites of one another or the same word. */
static int true_forms(struct plan *p, int part, enum rich_trait found[RICH_TRAITS])
{
    int n = 0;

    for (int t = 0; t < RICH_TRAITS; t++) {
        const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
        if (w->kind == RICH_FORM && w->part == part &&
            rich_truth_of(p->attr, (enum rich_trait)t) == RICH_YES)
            found[n++] = (enum rich_trait)t;
    }
    return n;
}

static void add_forms(struct plan *p, struct fact *f, int part, int most)
{
    enum rich_trait found[RICH_TRAITS];
    int n = true_forms(p, part, found);

    for (int k = 0; k < most && k < FORMS && n > 0; k++) {
        int at = (int)(world_random(p->rng) % (uint64_t)n);
        const struct rich_trait_words *w = rich_trait_words(found[at]);
        f->form[k] = world_pick(p->rng, w->adjectives);
        p->said->trait[found[at]] = 1;
        found[at] = found[--n];
        /* "short cropped hair" says one thing twice */
        if (found[at] == RICH_SHORT_HAIR || found[at] == RICH_CROPPED_HAIR)
            break;
    }
}

/* A noun for what the portrait has of the part. An exact noun ("goatee") states a trait, which is
 * noted. */
static const char *choose_noun(struct plan *p, enum rich_part part)
{
    const struct rich_attr *a = p->attr;
    static const enum rich_trait HATS[] = {RICH_WITH_BEANIE, RICH_WITH_CAP, RICH_WITH_BRIM};
    static const enum rich_trait RINGS[] = {RICH_WITH_STUDS, RICH_WITH_HOOPS, RICH_WITH_DROPS};
    static const char *const HAT_NOUNS[] = {"beanie", "cap", "brimmed hat"};
    static const char *const RING_NOUNS[] = {"stud earrings", "hoop earrings", "drop earrings"};
    bool exact = world_chance(p->rng, 0.5f);

    if (part == RICH_HAT) {
        p->said->trait[RICH_WITH_HAT] = 1;
        if (exact)
            p->said->trait[HATS[rich_hat_kind(a)]] = 1;
        return exact ? HAT_NOUNS[rich_hat_kind(a)] : "hat";
    }
    if (part == RICH_EARRINGS) {
        p->said->trait[RICH_WITH_EARRINGS] = 1;
        if (exact)
            p->said->trait[RINGS[rich_earring_kind(a)]] = 1;
        return exact ? RING_NOUNS[rich_earring_kind(a)] : "earrings";
    }
    if (part == RICH_GLASSES && rich_has(a, RICH_LENSES)) {
        p->said->trait[RICH_WITH_SUNGLASSES] = 1;
        return "sunglass frames";
    }
    if (part == RICH_BEARD) {
        p->said->trait[RICH_BEARDED] = 1;
        enum rich_trait t =
            exact && rich_truth_of(a, RICH_GOATEE) == RICH_YES ? RICH_GOATEE : RICH_BEARDED;
        if (rich_truth_of(a, RICH_STUBBLE) == RICH_YES)
            t = RICH_STUBBLE;
        p->said->trait[t] = 1;
        return t == RICH_STUBBLE ? "stubble" : t == RICH_GOATEE ? "goatee" : "beard";
    }
    if (part == RICH_NOSE && a->clown) {
        p->said->trait[RICH_CLOWN] = 1;
        return "clown nose";
    }
    if (part == RICH_SKIN && a->metal > 0.5f) {
        p->said->trait[RICH_METALLIC] = 1;
        return "metal skin";
    }
    if (part == RICH_EARS && rich_truth_of(a, RICH_POINTED_EARS) == RICH_YES) {
        p->said->trait[RICH_POINTED_EARS] = 1;
        return "pointed ears";
    }
    return world_pick(p->rng, rich_part_nouns(part));
}

/* Says the colour of a part, its form, or both. */
static void add_part(struct plan *p, enum rich_part part, bool color, int forms)
{
    struct fact *f = &p->facts[p->count++];

    *f = (struct fact){.role = WITH, .part = part};
    p->told[part] = true;
    if (part == RICH_MARKING && p->attr->marking == RICH_HALVES) {
        p->said->trait[RICH_TWO_COLORED] = 1;
        p->told[RICH_SKIN] = true;
        f->color = color_of(p, RICH_SKIN);
        f->second = color_of(p, RICH_MARKING);
        f->text = "face";
        f->article = f->singular = true;
        return;
    }
    f->text = choose_noun(p, part);
    if (part == RICH_MARKING)
        p->said->trait[RICH_STRIPED] = 1;
    if (part == RICH_MOUSTACHE)
        p->said->trait[RICH_MOUSTACHED] = 1;
    if (part == RICH_HORNS)
        p->said->trait[RICH_HORNED] = 1;
    if (part == RICH_SHADOW)
        p->said->trait[RICH_MADE_UP] = 1;
    if (part == RICH_GLASSES && !rich_has(p->attr, RICH_LENSES))
        p->said->trait[RICH_WITH_GLASSES] = 1;
    if (part == RICH_LENSES)
        p->said->trait[RICH_WITH_SUNGLASSES] = 1;
    if (!strcmp(f->text, "stubble") || !strcmp(f->text, "goatee"))
        forms = 0;
    add_forms(p, f, part, forms);
    /* "full lipstick" is not English */
    if (f->form[0] && part == RICH_LIPS)
        f->text = rich_part_nouns(part)[0];
    if (color || !f->form[0])
        f->color = color_of(p, part);
    f->singular = rich_noun_singular(part, f->text);
    f->article = rich_noun_counted(part, f->text);
    if (part == RICH_SHIRT || part == RICH_HAT)
        f->role = world_chance(p->rng, 0.8f) ? WEARING : WITH;
    if (part == RICH_GLASSES || part == RICH_EARRINGS || part == RICH_SHADOW)
        f->role = world_chance(p->rng, 0.4f) ? WEARING : WITH;
    if (part == RICH_BACKGROUND && world_chance(p->rng, 0.8f))
        f->role = BEHIND;
}

/* Whether the trait is about something of which the caption already speaks. */
static bool told(const struct plan *p, const struct rich_trait_words *w, enum rich_trait t)
{
    if (w->part >= 0)
        return p->told[w->part] || (w->part == RICH_MARKING && p->told[RICH_SKIN]) ||
               (w->part == RICH_GLASSES && p->told[RICH_LENSES]);
    switch (w->kind) {
    case RICH_EXPRESSION: return p->mood;
    case RICH_AGE: return p->aged;
    case RICH_VIEW: return p->view;
    default: return p->said->trait[t] != 0;
    }
}

static void tell(struct plan *p, const struct rich_trait_words *w)
{
    if (w->part >= 0)
        p->told[w->part] = true;
    if (w->part == RICH_GLASSES)
        p->told[RICH_LENSES] = true;
    p->mood |= w->kind == RICH_EXPRESSION;
    p->aged |= w->kind == RICH_AGE;
    p->view |= w->kind == RICH_VIEW;
}

/* States a trait that is true; a form of a part becomes a fact of that part. */
static void add_trait(struct plan *p, enum rich_trait t)
{
    const struct rich_trait_words *w = rich_trait_words(t);
    struct fact *f = &p->facts[p->count++];

    *f = (struct fact){.role = WITH, .part = w->part};
    p->said->trait[t] = 1;
    tell(p, w);
    if (w->kind == RICH_FORM) {
        f->form[0] = world_pick(p->rng, w->adjectives);
        f->text = rich_form_noun(w);
        f->article = w->part < 0 || rich_noun_counted((enum rich_part)w->part, f->text);
        f->singular = f->article;
    } else if (w->kind == RICH_VIEW) {
        f->role = LAST;
        f->text = world_pick(p->rng, w->with);
    } else if (w->adjectives[0] && (!w->with[0] || world_chance(p->rng, 0.55f))) {
        f->role = ADJECTIVE;
        f->text = world_pick(p->rng, w->adjectives);
    } else {
        f->role = w->worn && world_chance(p->rng, 0.6f) ? WEARING : WITH;
        f->text = world_pick(p->rng, w->with);
    }
}

static void add_denial(struct plan *p, enum rich_trait t)
{
    const struct rich_trait_words *w = rich_trait_words(t);

    p->facts[p->count++] =
        (struct fact){.role = LAST, .part = w->part, .text = world_pick(p->rng, w->without)};
    p->said->trait[t] = -1;
    tell(p, w);
}

/* ---- putting it into a sentence ---- */

static void put_phrase(struct world_text *t, const struct fact *f, bool article, bool color)
{
    const char *words[6];
    int n = 0;

    for (int k = 0; k < FORMS; k++)
        if (f->form[k])
            words[n++] = f->form[k];
    if (color && f->color)
        words[n++] = f->color;
    if (color && f->second) {
        words[n++] = "and";
        words[n++] = f->second;
    }
    words[n++] = f->text;
    if (article && f->article)
        world_put_article(t, words[0]);
    for (int i = 0; i < n; i++) {
        if (i > 0)
            world_put(t, " ");
        world_put(t, words[i]);
    }
}

static int count_role(const struct plan *p, enum role role)
{
    int n = 0;
    for (int i = 0; i < p->count; i++)
        n += p->facts[i].role == role;
    return n;
}

/* "LEAD x, y and z" over the facts of a role; nothing if there are none. */
static void put_list(struct world_text *t, const struct plan *p, enum role role, const char *lead)
{
    int left = count_role(p, role);
    bool any = false;

    for (int i = 0; i < p->count; i++) {
        if (p->facts[i].role != role)
            continue;
        world_put(t, !any ? lead : left == 1 ? " and " : ", ");
        put_phrase(t, &p->facts[i], true, true);
        any = true;
        left--;
    }
}

/* Facial hair makes a man; long hair, make-up or long lashes without it may make a woman. */
static const char *choose_person(struct plan *p)
{
    const struct rich_attr *a = p->attr;
    bool hair = rich_has(a, RICH_BEARD) || rich_has(a, RICH_MOUSTACHE);
    bool woman =
        !hair && (rich_truth_of(a, RICH_LONG_HAIR) == RICH_YES || rich_has(a, RICH_SHADOW) ||
                  rich_truth_of(a, RICH_LONG_LASHES) == RICH_YES);
    static const char *const ANY[] = {"face", "face", "face", "person", "head", NULL};

    if ((hair || woman) && world_chance(p->rng, 0.35f))
        return hair ? "man" : "woman";
    return world_pick(p->rng, ANY);
}

/* Returns whether the subject is a person, so that "who" may follow. */
static bool put_subject(struct world_text *t, struct plan *p)
{
    static const char *const LEADS[] = {
        "", "", "", "", "a portrait of ", "a picture of ", "a drawing of ", "portrait of ", NULL};
    const char *lead = world_pick(p->rng, LEADS), *person = choose_person(p), *first = person;

    for (int i = p->count - 1; i >= 0; i--)
        if (p->facts[i].role == ADJECTIVE)
            first = p->facts[i].text;
    world_put(t, lead);
    if (*lead || !world_chance(p->rng, 0.3f))
        world_put_article(t, first);
    for (int i = 0; i < p->count; i++)
        if (p->facts[i].role == ADJECTIVE) {
            world_put(t, p->facts[i].text);
            world_put(t, " ");
        }
    world_put(t, person);
    return strcmp(person, "face") != 0 && strcmp(person, "head") != 0;
}

/* A lone fact about a part: "green lips", "the lips are green". */
static bool put_alone(struct world_text *t, struct plan *p)
{
    const struct fact *f = &p->facts[0];

    if (p->count != 1 || f->role == ADJECTIVE || f->role == LAST)
        return false;
    float u = world_random_uniform(p->rng);
    if (u < 0.3f) {
        put_phrase(t, f, true, true);
        return true;
    }
    if (u < 0.45f && f->color && !f->second && f->part >= RICH_SKIN) {
        world_put(t, world_chance(p->rng, 0.5f) ? "a face whose " : "the ");
        put_phrase(t, f, false, false);
        world_put(t, f->singular ? " is " : " are ");
        world_put(t, f->color);
        return true;
    }
    return false;
}

/* "curly red hair, smiling, no hat": the facts one after the other. */
static void put_tags(struct world_text *t, const struct plan *p)
{
    for (int i = 0; i < p->count; i++) {
        if (i > 0)
            world_put(t, ", ");
        put_phrase(t, &p->facts[i], world_chance(p->rng, 0.5f), true);
    }
}

/* Whether "in" may stand for "wearing". */
static bool clothes_only(const struct plan *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->facts[i].role == WEARING && p->facts[i].part != RICH_SHIRT &&
            p->facts[i].part != RICH_HAT)
            return false;
    return true;
}

static void put_facts(struct world_text *t, struct plan *p)
{
    static const char *const WORN[] = {" wearing ", " in ", NULL};
    static const char *const ON[] = {" on ", " against ", " in front of ", NULL};

    if (put_alone(t, p))
        return;
    if (p->count > 1 && world_chance(p->rng, 0.1f)) {
        put_tags(t, p);
        return;
    }
    bool person = put_subject(t, p);
    put_list(t, p, WITH, person && world_chance(p->rng, 0.25f) ? " who has " : " with ");
    put_list(t, p, WEARING, clothes_only(p) ? world_pick(p->rng, WORN) : WORN[0]);
    put_list(t, p, BEHIND, world_pick(p->rng, ON));
    bool comma = count_role(p, WITH) + count_role(p, WEARING) + count_role(p, BEHIND) > 0;
    put_list(t, p, LAST, comma ? ", " : " ");
}

/* ---- whole captions ---- */

/* Small parts are drawn more often: their colours are the hardest to learn. */
static const enum rich_part DRAW[] = {
    RICH_BACKGROUND, RICH_SHIRT,   RICH_SKIN,    RICH_HAIR,      RICH_HAIR,      RICH_BROWS,
    RICH_BROWS,      RICH_BEARD,   RICH_BEARD,   RICH_MOUSTACHE, RICH_MOUSTACHE, RICH_HAT,
    RICH_HAT,        RICH_EYES,    RICH_EYES,    RICH_WHITES,    RICH_SHADOW,    RICH_SHADOW,
    RICH_LIPS,       RICH_LIPS,    RICH_TEETH,   RICH_EARRINGS,  RICH_EARRINGS,  RICH_GLASSES,
    RICH_GLASSES,    RICH_LENSES,  RICH_LENSES,  RICH_NOSE,      RICH_NOSE,      RICH_EARS,
    RICH_EARS,       RICH_MARKING, RICH_MARKING, RICH_HORNS,     RICH_HORNS,
};

static struct plan begin(const struct rich_attr *attr, uint64_t *rng, struct rich_said *said)
{
    for (int part = 0; part < RICH_PARTS; part++)
        said->color[part] = -1;
    for (int t = 0; t < RICH_TRAITS; t++)
        said->trait[t] = 0;
    return (struct plan){.attr = attr, .rng = rng, .said = said};
}

static void try_part(struct plan *p)
{
    enum rich_part part = DRAW[world_random(p->rng) % (sizeof DRAW / sizeof *DRAW)];
    bool halves = part == RICH_SKIN && p->attr->marking == RICH_HALVES;

    if (p->told[part] || halves || !rich_has(p->attr, part))
        return;
    /* the two halves speak of the skin; a lens speaks of sunglasses, as frames do */
    if (part == RICH_MARKING && p->attr->marking == RICH_HALVES && p->told[RICH_SKIN])
        return;
    bool color = world_chance(p->rng, 0.85f);
    add_part(p, part, color, color ? (int)(world_random(p->rng) % 5) / 2 : 2);
}

static void try_trait(struct plan *p, bool deny)
{
    enum rich_trait t = (enum rich_trait)(world_random(p->rng) % RICH_TRAITS);
    const struct rich_trait_words *w = rich_trait_words(t);
    enum rich_truth want = deny ? RICH_NO : RICH_YES;

    if (rich_truth_of(p->attr, t) != want || told(p, w, t) || (deny && !w->without[0]))
        return;
    if (deny)
        add_denial(p, t);
    else
        add_trait(p, t);
}

size_t rich_caption(const struct rich_attr *attr, uint64_t *rng, struct rich_said *said, char *buf,
                    size_t cap)
{
    struct world_text t = {buf, cap, 0};
    struct rich_said own;
    struct plan p = begin(attr, rng, said ? said : &own);

    if (world_chance(rng, 0.04f)) {
        put_subject(&t, &p);
        return world_finish(&t);
    }
    float u = world_random_uniform(rng);
    int want = u < 0.28f ? 1 : u < 0.60f ? 2 : u < 0.83f ? 3 : u < 0.95f ? 4 : 5;
    while (p.count < want) {
        float kind = world_random_uniform(rng);
        if (kind < 0.30f)
            try_part(&p);
        else
            try_trait(&p, kind > 0.90f);
    }
    put_facts(&t, &p);
    return world_finish(&t);
}

size_t rich_caption_templated(const struct rich_attr *attr, uint64_t *rng,
                              const char *const *templates, size_t n, struct rich_said *said,
                              char *buf, size_t cap)
{
    if (n == 0 || !world_chance(rng, 0.3f))
        return rich_caption(attr, rng, said, buf, cap);

    char inner[RICH_CAPTION];
    struct world_text t = {buf, cap, 0};
    rich_caption(attr, rng, said, inner, sizeof inner);
    world_put_template(&t, templates[world_random(rng) % n], inner);
    return world_finish(&t);
}

size_t rich_caption_part(const struct rich_attr *attr, enum rich_part part, uint64_t *rng,
                         char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    struct rich_said said;
    struct plan p = begin(attr, rng, &said);

    add_part(&p, part, true, world_chance(rng, 0.15f) ? 1 : 0);
    put_facts(&t, &p);
    return world_finish(&t);
}

size_t rich_caption_trait(const struct rich_attr *attr, enum rich_trait trait, uint64_t *rng,
                          char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    struct rich_said said;
    struct plan p = begin(attr, rng, &said);
    enum rich_truth truth = rich_truth_of(attr, trait);

    if (truth == RICH_YES)
        add_trait(&p, trait);
    else if (truth == RICH_NO && rich_trait_words(trait)->without[0])
        add_denial(&p, trait);
    else
        return 0;
    put_facts(&t, &p);
    return world_finish(&t);
}

size_t rich_prompt_color(enum rich_part part, int color, char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    const char *noun = rich_part_nouns(part)[0];
    struct fact f = {.color = world_color_word(rich_part_like(part), color),
                     .text = noun,
                     .article = rich_noun_counted(part, noun)};

    world_put(&t, "face with ");
    put_phrase(&t, &f, true, true);
    return world_finish(&t);
}

size_t rich_prompt_trait(enum rich_trait trait, char *buf, size_t cap)
{
    struct world_text t = {buf, cap, 0};
    const struct rich_trait_words *w = rich_trait_words(trait);

    if (w->kind == RICH_FORM) {
        const char *noun = rich_form_noun(w);
        struct fact f = {.form = {w->adjectives[0]},
                         .text = noun,
                         .article =
                             w->part < 0 || rich_noun_counted((enum rich_part)w->part, noun)};
        world_put(&t, "face with ");
        put_phrase(&t, &f, true, true);
    } else if (w->adjectives[0]) {
        world_put(&t, w->adjectives[0]);
        world_put(&t, " face");
    } else {
        world_put(&t, w->kind == RICH_VIEW ? "face " : "face with ");
        world_put(&t, w->with[0]);
    }
    return world_finish(&t);
}
