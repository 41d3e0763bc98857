/* What `cfedit info` tells of a picture: its size, the texts in it, and the command line that makes
 * it again. */
#ifndef CFEDIT_INFO_PICTURE_H
#define CFEDIT_INFO_PICTURE_H

#include "cli/console/run.h"
#include "tensor/files/json.h"

/* Prints the picture at `path`, or puts it as an object into `writer` unless that is NULL. Errors:
 * those of ce_image_read() and ce_image_texts_read(). */
lt_status ce_info_picture(struct ce_run *run, const char *path, lt_json_writer *writer);

#endif
