/* The measures of a portrait of the rich world and the shapes it is made of; used by render.c.
 * Lengths are units of 1/128 of the picture. In the head's frame v = 0 is the line of the eyes. */
#ifndef RICH_SHAPES_H
#define RICH_SHAPES_H

#include "weights/world/rich/canvas.h"

/* A bell-shaped hill (height > 0) or hollow of the face, which catches the light. */
struct rich_bump {
    float u, v, ru, rv, height;
};

/* The light: its direction (towards it, unit length), and that of the highlight. */
struct rich_light {
    float x, y, z, hx, hy, hz;
    float key, fill; /* shade = fill + key * cosine: 1 where the surface faces the viewer */
};

enum { RICH_BUMPS = 20, RICH_HOLLOWS = 12 };

struct rich_layout {
    const struct rich_attr *a;
    struct world_frame body, head;
    struct rich_light light;
    float yaw, nod; /* how far the middle of the face is shifted */
    float face_w, face_top, face_chin, face_u, jaw, taper;
    float eye_u, nose_v, mouth_v, nose_w;
    float nose_u, mouth_u; /* where yaw brings them */
    float ear_u, ear_v;
    float neck_w, shoulder;
    float hair_w, hair_top, hair_end, curl, hairline, part_u;
    bool short_hair; /* ends above the ears */
    float hat_edge;  /* v of the hat's lower edge in the middle; above the hair if none is worn */
    float beard_low; /* v of the beard's tip */
    float brow_up, eye_shut, cheek;        /* what the expression does to other features */
    struct rich_bump bump[RICH_BUMPS];     /* shape */
    struct rich_bump hollow[RICH_HOLLOWS]; /* shadow: height is how dark */
    int bumps, hollows;
};

void rich_lay_out(const struct rich_attr *attr, struct rich_layout *l);

/* Where the point (s, t) of a face that looks straight ahead goes; depth 1 lies on the face. */
struct rich_point {
    float u, v, stretch; /* stretch: how wide things look there */
};
struct rich_point rich_on_face(const struct rich_layout *l, float s, float t, float depth);

/* Shade and gloss of a surface whose height falls by gx, gy towards the right and downwards. */
static inline float rich_lit(const struct rich_light *light, float gx, float gy, float polish,
                             float *gloss)
{
    float inv = 1.0f / sqrtf(1.0f + gx * gx + gy * gy);
    float facing = (light->z + gx * light->x + gy * light->y) * inv;
    float h = (light->hz + gx * light->hx + gy * light->hy) * inv;
    facing = facing < -0.2f ? -0.2f : facing;
    h = h < 0.0f ? 0.0f : h;
    h *= h;
    h *= h;
    h *= h;
    *gloss = polish * h * h * h;
    return light->fill + light->key * facing;
}

/* Light on skin; polished metal mirrors a bright sky above a dark ground instead. */
static inline float rich_skin_lit(const struct rich_layout *l, float gx, float gy, float polish,
                                  float *gloss)
{
    float metal = l->a->metal, lit = rich_lit(&l->light, gx, gy, polish, gloss);
    float inv = 1.0f / sqrtf(1.0f + 2.2f * (gx * gx + gy * gy));
    float up = -1.5f * (gy - 0.45f * gx * l->light.x) * inv;
    float sky = 0.66f + 0.40f * up + 0.50f * world_bell((up - 0.28f) * 3.4f) -
                0.34f * world_bell((up + 0.16f) * 3.8f) - 0.35f * (gx * gx) * inv;
    float glare = world_bell((up - 0.30f) * 5.5f) + 0.5f * world_bell((up + 0.5f) * 6.0f);

    *gloss += metal * (0.26f * glare + 2.0f * *gloss);
    return lit + metal * (0.15f + 0.20f * lit + 0.75f * sky - lit);
}

/* Fine irregular lines across s that change slowly along t; -1..1. */
static inline float rich_strands(float s, float t)
{
    float warp = 0.7f * world_wave(0.31f * s + 0.17f * t);
    return 0.45f * world_wave(s + warp) + 0.33f * world_wave(2.37f * s + 1.9f * warp + 0.23f * t) +
           0.22f * world_wave(4.81f * s - 0.35f * t - warp);
}

