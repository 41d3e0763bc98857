/* The measurements of the rich world's model on held-out portraits, whose seeds training never
 * draws. */
#ifndef WEIGHTS_MEASURE_RICH_H
#define WEIGHTS_MEASURE_RICH_H

#include "engine/models.h"
#include "tensor/files/json.h"

/* What is measured of the generator. */
struct measure_pictures {
    int size;      /* of the skip picture that is measured */
    int64_t count; /* portraits */
};

/* Adds to the writer's open object, for natural portraits and for mixed ones, whose groups of
 * attributes come from two faces each: the mean PSNR in dB, pixels in [0,1], and the steepness of
 * edges: the 99th percentile of the gradient's size, drawn over truth. */
lt_status measure_generator(const struct ce_models *m, const struct measure_pictures *what,
                            lt_json_writer *writer);

/* Writes a PNG of held-out portraits, the truth above each row of drawn pictures; the last pair of
 * rows is mixed. */
lt_status measure_sheet(const struct ce_models *m, int size, const char *path);

/* Adds to the writer's open object: the zero-shot accuracy of the named colours for each part and
 * of each trait against its opposite over `count` portraits each, and the retrieval of captions
 * among a hundred. */
lt_status measure_clip(const struct ce_models *m, int64_t count, lt_json_writer *writer);

/* The run number of held-out portraits; see training_seed(). */
enum { MEASURE_HELD_OUT = 901 };

#endif
