/* The canvas on which render.c paints portraits, back to front. Coordinates are in units of 1/128
 * of the picture, x to the right, y down. */
#ifndef WORLD_CANVAS_H
#define WORLD_CANVAS_H

#include <math.h>

#include "weights/world/world.h"

/* The planes that are painted; the caller owns them. */
struct world_canvas {
    int size;
    float px;     /* units per pixel */
    float *rgb;   /* [3][size][size] in 0..1 */
    float *masks; /* [WORLD_PARTS][size][size] or NULL */
};

/* Local coordinates of a shape: u = ux (x - x0) + uy (y - y0), v = vx (x - x0) + vy (y - y0). The
 * axes are orthonormal. */
struct world_frame {
    float x0, y0;
    float ux, uy;
    float vx, vy;
};

/* A box in local coordinates outside of which a shape has no coverage. */
struct world_box {
    float u0, v0, u1, v1;
};

/* A shape. For n pixels at u[i], v[i] it writes its coverage in 0..1 and the shading by which its
 * colour is multiplied. sharp is the number of pixels per unit, as world_cover() takes it. */
typedef void world_shape(const void *arg, int n, const float *u, const float *v, float sharp,
                         float *cover, float *shade);

/* The part of shapes that belong to no part: they only hide the shapes below them. */
enum { WORLD_NO_PART = -1 };

/* Paints a shape in a colour (0..1). The mask of `part` receives its coverage, and all other masks
 * lose it. */
void world_paint(struct world_canvas *canvas, const struct world_frame *frame, struct world_box box,
                 world_shape *shape, const void *arg, const float color[3], int part);

/* The pixels whose centres may lie in a box, with one pixel of margin; right and bottom
 * excluded. */
struct world_pixels {
    int left, right, top, bottom;
};
struct world_pixels world_box_pixels(const struct world_frame *frame, struct world_box box,
                                     float px, int size);

/* The local coordinates of the n pixel centres of a row, beginning at column `left`. */
void world_row_coordinates(const struct world_frame *frame, float px, int left, int row, int n,
                           float *u, float *v);
/* The frame whose origin is at (u, v) of `parent`, turned clockwise by angle (radians). Its u axis
 * is mirrored if side < 0. */
struct world_frame world_frame_at(const struct world_frame *parent, float u, float v, float angle,
                                  float side);

/* Coverage of a pixel whose centre lies `distance` units outside an edge. */
static inline float world_cover(float distance, float sharp)
{
    float c = 0.5f - distance * sharp;
    c = c < 0.0f ? 0.0f : c;
    return c > 1.0f ? 1.0f : c;
}

/* A soft bell of height 1 and half-width about 0.64, cheaper than a Gaussian. */
static inline float world_bell(float x)
{
    float b = 1.0f / (1.0f + x * x);
    return b * b;
}

/* Rises smoothly from 0 at a to 1 at b. */
static inline float world_rise(float a, float b, float x)
{
    float t = (x - a) / (b - a);
    t = t < 0.0f ? 0.0f : t;
    t = t > 1.0f ? 1.0f : t;
    return t * t * (3.0f - 2.0f * t);
}

/* A sine-like wave of period 1 and range -1..1, without a library call; x > -1000. */
static inline float world_wave(float x)
{
    float t = x - (float)(int)(x + 1024.0f) + 1024.0f; /* 0 .. 1 */
    t = 2.0f * t - 1.0f;
    float a = t < 0.0f ? -t : t;
    return 4.0f * t * (1.0f - a);
}

static inline float world_lerp(float a, float b, float t) { return a + (b - a) * t; }

#endif
