/* Painting of the rich world, back to front, in units of 1/128 of the picture (x to the right, y
 * down). Frames, boxes and edges are those of weights/world/canvas.h. Unlike there, a
 * shape may shine, skin is redder in its shadows, and a mask costs nothing until its part
 * is drawn. */
#ifndef RICH_CANVAS_H
#define RICH_CANVAS_H

#include "weights/world/canvas.h"
#include "weights/world/rich/attr.h"

struct rich_canvas {
    int size;
    float px;               /* units per pixel */
    float *rgb;             /* [3][size][size] in 0..1 */
    float *masks;           /* [RICH_PARTS][size][size] or NULL */
    bool drawn[RICH_PARTS]; /* whose mask is no longer all zero */
};

/* One row of pixels of a shape. From u and v (local coordinates) a shape computes how much of a
 * pixel it covers (0..1), the shade its colour is multiplied by, and the gloss (white light) that
 * is added. gloss is 0 before the shape is asked. */
struct rich_row {
    int n;
    float sharp; /* pixels per unit, for world_cover */
    const float *u, *v;
    float *cover, *shade, *gloss;
};

typedef void rich_shape(const void *arg, const struct rich_row *row);

struct rich_ink {
    const float *color; /* sRGB, 0..1 */
    float warm;         /* 0..1: how much redder shadows are than the colour */
    int part;           /* enum rich_part, or WORLD_NO_PART */
    bool tint;          /* multiplies what is there by color; its pixels keep their parts */
};

void rich_paint(struct rich_canvas *canvas, const struct world_frame *frame, struct world_box box,
                rich_shape *shape, const void *arg, struct rich_ink ink);

#endif
