/* Tests of the attributes: what captions may say of a portrait. */
#include "weights/world/rich/words.h"

#include <math.h>

static enum rich_truth at_least(float value, float yes, float no)
{
    return value >= yes ? RICH_YES : value <= no ? RICH_NO : RICH_UNCLEAR;
}

static enum rich_truth at_most(float value, float yes, float no)
{
    return value <= yes ? RICH_YES : value >= no ? RICH_NO : RICH_UNCLEAR;
}

static enum rich_truth is(bool it) { return it ? RICH_YES : RICH_NO; }

static enum rich_truth both(enum rich_truth a, enum rich_truth b) { return a < b ? a : b; }

/* A form of a part that is there; without the part nothing is said. */
static enum rich_truth if_seen(bool seen, enum rich_truth truth)
{
    return seen ? truth : RICH_UNCLEAR;
}

/* Brows show above clear glasses, and below a hat only if they lie low enough. */
static bool brows_seen(const struct rich_attr *a) { return !rich_has(a, RICH_LENSES); }

static enum rich_truth expression(const struct rich_attr *a, enum rich_trait trait)
{
    float open = rich_past(a->mouth_open, RICH_OPEN_FROM);
    enum rich_truth smiling = at_least(a->smile, 0.45f, 0.10f);
    enum rich_truth opened =
        a->mouth_open < RICH_OPEN_FROM ? RICH_NO : at_least(open, 0.25f, -1.0f);

    switch (trait) {
    case RICH_SMILING: return smiling;
    case RICH_SAD: return at_most(a->smile, -0.40f, 0.0f);
    case RICH_LAUGHING: return both(smiling, both(opened, at_least(open, 0.40f, 0.05f)));
    case RICH_SERIOUS:
        return both(at_most(fabsf(a->smile), 0.18f, 0.35f),
                    both(is(opened == RICH_NO), at_most(fabsf(a->brow_slant), 0.5f, 0.7f)));
    case RICH_ANGRY:
        return if_seen(brows_seen(a),
                       both(at_least(a->brow_slant, 0.70f, 0.20f), at_most(a->smile, 0.0f, 0.40f)));
    case RICH_WORRIED:
        return if_seen(brows_seen(a), both(at_most(a->brow_slant, -0.70f, -0.20f),
                                           at_most(a->smile, 0.10f, 0.40f)));
    case RICH_SURPRISED:
        return if_seen(brows_seen(a), both(both(opened, at_least(a->eye_open, 0.7f, 0.4f)),
                                           both(at_least(a->brow_height, 0.65f, 0.4f),
                                                at_most(a->smile, 0.25f, 0.45f))));
    case RICH_OPEN_MOUTH: return opened;
    default: return is(opened == RICH_NO);
    }
}

static enum rich_truth hair_form(const struct rich_attr *a, enum rich_trait trait)
{
    bool seen = rich_has(a, RICH_HAIR), grown = seen && a->hair_length >= RICH_CROPPED_BELOW;

    switch (trait) {
    case RICH_LONG_HAIR: return if_seen(seen, at_least(a->hair_length, 0.66f, 0.48f));
    case RICH_SHORT_HAIR: return if_seen(seen, at_most(a->hair_length, 0.43f, 0.55f));
    case RICH_CROPPED_HAIR: return if_seen(seen, at_most(a->hair_length, 0.18f, 0.26f));
    case RICH_CURLY_HAIR: return if_seen(grown, at_least(a->hair_curl, 0.75f, 0.50f));
    case RICH_WAVY_HAIR:
        return if_seen(grown && a->hair_length > 0.5f, both(at_least(a->hair_curl, 0.45f, 0.25f),
                                                            at_most(a->hair_curl, 0.70f, 0.80f)));
    case RICH_STRAIGHT_HAIR: return if_seen(grown, at_most(a->hair_curl, 0.20f, 0.40f));
    default: return if_seen(grown && !rich_has(a, RICH_HAT), at_least(a->fringe, 0.75f, 0.40f));
    }
}

