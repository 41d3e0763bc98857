/* Colours of the portrait world: CIE Lab, colour difference, and the words for colours.
 *
 * Every part (lips, hair, ...) has a list of colour words, numbered from 0. The first WORLD_COLORS
 * words are the same for all parts: enum world_color, the named colours, which any part may have in
 * the whole world. Words of the part's own follow, such as "blond". A word that is both natural and
 * named, as "red" for lips, has one number.
 *
 * Colours are sRGB, three floats in 0..1, unless they are called lab. The functions keep no state
 * and may be called from several threads. */
#ifndef WORLD_COLOR_H
#define WORLD_COLOR_H

enum world_part {
    WORLD_BACKGROUND,
    WORLD_SHIRT,
    WORLD_SKIN,
    WORLD_HAIR,
    WORLD_BROWS,
    WORLD_EYES, /* the iris */
    WORLD_LIPS,
    WORLD_GLASSES,
    WORLD_PARTS
};

enum world_color {
    WORLD_RED,
    WORLD_ORANGE,
    WORLD_YELLOW,
    WORLD_GREEN,
    WORLD_CYAN,
    WORLD_BLUE,
    WORLD_PURPLE,
    WORLD_PINK,
    WORLD_BROWN,
    WORLD_BLACK,
    WORLD_GRAY,
    WORLD_WHITE,
    WORLD_COLORS
};

/* A named colour. jitter is the standard deviation of each sRGB channel around rgb. */
struct world_named {
    const char *name;
    float rgb[3];
    float jitter;
};

/* A named colour, in static storage; color must be below WORLD_COLORS. */
const struct world_named *world_named(enum world_color color);

/* The name of a part, from "background" to "glasses", in static storage. */
const char *world_part_name(enum world_part part);

/* The number of colour words of a part; the words are numbered from 0 to count - 1. */
int world_color_count(enum world_part part);

/* The colour word with the number `id`, in static storage, or NULL if the part has no such word. */
const char *world_color_word(enum world_part part, int id);

/* Whether the natural world has the word for the part: brown hair yes, green hair no. */
int world_color_is_natural(enum world_part part, int id);

/* The number of the word nearest to rgb by CIEDE2000: among all words of the part, or among the
 * natural ones only. A word that is both natural and named has two colours, of which the nearer
 * counts. */
int world_color_nearest(enum world_part part, const float rgb[3]);
int world_color_nearest_natural(enum world_part part, const float rgb[3]);

/* Convert between sRGB and CIE L*a*b* (D65, 2 degrees). Lab colours outside sRGB are clamped to
 * 0..1. */
void world_srgb_to_lab(const float rgb[3], float lab[3]);
void world_lab_to_srgb(const float lab[3], float rgb[3]);

/* CIEDE2000 difference of two sRGB colours; about 1 is just noticeable, 0 is equal. */
float world_delta_e(const float rgb_a[3], const float rgb_b[3]);
/* CIEDE2000 difference of two Lab colours. */
float world_delta_e_lab(const float a[3], const float b[3]);

#endif
