/* A small world of drawn portraits with ground truth.
 *
 * A portrait is a struct world_attr: 32 numbers for form and light, and one sRGB colour for each
 * part. world_render() draws it, and equal attributes give equal pictures. The pixels of a part are
 * its colour times a shading that does not depend on the colour. So the counterfactual of a picture
 * is drawn from the same attributes with another colour.
 *
 * The natural world is all that world_attr_from_z() makes: lips from pink to brown, hair from black
 * to blond, and so on. In the whole world (world_attr_random_any()) every part may also have any of
 * the named colours.
 *
 * The functions keep no state. Random ones take the caller's state, which may be any 64-bit number
 * at first. They may be called from several threads, each with a state of its own. */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "weights/world/color.h"

/* The dimensions of z:
 *     0 .. WORLD_Z_FORM - 1   geometry: the fields of struct world_attr from head_width to
 * neck_width 3 more                  light_dir, light, blush 3 for each part         the part's
 * colour, in the order of enum world_part: the place on the path of the part's natural colours,
 * lightness, warmth */
enum { WORLD_Z_FORM = 29, WORLD_Z = WORLD_Z_FORM + 3 + 3 * WORLD_PARTS };

/* The attributes of a portrait. Numbers are 0..1 if no other range is given; 0.5 is the median of
 * the natural world. The comments name both ends of a range. */
struct world_attr {
    float head_width;
    float head_height;
    float jaw;         /* narrow .. wide */
    float yaw;         /* -1..1: the face turns to the left .. right of the picture */
    float nod;         /* -1..1: looks up .. down */
    float tilt;        /* -1..1: the head leans to the left .. right */
    float hair_length; /* above the ears .. below the shoulders */
    float hair_volume;
    float hair_wave; /* straight .. wavy */
    float fringe;    /* high hairline .. fringe down to the brows */
    float parting;   /* -1..1: from the left .. right */
    float brow_thickness;
    float brow_arch;
    float brow_height;
    float brow_slant; /* -1..1: inner ends up .. down */
    float eye_size;
    float eye_spacing;
    float eye_open;
    float eye_slant; /* -1..1: outer corners down .. up */
    float nose_width;
    float nose_length;
    float mouth_width;
    float lip_fullness;
    float smile;         /* -0.3..1 */
    float glasses_on;    /* glasses are worn from WORLD_GLASSES_FROM on */
    float glasses_shape; /* round .. square */
    float glasses_size;
    float collar; /* round neck .. deep V */
    float neck_width;
    float light_dir; /* -1..1: light from the left .. right */
    float light;     /* dim .. bright */
    float blush;
    float color[WORLD_PARTS][3]; /* sRGB, 0..1 */
    int color_name[WORLD_PARTS]; /* number of the colour word, as world_color_word() takes it */
};

/* The value of glasses_on from which glasses are worn. The natural world is uniform in glasses_on,
 * so 40 % wear glasses. */
#define WORLD_GLASSES_FROM 0.6f

/* Whether the portrait wears glasses. */
bool world_has_glasses(const struct world_attr *attr);

/* Makes the natural portrait of z. z is first scaled to a root mean square of 1, so its length does
 * not matter; a zero z gives the median portrait. Then every attribute is a smooth monotone
 * function of one dimension, and every colour a function of three. */
void world_attr_from_z(const float z[WORLD_Z], struct world_attr *attr);

/* Mixes two portraits as StyleGAN mixes styles: the geometry of `form`, glasses included, with the
 * light, blush and colours of `color`. out may be either of them. */
void world_attr_mix(const struct world_attr *form, const struct world_attr *color,
                    struct world_attr *out);

/* Random numbers from the caller's 64-bit state (splitmix64): 64 random bits, uniform, normal. */
uint64_t world_random(uint64_t *rng);
float world_random_uniform(uint64_t *rng); /* 0 <= u < 1 */
float world_random_normal(uint64_t *rng);

/* Draws a portrait of the natural world at random. z, if not NULL, receives its z, scaled to a root
 * mean square of 1. */
void world_attr_random_natural(uint64_t *rng, struct world_attr *attr, float z[WORLD_Z]);

/* Draws a portrait of the whole world at random. The form is natural. Each part has a natural
 * colour with probability 0.45, else one of the named colours. Half of the portraits wear
 * glasses. */
void world_attr_random_any(uint64_t *rng, struct world_attr *attr);

/* An example of a named colour: jittered by rng, or its exact centre where rng is NULL. */
void world_color_sample(enum world_color color, uint64_t *rng, float rgb[3]);
/* Gives a part a named colour: the exact colour if rng is NULL, else one that varies around it. */
void world_attr_set_color(struct world_attr *attr, enum world_part part, enum world_color color,
                          uint64_t *rng);

/* The sizes in pixels that world_render() accepts. */
enum { WORLD_SIZE_MIN = 32, WORLD_SIZE_MAX = 512 };

/* Draws a portrait into rgb[3][size][size], in -1..1, rows from the top. masks, if not NULL, is
 * [WORLD_PARTS][size][size] and receives how much of each pixel shows each part in the finished
 * picture, in 0..1. Pixels of no part, as the white of the eye, are 0 in all masks. Returns false,
 * and writes nothing, if size is out of range. */
bool world_render(const struct world_attr *attr, int size, float *rgb, float *masks);

#endif
