/* Finding the faces of a photo. */
#ifndef CFEDIT_ALIGN_FIND_H
#define CFEDIT_ALIGN_FIND_H

#include "engine/align/crop.h"
#include "engine/models.h"

/* Below this distance between the eyes, in pixels, a face has too little detail for an edit. */
#define CE_EYES_LEAST 40.0

/* The side of the smallest face that is looked for in a photo unless the user says otherwise: 20
 * pixels in pictures of up to 800 pixels a side, growing with the shorter side up to 100. Smaller
 * faces have less than CE_EYES_LEAST pixels between the eyes, and looking for them in a large photo
 * takes seconds. */
double ce_align_least_face(int width, int height);

/* Finds the faces that are at least `least` pixels wide, the largest first. `models` has the
 * detector. *faces is an array of *count faces, to be given to free(). Errors: those of
 * lt_mtcnn_detect(). */
lt_status ce_align_find(const struct ce_models *models, const struct ce_pixels *photo, double least,
                        lt_face **faces, size_t *count);

#endif
