/* The rich world: drawn portraits with beards, ages, hats, expressions and things that nature does
 * not know, each with its truth. The world of world.h is the smaller, earlier one.
 *
 * A portrait is a struct rich_attr. Its natural part comes from z, whose dimensions are ordered
 * by groups. A generator can be trained on mixtures that take each group from another face, one
 * group for each pair of W+ layers. Named colours, horns and the like, which only CLIP sees, are
 * set on top of a natural portrait by rich_attr_random_any or by hand. */
#ifndef RICH_ATTR_H
#define RICH_ATTR_H

#include <stdbool.h>
#include <stdint.h>

#include "weights/world/color.h"

/* What a pixel can belong to. */
enum rich_part {
    RICH_BACKGROUND,
    RICH_SHIRT,
    RICH_SKIN,
    RICH_HAIR,
    RICH_BROWS,
    RICH_BEARD,
    RICH_MOUSTACHE,
    RICH_HAT,
    RICH_EYES, /* the iris */
    RICH_WHITES,
    RICH_SHADOW, /* make-up on the upper lids */
    RICH_LIPS,
    RICH_TEETH,
    RICH_EARRINGS,
    RICH_GLASSES,             /* the frames */
    RICH_LENSES,              /* of sunglasses */
    RICH_NATURAL,             /* the parts up to here have a natural colour of their own */
    RICH_NOSE = RICH_NATURAL, /* skin, unless it has a colour of its own or is a clown's */
    RICH_EARS,                /* skin, unless they have a colour of their own */
    RICH_MARKING,             /* tiger stripes, or the other half of a face of two colours */
    RICH_HORNS,
    RICH_PARTS
};

/* The groups. Group g is meant for the W+ layers 2 g and 2 g + 1 of a generator of 256 pixels,
 * which has 14 layers. Light comes before the colours: a network that has shaded a part can still
 * give it any colour by scaling, but one that has coloured it would have to shade three channels.
 */
enum rich_group {
    RICH_POSE,     /* where the head is and looks */
    RICH_HEAD,     /* shape of head and hair; the hat */
    RICH_FEATURES, /* brows, eyes, nose, mouth, expression */
    RICH_DETAIL,   /* age, freckles, beard, moustache, glasses, earrings, lashes */
    RICH_LIGHT,
    RICH_BROAD, /* colours of background, shirt, skin, hair, brows, beard, moustache, hat */
    RICH_SMALL, /* colours of the other parts, blush */
    RICH_GROUPS
};

enum rich_hat { RICH_BEANIE, RICH_CAP, RICH_BRIM, RICH_HATS };
enum rich_earring { RICH_STUD, RICH_HOOP, RICH_DROP, RICH_EARRING_FORMS };
enum rich_marking { RICH_PLAIN, RICH_STRIPES, RICH_HALVES, RICH_MARKINGS };

/* Numbers are 0..1 unless said; 0.5 is the median of the natural world. */
struct rich_attr {
    /* pose */
    float yaw;     /* -1..1: the face turns to the picture's left .. right */
    float nod;     /* -1..1: looks up .. down */
    float tilt;    /* -1..1: the head leans to the left .. right */
    float place_x; /* -1..1: the whole figure stands left .. right */
    float place_y; /* -1..1: high .. low */
    /* head and hair */
    float head_width;
    float head_height;
    float jaw;  /* pointed .. square */
    float chin; /* short .. long */
    float ear_size;
    float neck_width;
    float shoulders;   /* narrow .. broad */
    float collar;      /* round neck .. deep V */
    float hair_length; /* bald, cropped, short .. below the shoulders; see rich_bald */
    float hair_volume;
    float hair_curl; /* straight, wavy, curly */
    float fringe;    /* high hairline .. fringe down to the brows */
    float parting;   /* -1..1: from the left .. right */
    float hat_on;    /* a hat is worn from RICH_HAT_FROM on */
    float hat_kind;  /* thirds: beanie, cap, hat with a brim; see rich_hat_kind */
    /* features */
    float brow_thickness;
    float brow_arch;
    float brow_height;
    float brow_slant; /* -1..1: worried (inner ends up) .. angry (inner ends down) */
    float eye_size;
    float eye_spacing;
    float eye_open;
    float eye_slant; /* -1..1: outer corners down .. up */
    float gaze;      /* -1..1: the eyes look left .. right */
    float nose_width;
    float nose_length;
    float mouth_width;
    float lip_fullness;
    float smile;      /* -1..1: sad, neutral, smiling; from -0.6 in nature */
    float mouth_open; /* closed up to RICH_OPEN_FROM, then ever wider */
    /* detail */
    float age;            /* smooth up to 0.4, then ever more wrinkles */
    float freckles;       /* none up to RICH_FRECKLES_FROM, then ever more */
    float beard;          /* none up to RICH_BEARD_FROM, then stubble .. long */
    float beard_width;    /* goatee .. up to the ears */
    float moustache;      /* none up to RICH_MOUSTACHE_FROM, then thin .. thick */
    float moustache_curl; /* ends hang .. curl up */
    float glasses_on;     /* worn from RICH_GLASSES_FROM on */
    float glasses_shape;  /* round .. square */
    float glasses_size;
    float glasses_dark;  /* clear up to RICH_DARK_FROM, then sunglasses */
    float earrings_on;   /* worn from RICH_EARRINGS_FROM on */
    float earrings_kind; /* thirds: stud, hoop, drop; see rich_earring_kind */
    float lashes;
    /* small colours that are amounts */
    float shadow; /* make-up on the lids: none up to RICH_SHADOW_FROM, then ever stronger */
    float blush;
    /* light */
    float light_dir;    /* -1..1: light from the left .. right */
    float light_height; /* from the front .. from above */
    float light;        /* dim .. bright */
    float light_warm;   /* cool .. warm */
    float contrast;     /* soft .. hard */

