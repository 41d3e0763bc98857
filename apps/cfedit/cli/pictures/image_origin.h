/* The text by which cfedit's own picture files are known. */
#ifndef CFEDIT_IMAGE_ORIGIN_H
#define CFEDIT_IMAGE_ORIGIN_H

#include "cli/pictures/image_file.h"

/* The text that says who wrote a picture, for ce_image_write(). */
ce_image_text ce_image_origin(void);

/* Whether `path` is a PNG file with the text of ce_image_origin(), of any version of the program.
 * False for anything else, also for a file that cannot be read. */
bool ce_image_is_own(const char *path);

/* Whether `path` is a PNG file with the text `text` under `key`, which ce_image_write() has put in.
 * Both are ASCII, at most 120 characters together. False for anything else. */
bool ce_image_says(const char *path, const char *key, const char *text);

#endif
