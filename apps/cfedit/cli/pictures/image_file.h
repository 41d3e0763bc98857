/* Pictures: 8-bit RGB in memory, PNG or JPEG on disk, and their conversion to and from tensors. */
#ifndef CFEDIT_IMAGE_FILE_H
#define CFEDIT_IMAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

#define CE_IMAGE_MAX_SIDE   16384
#define CE_IMAGE_MAX_PIXELS 100000000

/* Row-major pixels of three bytes, without padding. Zero-initialise; pictures
 * that a function makes are given back with ce_image_free(). */
typedef struct ce_image {
    int width, height;
    uint8_t *rgb;
} ce_image;

/* A key and a text that are stored in a picture file. */
typedef struct ce_image_text {
    const char *key;  /* 1 to 79 printable ASCII characters, for example "Software" */
    const char *text; /* UTF-8 */
} ce_image_text;

/* A black picture. Errors: LT_ERR_ARGUMENT beyond the limits above,
 * LT_ERR_MEMORY. */
lt_status ce_image_create(lt_ctx *ctx, int width, int height, ce_image *out);
/* Frees the pixels and zeroes the struct. */
void ce_image_free(ce_image *image);

/* Reads a PNG or JPEG file, told apart by its first bytes. Transparency is laid
 * on white; colour profiles and gamma are not applied; 16-bit samples are
 * rounded to 8; a JPEG's EXIF orientation is applied. Files are treated as
 * hostile: limits hold before memory is taken, and damage that loses pixels is
 * an error. Errors: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_MEMORY. */
lt_status ce_image_read(lt_ctx *ctx, const char *path, ce_image *out);

/* Writes a picture, complete or not at all: JPEG (quality 92, no chroma
 * subsampling) where the name ends in .jpg or .jpeg, PNG otherwise. The texts
 * become tEXt chunks (iTXt where not ASCII) or JPEG comments "key: text".
 * Errors: LT_ERR_IO, LT_ERR_ARGUMENT, LT_ERR_MEMORY. */
lt_status ce_image_write(lt_ctx *ctx, const char *path, const ce_image *image,
                         const ce_image_text *texts, size_t n_texts);

/* A new float32 tensor (3, H, W) with values v / 127.5 - 1 in [-1, 1], owned by
 * the scope; NULL on failure. */
lt_tensor *ce_image_to_tensor(lt_ctx *ctx, const ce_image *image);

/* The picture of a float32 tensor (3, H, W), or (N, 3, H, W) at `index`:
 * values are clamped to [-1, 1] and rounded to the nearest of 0..255, ties to
 * even; NaN becomes 0. Any strides. Errors: LT_ERR_SHAPE, LT_ERR_DTYPE,
 * LT_ERR_ARGUMENT (index, limits), LT_ERR_MEMORY. */
lt_status ce_image_from_tensor(lt_ctx *ctx, const lt_tensor *t, int64_t index, ce_image *out);

#endif
