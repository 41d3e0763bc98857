/* Draws portraits of the rich world. */
#ifndef RICH_RENDER_H
#define RICH_RENDER_H

#include "weights/world/rich/attr.h"

/* Draws the portrait. rgb: [3][size][size] planes in -1..1, rows from the top, size within
 * WORLD_SIZE_MIN..WORLD_SIZE_MAX. masks: NULL, or [RICH_PARTS][size][size], which receive in 0..1
 * how much of each pixel shows that part in the finished picture. What belongs to no part (lashes,
 * pupils, the inside of the mouth) is 0 in all. Returns false, having written nothing, if size is
 * out of range. Two portraits that differ in one colour differ only where that part's mask is not
 * 0. */
bool rich_render(const struct rich_attr *attr, int size, float *rgb, float *masks);

#endif
