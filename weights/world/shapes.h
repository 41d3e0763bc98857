/* The shapes of which render.c makes a portrait, with their shading. The shading of a shape never
 * depends on its colour. */
#ifndef WORLD_SHAPES_H
#define WORLD_SHAPES_H

#include "weights/world/canvas.h"

/* The measures of a portrait, in units of 1/128 of the picture. v = 0 is the middle of the head. */
struct world_layout {
    struct world_frame body, head;
    float dir, light; /* direction of the light, -1..1; its strength, a factor of all lit shapes */
    float face_w, face_top, face_chin, jaw, face_u;
    float hair_w, hair_top, hair_end, hair_wave, fringe_v, part_u;
    float yaw, nod; /* shift of the features to the right and down */
    float nose_u, nose_v, nose_w;
    float neck_w, collar;
};

/* One eye with its brow and lens. u grows outwards. */
struct world_eye {
    const struct world_layout *l;
    float w, up, low;            /* half width, height of the opening above and below 0 */
    float iris, iris_u, light_u; /* iris radius, its centre, where the highlight lies */
    float brow_w, brow_h, brow_arch;
    float lens_w, lens_h, lens_r;
};

/* The mouth: half its width, height of the upper and lower lip, curvature. */
struct world_mouth {
    const struct world_layout *l;
    float w, up, low, smile;
};

/* An ellipse or soft spot: its half axes, its shade, and its coverage in the middle. */
struct world_spot {
    float ru, rv, shade, strength;
};

/* Shapes in the frame of the body; arg: struct world_layout. */
world_shape world_draw_background, world_draw_neck, world_draw_shirt;

/* Shapes in the frame of the head, the nose line in a frame at the tip of the nose; arg: struct
 * world_layout. */
world_shape world_draw_face, world_draw_hair_back, world_draw_hair_front, world_draw_nose_line;

/* Shapes in a frame at the middle of the eye, brow or lens; arg: struct world_eye. */
world_shape world_draw_crease, world_draw_eye_white, world_draw_iris, world_draw_pupil;
world_shape world_draw_lid, world_draw_brow, world_draw_rim, world_draw_arm;

/* The lips, in a frame at the middle of the mouth; arg: struct world_mouth. */
world_shape world_draw_lips;

/* Shapes in a frame at their own middle; arg: struct world_spot. */
world_shape world_draw_ellipse, world_draw_glow, world_draw_bridge;

#endif
