/*
 * A small world of drawn portraits with ground truth.
 *
 * A portrait is a struct world_attr: some thirty numbers for its form and light, and one
 * sRGB colour for each part. world_render draws it; the same attributes give the same
 * picture, and a part's pixels are its colour times a shading that does not depend on the
 * colour, so the counterfactual of a picture is the same attributes with another colour.
 *
 * The natural world is the image of world_attr_from_z: lips from pink to brown, hair from
 * black to blond, and so on. In the whole world (world_attr_random_any) every part may
 * also have any of the named colours.
 *
 * The functions keep no state; random ones take the caller's, any 64-bit number to begin
 * with. They may be called from several threads, each with its own state.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "weights/world/color.h"

/*
 * The dimensions of z. 0 .. WORLD_Z_FORM - 1 are geometry, in the order of the fields of
 * struct world_attr from head_width to neck_width; then light_dir, light, blush; then three
 * for each part's colour in the order of enum world_part: where it lies on the path of the
 * part's natural colours, its lightness, its warmth.
 */
enum { WORLD_Z_FORM = 29, WORLD_Z = WORLD_Z_FORM + 3 + 3 * WORLD_PARTS };

/* Numbers are 0..1 unless said; 0.5 is the median of the natural world. */
struct world_attr {
    float head_width;
    float head_height;
    float jaw;         /* narrow .. wide */
    float yaw;         /* -1..1: the face turns to the picture's left .. right */
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
    int color_name[WORLD_PARTS]; /* colour word, see world_color_word */
};

/* glasses_on is uniform in the natural world, so 40 % wear glasses. */
#define WORLD_GLASSES_FROM 0.6f

/* Whether the portrait wears glasses, so that their colour and shape show. */
bool world_has_glasses(const struct world_attr *attr);

/*
 * The natural portrait of z. z is first scaled to unit root mean square, so its length
 * does not matter (a zero z gives the median portrait); then every attribute is a smooth
 * monotone function of its own dimension and every colour one of its own three.
 */
void world_attr_from_z(const float z[WORLD_Z], struct world_attr *attr);

/*
 * Style mixing with a rendered truth: the geometry of `form` (glasses worn or not and their
 * shape included), the light, blush and all part colours of `color`. out may be either.
 */
void world_attr_mix(const struct world_attr *form, const struct world_attr *color,
                    struct world_attr *out);

/* Random numbers from the caller's 64-bit state (splitmix64). */
uint64_t world_random(uint64_t *rng);
float world_random_uniform(uint64_t *rng); /* 0 <= u < 1 */
float world_random_normal(uint64_t *rng);

/* A portrait of the natural world; z, if not NULL, receives its z (unit rms). */
void world_attr_random_natural(uint64_t *rng, struct world_attr *attr, float z[WORLD_Z]);

/*
 * A portrait of the whole world: natural form; each part's colour is natural with
 * probability 0.45, else one of the named colours. Half of them wear glasses.
 */
void world_attr_random_any(uint64_t *rng, struct world_attr *attr);

/* Gives a part a named colour: jittered by rng, or its exact centre where rng is NULL. */
void world_attr_set_color(struct world_attr *attr, enum world_part part, enum world_color color,
                          uint64_t *rng);

/* Sizes that world_render accepts. */
enum { WORLD_SIZE_MIN = 32, WORLD_SIZE_MAX = 512 };

/*
 * Draws the portrait. rgb: [3][size][size] planes in -1..1, rows from the top.
 * masks: NULL, or [WORLD_PARTS][size][size], which receive in 0..1 how much of each pixel
 * shows that part in the finished picture (what belongs to no part, as the white of the
 * eye, is 0 in all). Returns false, having written nothing, if size is out of range.
 */
bool world_render(const struct world_attr *attr, int size, float *rgb, float *masks);

#endif
