/* Marks of faces, drawn into a photo. */
#ifndef CFEDIT_FACE_MARKS_H
#define CFEDIT_FACE_MARKS_H

#include "cli/pictures/image_file.h"
#include "engine/align/quad.h"

/* Draws the box of a face, its landmarks, the square that is cut out for it with a bar at the
 * upper side, and its number. Errors: LT_ERR_MEMORY. */
lt_status ce_face_marks_draw(lt_ctx *ctx, ce_image *photo, const lt_face *face,
                             const struct ce_quad *quad, int number);

#endif