    float color[RICH_PARTS][3]; /* sRGB, 0..1 */
    int color_name[RICH_PARTS]; /* colour word, see rich_color_word */

    /* what nature does not know; all zero in the natural world */
    float ears_pointed; /* 0..1 */
    float metal;        /* 0 skin .. 1 polished metal */
    bool horns, clown;  /* clown: a ball on the nose */
    bool nose_own;      /* the nose has a colour of its own */
    bool ears_own;      /* the ears have a colour of their own */
    enum rich_marking marking;
};

#define RICH_HAT_FROM       0.76f
#define RICH_OPEN_FROM      0.60f
#define RICH_FRECKLES_FROM  0.68f
#define RICH_BEARD_FROM     0.66f
#define RICH_MOUSTACHE_FROM 0.62f
#define RICH_GLASSES_FROM   0.66f
#define RICH_DARK_FROM      0.62f
#define RICH_EARRINGS_FROM  0.64f
#define RICH_SHADOW_FROM    0.72f
#define RICH_BALD_BELOW     0.07f
#define RICH_CROPPED_BELOW  0.20f

/* Whether the part is there and not hidden by another (hair by a hat, eyes by sunglasses, ...). */
bool rich_has(const struct rich_attr *attr, enum rich_part part);
bool rich_bald(const struct rich_attr *attr);
enum rich_hat rich_hat_kind(const struct rich_attr *attr);
enum rich_earring rich_earring_kind(const struct rich_attr *attr);

/* How far `value` is past `from`, as 0..1; 0 below it. */
float rich_past(float value, float from);

/* z has one dimension for each number, three for each natural colour. */
enum { RICH_FIELDS = 55, RICH_Z = RICH_FIELDS + 3 * RICH_NATURAL };

/* The numbers of struct rich_attr that nature knows, in the order of the groups, i < RICH_FIELDS:
 * name, group and value, for tables and read-outs. rich_set_number takes the place in the natural
 * range, 0..1. */
const char *rich_number_name(int i);
enum rich_group rich_number_group(int i);
float rich_number(const struct rich_attr *attr, int i);
void rich_set_number(struct rich_attr *attr, int i, float part);
/* Gives `to` the number that `from` has. */
void rich_copy_number(struct rich_attr *to, const struct rich_attr *from, int i);

/* The dimension of z that number i follows. */
int rich_number_dimension(int i);

/* The group of a dimension of z. Groups are contiguous and in order. */
enum rich_group rich_z_group(int dimension);

/* The natural portrait of z, which is first scaled to unit root mean square (a zero z gives the
 * median portrait). Every number is a monotone function of one dimension, but for the moustache,
 * which leans towards the beard. A colour follows three dimensions; those of brows, beard and
 * moustache lean towards the hair's. */
void rich_attr_from_z(const float z[RICH_Z], struct rich_attr *attr);

/* Style mixing with a rendered truth: group g (numbers and colours) comes from *from[g]. What
 * nature does not know comes from from[RICH_DETAIL]. out may be one of them. */
void rich_attr_mix(const struct rich_attr *const from[RICH_GROUPS], struct rich_attr *out);

/* A portrait of the natural world; z, if not NULL, receives its z (unit rms). */
void rich_attr_random_natural(uint64_t *rng, struct rich_attr *attr, float z[RICH_Z]);

/* A portrait of the whole world. Old people have grey hair more often, and things are more
 * frequent than in nature. Each part has a named colour with probability one half, and about a
 * third have pointed ears, horns, a clown's nose, a marked face or a metal skin. */
void rich_attr_random_any(uint64_t *rng, struct rich_attr *attr);

/* Gives a part a named colour: jittered by rng, or its exact centre where rng is NULL. A nose
 * or ears become parts of their own by it; the nose of a clown is one already. */
void rich_attr_set_color(struct rich_attr *attr, enum rich_part part, enum world_color color,
                         uint64_t *rng);

/* The name of a part, "background" ... "horns", in static storage. */
const char *rich_part_name(enum rich_part part);

/* The older world's part whose colour words and natural colours this part shares. */
enum world_part rich_part_like(enum rich_part part);

/* Whether the natural world has that colour word for the part; see world_color_word. */
bool rich_color_is_natural(enum rich_part part, int id);

/* The colour word a part has, in static storage. */
const char *rich_color_word(const struct rich_attr *attr, enum rich_part part);

#endif