/* Forms of features and of things worn. */
static enum rich_truth form(const struct rich_attr *a, enum rich_trait trait)
{
    bool beard = rich_has(a, RICH_BEARD), moustache = rich_has(a, RICH_MOUSTACHE);
    bool glasses = rich_has(a, RICH_GLASSES), eyes = rich_has(a, RICH_EYES);
    float grown = rich_past(a->beard, RICH_BEARD_FROM);
    float thick = rich_past(a->moustache, RICH_MOUSTACHE_FROM);

    switch (trait) {
    case RICH_THICK_BROWS: return if_seen(brows_seen(a), at_least(a->brow_thickness, 0.70f, 0.45f));
    case RICH_THIN_BROWS: return if_seen(brows_seen(a), at_most(a->brow_thickness, 0.30f, 0.55f));
    case RICH_ARCHED_BROWS: return if_seen(brows_seen(a), at_least(a->brow_arch, 0.72f, 0.45f));
    case RICH_FLAT_BROWS: return if_seen(brows_seen(a), at_most(a->brow_arch, 0.28f, 0.55f));
    case RICH_BIG_EYES: return if_seen(eyes, at_least(a->eye_size, 0.70f, 0.45f));
    case RICH_SMALL_EYES: return if_seen(eyes, at_most(a->eye_size, 0.30f, 0.55f));
    case RICH_LONG_LASHES: return if_seen(eyes, at_least(a->lashes, 0.72f, 0.40f));
    case RICH_WIDE_NOSE: return if_seen(!a->clown, at_least(a->nose_width, 0.70f, 0.45f));
    case RICH_NARROW_NOSE: return if_seen(!a->clown, at_most(a->nose_width, 0.30f, 0.55f));
    case RICH_LONG_NOSE: return if_seen(!a->clown, at_least(a->nose_length, 0.70f, 0.45f));
    case RICH_SHORT_NOSE: return if_seen(!a->clown, at_most(a->nose_length, 0.30f, 0.55f));
    case RICH_FULL_LIPS: return at_least(a->lip_fullness, 0.70f, 0.45f);
    case RICH_THIN_LIPS: return at_most(a->lip_fullness, 0.30f, 0.55f);
    case RICH_WIDE_MOUTH: return at_least(a->mouth_width, 0.72f, 0.45f);
    case RICH_SMALL_MOUTH: return at_most(a->mouth_width, 0.28f, 0.55f);
    case RICH_WIDE_FACE: return at_least(a->head_width - 0.4f * a->head_height, 0.50f, 0.20f);
    case RICH_NARROW_FACE: return at_most(a->head_width - 0.4f * a->head_height, 0.10f, 0.40f);
    case RICH_SQUARE_JAW: return if_seen(!beard, at_least(a->jaw, 0.75f, 0.50f));
    case RICH_POINTED_CHIN: return if_seen(!beard, at_most(a->jaw, 0.22f, 0.50f));
    case RICH_STUBBLE: return beard ? at_most(grown, 0.12f, 0.25f) : RICH_NO;
    case RICH_LONG_BEARD: return if_seen(beard, at_least(grown, 0.65f, 0.45f));
    case RICH_SHORT_BEARD:
        return if_seen(beard, both(at_least(grown, 0.18f, 0.10f), at_most(grown, 0.40f, 0.60f)));
    case RICH_FULL_BEARD:
        return if_seen(beard && grown > 0.15f, at_least(a->beard_width, 0.65f, 0.40f));
    case RICH_GOATEE:
        return beard ? both(at_least(grown, 0.18f, 0.10f), at_most(a->beard_width, 0.22f, 0.45f))
                     : RICH_NO;
    case RICH_THICK_MOUSTACHE: return if_seen(moustache, at_least(thick, 0.55f, 0.35f));
    case RICH_THIN_MOUSTACHE: return if_seen(moustache, at_most(thick, 0.25f, 0.45f));
    case RICH_CURLED_MOUSTACHE:
        return if_seen(moustache, at_least(a->moustache_curl, 0.68f, 0.45f));
    case RICH_HANGING_MOUSTACHE:
        return if_seen(moustache, at_most(a->moustache_curl, 0.28f, 0.50f));
    case RICH_ROUND_GLASSES: return if_seen(glasses, at_most(a->glasses_shape, 0.33f, 0.55f));
    case RICH_SQUARE_GLASSES: return if_seen(glasses, at_least(a->glasses_shape, 0.67f, 0.45f));
    case RICH_V_NECK: return at_least(a->collar, 0.72f, 0.45f);
    case RICH_ROUND_NECK: return at_most(a->collar, 0.22f, 0.50f);
    default: return at_least(a->ears_pointed, 0.6f, 0.0f);
    }
}

