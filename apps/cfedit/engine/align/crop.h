/* Cuts a turned square out of a photo, as FFHQ's pictures were cut (Karras et al. 2019): the photo
 * is shrunk by a whole number where it has more than twice the pixels a side that are wanted, its
 * border is continued (surround.h), and the square is resampled without aliasing. */
#ifndef CFEDIT_ALIGN_CROP_H
#define CFEDIT_ALIGN_CROP_H

#include "engine/align/quad.h"

/* A photo: rows of pixels of three bytes (red, green, blue), one after the other. */
struct ce_pixels {
    const uint8_t *rgb;
    int width, height;
};

/* Writes the square `quad` of the photo as size x size pixels to `out`, 3 size^2 bytes. Memory
 * besides: about that of the square at three times its size. Errors: LT_ERR_ARGUMENT where the
 * middle of the square lies farther outside of the photo than half a side, LT_ERR_MEMORY. */
lt_status ce_align_crop(lt_ctx *ctx, const struct ce_pixels *photo, const struct ce_quad *quad,
                        int size, uint8_t *out);

#endif
