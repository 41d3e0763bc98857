/* The natural colours of each part, as smooth functions of three numbers. */
#ifndef WORLD_PALETTE_H
#define WORLD_PALETTE_H

#include "weights/world/color.h"

/* Writes a natural colour of a part as sRGB within 0.03..0.98. `place` is the place on the part's
 * path of natural colours; place, lightness and warmth are 0..1 with the median at 0.5. The colour
 * is a continuous function of all three. */
void world_palette_color(enum world_part part, float place, float lightness, float warmth,
                         float rgb[3]);

#endif