enum rich_truth rich_truth_of(const struct rich_attr *a, enum rich_trait trait)
{
    bool hat = rich_has(a, RICH_HAT), rings = rich_has(a, RICH_EARRINGS);
    bool dark = rich_has(a, RICH_LENSES), glasses = rich_has(a, RICH_GLASSES);

    if (trait <= RICH_CLOSED_MOUTH)
        return expression(a, trait);
    if ((trait >= RICH_LONG_HAIR && trait <= RICH_STRAIGHT_HAIR) || trait == RICH_BANGS)
        return hair_form(a, trait);
    if (trait >= RICH_THICK_BROWS && trait <= RICH_POINTED_EARS)
        return form(a, trait);

    switch (trait) {
    case RICH_OLD: return at_least(a->age, 0.70f, 0.42f);
    case RICH_YOUNG: return at_most(a->age, 0.40f, 0.60f);
    case RICH_BALD: return if_seen(!hat, is(rich_bald(a)));
    case RICH_FRECKLED:
        return a->freckles < RICH_FRECKLES_FROM
                   ? RICH_NO
                   : at_least(rich_past(a->freckles, RICH_FRECKLES_FROM), 0.15f, -1.0f);
    case RICH_ROSY:
        return if_seen(a->marking == RICH_PLAIN && a->metal < 0.5f,
                       at_least(a->blush, 0.75f, 0.40f));
    case RICH_BEARDED: return is(rich_has(a, RICH_BEARD));
    case RICH_MOUSTACHED: return is(rich_has(a, RICH_MOUSTACHE));
    case RICH_WITH_GLASSES: return dark ? RICH_UNCLEAR : is(glasses);
    case RICH_WITH_SUNGLASSES: return is(dark);
    case RICH_WITH_HAT: return is(hat);
    case RICH_WITH_BEANIE: return is(hat && rich_hat_kind(a) == RICH_BEANIE);
    case RICH_WITH_CAP: return is(hat && rich_hat_kind(a) == RICH_CAP);
    case RICH_WITH_BRIM: return is(hat && rich_hat_kind(a) == RICH_BRIM);
    case RICH_WITH_EARRINGS: return is(rings);
    case RICH_WITH_STUDS: return is(rings && rich_earring_kind(a) == RICH_STUD);
    case RICH_WITH_HOOPS: return is(rings && rich_earring_kind(a) == RICH_HOOP);
    case RICH_WITH_DROPS: return is(rings && rich_earring_kind(a) == RICH_DROP);
    case RICH_MADE_UP: return dark ? RICH_UNCLEAR : is(rich_has(a, RICH_SHADOW));
    case RICH_HORNED: return is(a->horns);
    case RICH_CLOWN: return is(a->clown);
    case RICH_STRIPED: return is(a->marking == RICH_STRIPES);
    case RICH_TWO_COLORED: return is(a->marking == RICH_HALVES);
    case RICH_METALLIC: return at_least(a->metal, 0.6f, 0.0f);
    case RICH_FACING_LEFT: return at_most(a->yaw, -0.55f, 0.0f);
    case RICH_FACING_RIGHT: return at_least(a->yaw, 0.55f, 0.0f);
    case RICH_LIT_LEFT: return at_most(a->light_dir, -0.6f, 0.0f);
    default: return at_least(a->light_dir, 0.6f, 0.0f);
    }
}
