/* The faces of a photo that a command takes: the options that choose them, and what is told. */
#ifndef CFEDIT_FACES_H
#define CFEDIT_FACES_H

#include "cli/console/options.h"
#include "cli/pictures/image_file.h"
#include "engine/align/find.h"

/* What is said where the model has no detector. */
#define CE_DETECTOR_MISSING                                                                      \
    "the model has no face detector (face.safetensors): 'make face-detector' fetches it, 2 MB; " \
    "--detector FILE names one from elsewhere"

enum { CE_FACES_OPTIONS = 2 };

struct ce_face_options {
    const char *which; /* --face: "largest", "all" or a number */
    double least;      /* --min-face: side in pixels; 0: by the size of the photo */
    int64_t number;    /* after ce_faces_settle(): which face, from 1, the largest first; 0: all */
};

struct ce_face_options ce_face_options_defaults(void);

/* Writes the options --face and --min-face, which point into `options`, CE_FACES_OPTIONS of them.
 * With `all`, the help offers "all". */
void ce_faces_options(struct ce_face_options *options, bool all, struct ce_option *out);

/* After parsing. CE_PARSED, or the exit status of a usage error that has been told. */
int ce_faces_settle(struct ce_run *run, struct ce_face_options *options, bool all);

/* The faces of one photo. */
struct ce_faces {
    lt_face *face; /* the largest first; NULL: none */
    size_t count;
    double least; /* the side of the smallest face that was looked for */
};

/* Finds the faces of a picture; `models` has the detector. *faces goes to ce_faces_free(), also
 * after a failure. */
lt_status ce_faces_find(const struct ce_models *models, const struct ce_face_options *options,
                        const ce_image *image, struct ce_faces *faces);
void ce_faces_free(struct ce_faces *faces);

/* Tells on stderr that a face of the photo has too few pixels for a good result, if it has. */
void ce_faces_warn(const struct ce_run *run, const char *photo, const lt_face *face);

#endif
