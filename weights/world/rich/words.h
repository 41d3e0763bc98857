/* What can be said of a portrait of the rich world besides colours: forms, expressions, ages and
 * things, each with its words, its opposite and a test on the attributes. Captions and
 * concepts.json are written from this table; see also captions.h. */
#ifndef RICH_WORDS_H
#define RICH_WORDS_H

#include <stddef.h>

#include "weights/world/rich/attr.h"

enum rich_trait {
    /* expressions */
    RICH_SMILING,
    RICH_SAD,
    RICH_LAUGHING,
    RICH_SERIOUS,
    RICH_ANGRY,
    RICH_WORRIED,
    RICH_SURPRISED,
    RICH_OPEN_MOUTH,
    RICH_CLOSED_MOUTH,
    /* ages */
    RICH_OLD,
    RICH_YOUNG,
    /* forms of a part */
    RICH_LONG_HAIR,
    RICH_SHORT_HAIR,
    RICH_CROPPED_HAIR,
    RICH_CURLY_HAIR,
    RICH_WAVY_HAIR,
    RICH_STRAIGHT_HAIR,
    RICH_THICK_BROWS,
    RICH_THIN_BROWS,
    RICH_ARCHED_BROWS,
    RICH_FLAT_BROWS,
    RICH_BIG_EYES,
    RICH_SMALL_EYES,
    RICH_LONG_LASHES,
    RICH_WIDE_NOSE,
    RICH_NARROW_NOSE,
    RICH_LONG_NOSE,
    RICH_SHORT_NOSE,
    RICH_FULL_LIPS,
    RICH_THIN_LIPS,
    RICH_WIDE_MOUTH,
    RICH_SMALL_MOUTH,
    RICH_WIDE_FACE,
    RICH_NARROW_FACE,
    RICH_SQUARE_JAW,
    RICH_POINTED_CHIN,
    RICH_STUBBLE,
    RICH_LONG_BEARD,
    RICH_SHORT_BEARD,
    RICH_FULL_BEARD,
    RICH_GOATEE,
    RICH_THICK_MOUSTACHE,
    RICH_THIN_MOUSTACHE,
    RICH_CURLED_MOUSTACHE,
    RICH_HANGING_MOUSTACHE,
    RICH_ROUND_GLASSES,
    RICH_SQUARE_GLASSES,
    RICH_V_NECK,
    RICH_ROUND_NECK,
    RICH_POINTED_EARS,
    /* things that are there or not */
    RICH_BALD,
    RICH_BANGS,
    RICH_FRECKLED,
    RICH_ROSY,
    RICH_BEARDED,
    RICH_MOUSTACHED,
    RICH_WITH_GLASSES,
    RICH_WITH_SUNGLASSES,
    RICH_WITH_HAT,
    RICH_WITH_BEANIE,
    RICH_WITH_CAP,
    RICH_WITH_BRIM,
    RICH_WITH_EARRINGS,
    RICH_WITH_STUDS,
    RICH_WITH_HOOPS,
    RICH_WITH_DROPS,
    RICH_MADE_UP,
    RICH_HORNED,
    RICH_CLOWN,
    RICH_STRIPED,
    RICH_TWO_COLORED,
    RICH_METALLIC,
    /* where the face points and the light comes from */
    RICH_FACING_LEFT,
    RICH_FACING_RIGHT,
    RICH_LIT_LEFT,
    RICH_LIT_RIGHT,
    RICH_TRAITS
};

enum rich_kind { RICH_EXPRESSION, RICH_AGE, RICH_FORM, RICH_THING, RICH_VIEW, RICH_KINDS };

/* Between "big" and "not big" lie eyes of which captions say neither. */
enum rich_truth { RICH_NO, RICH_UNCLEAR, RICH_YES };

enum rich_truth rich_truth_of(const struct rich_attr *attr, enum rich_trait trait);

/* The words of a trait. Lists end with NULL and may be empty.
 * adjectives: before the person ("smiling") or, for a form, before the part ("curly").
 * with: after "with" or "wearing" ("a beard"); for a view, at the end ("lit from the left").
 * without: whole phrases that deny it ("without a beard"). */
enum { RICH_WORDS = 5 };
struct rich_trait_words {
    enum rich_kind kind;
    int part;       /* the part whose form or presence it tells, or -1 */
    const char *of; /* the noun of a form whose noun is no part's ("face"), or NULL */
    int opposite;   /* another trait, or -1 */
    bool worn;      /* "wearing" is good English, too */
    const char *adjectives[RICH_WORDS];
    const char *with[RICH_WORDS];
    const char *without[RICH_WORDS];
};
const struct rich_trait_words *rich_trait_words(enum rich_trait trait);

/* The first word of a trait, its name in tables. */
const char *rich_trait_name(const struct rich_trait_words *words);
/* The noun whose form a trait of kind RICH_FORM tells. */
const char *rich_form_noun(const struct rich_trait_words *words);

enum { RICH_NOUNS = 6 };
/* The nouns of a part, the plain one first; NULL-terminated, static storage. */
const char *const *rich_part_nouns(enum rich_part part);
/* Whether a noun of the part goes with "is" ("hair is"), and whether it takes "a" ("a beard"). */
bool rich_noun_singular(enum rich_part part, const char *noun);
bool rich_noun_counted(enum rich_part part, const char *noun);

#endif
