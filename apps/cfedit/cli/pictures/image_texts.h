/* Reading the texts in picture files. */
#ifndef CFEDIT_IMAGE_TEXTS_H
#define CFEDIT_IMAGE_TEXTS_H

#include "cli/pictures/image_file.h"

enum { CE_IMAGE_TEXTS_MAX = 64 };

struct ce_image_texts {
    ce_image_text text[CE_IMAGE_TEXTS_MAX];
    size_t count;
    void *memory[CE_IMAGE_TEXTS_MAX]; /* of each text; owned */
};

/* Reads the texts of a PNG file (tEXt, and iTXt that is not compressed) or the comments "key: text"
 * of a JPEG file, up to CE_IMAGE_TEXTS_MAX of at most 64 KiB each; others are left out. A file that
 * ends early or is no picture has the texts that were found. The texts are foreign: they may hold
 * any bytes but 0. *texts is given to ce_image_texts_free(), also after a failure. Errors:
 * LT_ERR_IO, LT_ERR_MEMORY. */
lt_status ce_image_texts_read(lt_ctx *ctx, const char *path, struct ce_image_texts *texts);
void ce_image_texts_free(struct ce_image_texts *texts);

#endif
