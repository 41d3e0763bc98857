/* A picture that goes on beyond its edges, as the pictures of FFHQ do where a face lies at the
 * border of a photo (Karras et al. 2019): the picture is mirrored, the mirror image is blurred more
 * and more towards the outside, and fades into the picture's median colour.
 *
 *          picture            | edge     mirrored, blurred      | padding's end
 *     -------------+----------|---------------------------------|
 *          sharp    blur grows   blurred; median colour grows     median colour
 *                  1/3 of the padding's width */
#ifndef CFEDIT_ALIGN_SURROUND_H
#define CFEDIT_ALIGN_SURROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/context.h"

/* A rectangle of a photo: width x height pixels of three bytes, rows `stride` bytes apart.
 * Coordinates count from the centre of its first pixel. */
struct ce_region {
    const uint8_t *rgb;
    int64_t stride;
    int width, height;
};

struct ce_surround {
    struct ce_region region;
    bool padded;    /* false: nothing is blurred */
    double pad[4];  /* width of the padding at the left, top, right, bottom */
    float *blurred; /* (rows, columns, 3); value (0, 0) is the mean of the padding's first cells */
    int rows, columns;
    double cell; /* pixels between two values of `blurred` */
    float median[3];
};

/* The bounds of what is going to be looked at, in coordinates of the region: left, top, right,
 * bottom. */
struct ce_bounds {
    double low[2], high[2];
};

/* Gets ready to look at `bounds`, within which lies a square with sides of `side` pixels. Nothing
 * is padded where the bounds stay 4 pixels away from the edges. The region's pixels are borrowed.
 * LT_ERR_MEMORY. */
lt_status ce_surround_open(lt_ctx *ctx, const struct ce_region *region,
                           const struct ce_bounds *bounds, double side, double border,
                           struct ce_surround *surround);
void ce_surround_close(struct ce_surround *surround);

/* The colour at (x, y), interpolated linearly between pixels: 0 to 255. */
void ce_surround_at(const struct ce_surround *surround, double x, double y, float rgb[3]);

#endif
