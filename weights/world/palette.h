/* Natural colours of the parts as smooth functions; used by world.c. */
#ifndef WORLD_PALETTE_H
#define WORLD_PALETTE_H

#include "weights/world/color.h"

/*
 * A natural colour of the part: place on the part's path of natural colours, lightness and
 * warmth, each 0..1 with the median at 0.5. Writes sRGB within 0.03..0.98; continuous.
 */
void world_palette_color(enum world_part part, float place, float lightness, float warmth,
                         float rgb[3]);

#endif
