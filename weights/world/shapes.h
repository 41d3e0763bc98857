/*
 * The shapes a portrait is made of, with their shading; used by render.c. A shape's
 * shading never depends on its colour.
 */
#ifndef WORLD_SHAPES_H
#define WORLD_SHAPES_H

#include "weights/world/canvas.h"

/* The portrait's measures, in units of 1/128 of the picture; v = 0 is at mid head. */
struct world_layout {
    struct world_frame body, head;
    float dir, light; /* -1..1; factor on everything lit */
    float face_w, face_top, face_chin, jaw, face_u;
    float hair_w, hair_top, hair_end, hair_wave, fringe_v, part_u;
    float yaw, nod; /* shift of the features, in units */
    float nose_u, nose_v, nose_w;
    float neck_w, collar;
};

/* One eye with its brow and lens; u grows outwards. */
struct world_eye {
    const struct world_layout *l;
    float w, up, low;            /* half width, height of the opening above and below 0 */
    float iris, iris_u, light_u; /* iris radius, its centre, where the highlight lies */
    float brow_w, brow_h, brow_arch;
    float lens_w, lens_h, lens_r;
};

struct world_mouth {
    const struct world_layout *l;
    float w, up, low, smile;
};

/* Ellipse or soft spot of constant shade. */
struct world_spot {
    float ru, rv, shade, strength;
};

/* arg: struct world_layout; in the body's frame */
world_shape world_draw_background, world_draw_neck, world_draw_shirt;

/* arg: struct world_layout; in the head's frame, the nose line about the tip of the nose */
world_shape world_draw_face, world_draw_hair_back, world_draw_hair_front, world_draw_nose_line;

/* arg: struct world_eye; about the middle of the eye, brow or lens */
world_shape world_draw_crease, world_draw_eye_white, world_draw_iris, world_draw_pupil;
world_shape world_draw_lid, world_draw_brow, world_draw_rim, world_draw_arm;

/* arg: struct world_mouth; about the middle of the mouth */
world_shape world_draw_lips;

/* arg: struct world_spot; about its middle */
world_shape world_draw_ellipse, world_draw_glow, world_draw_bridge;

#endif