static inline float rich_squared(float x) { return x * x; }

/* Signed distance, roughly, outside an ellipse. */
static inline float rich_ellipse(float u, float v, float ru, float rv)
{
    float x = u / ru, y = v / rv;
    return 0.5f * (x * x + y * y - 1.0f) /
           sqrtf(rich_squared(x / ru) + rich_squared(y / rv) + 1e-6f);
}

/* A soft line: an arc of height `bend` over 2 * half, thinning out towards its ends. */
struct rich_crease {
    float half, bend, width, strength, shade;
};
rich_shape rich_draw_crease;

/* A ball, disc or soft spot about the frame's origin. */
struct rich_spot {
    const struct rich_layout *l;
    float ru, rv, strength, shade, polish;
};
rich_shape rich_draw_disc; /* flat, sharp edge */
rich_shape rich_draw_ball; /* lit as a sphere */

/* ---- face.c; arg: struct rich_layout, in the head's frame ---- */

float rich_face_distance(const struct rich_layout *l, float u, float v);
/* The light on the bare face, for everything painted on it. */
void rich_face_light(const struct rich_layout *l, const struct rich_row *row);
rich_shape rich_draw_face, rich_draw_own_nose, rich_draw_stripes, rich_draw_half;
rich_shape rich_draw_freckles, rich_draw_blush, rich_draw_nose_line;

/* arg: struct rich_ear; about the ear's middle, u grows outwards */
struct rich_ear {
    const struct rich_layout *l;
    float ru, rv, point;
    float side;
};
rich_shape rich_draw_ear;

/* ---- body.c; arg: struct rich_layout, in the body's frame ---- */
rich_shape rich_draw_background, rich_draw_neck, rich_draw_shirt;

/* ---- hair.c; arg: struct rich_layout, in the head's frame ---- */
/* Lower edge of hair or hat over the forehead. */
float rich_fringe(const struct rich_layout *l, float u);
rich_shape rich_draw_hair_back, rich_draw_hair_front, rich_draw_beard;

/* arg: struct rich_wing; about the middle under the nose, one side, u grows outwards */
struct rich_wing {
    const struct rich_layout *l;
    float length, thick, curl;
};
rich_shape rich_draw_moustache;

/* ---- eyes.c; u grows outwards ---- */
struct rich_eye {
    const struct rich_layout *l;
    float side, stretch;
    float w, up, low;   /* half width; height of the opening above and below 0 */
    float iris, gaze_u; /* iris radius and where it looks */
    float lashes, shadow;
    float brow_w, brow_h, brow_arch;
    float lens_w, lens_h, lens_r, arm; /* half sizes, corner radius; where the arm ends */
};
rich_shape rich_draw_socket, rich_draw_eyeshadow, rich_draw_white, rich_draw_iris, rich_draw_pupil;
rich_shape rich_draw_lid, rich_draw_lashes, rich_draw_brow;
rich_shape rich_draw_rim, rich_draw_lens, rich_draw_arm, rich_draw_bridge;

/* ---- mouth.c; about the middle of the mouth ---- */
struct rich_mouth {
    const struct rich_layout *l;
    float w, up, low, lift; /* half width, lips' heights, how far the corners rise */
    float open;             /* gap between the lips in the middle */
};
rich_shape rich_draw_lips, rich_draw_mouth_inside, rich_draw_teeth, rich_draw_tongue;

/* ---- things.c; arg: struct rich_layout, in the head's frame ---- */
rich_shape rich_draw_beanie, rich_draw_beanie_fold, rich_draw_cap, rich_draw_visor;
rich_shape rich_draw_crown, rich_draw_ribbon, rich_draw_brim;

/* arg: struct rich_spot; a ring, a drop */
rich_shape rich_draw_hoop, rich_draw_drop;

/* arg: struct rich_layout; about the foot of the horn, u grows outwards */
rich_shape rich_draw_horn;

#endif
