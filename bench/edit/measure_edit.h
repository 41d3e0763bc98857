/* How well an edit of a drawn portrait did, against the truth that the renderer knows.
 *
 * All colour differences are CIEDE2000 between mean CIE Lab colours, images (3,S,S) in [-1,1]. */
#ifndef BENCH_EDIT_MEASURE_EDIT_H
#define BENCH_EDIT_MEASURE_EDIT_H

#include <stdbool.h>

#include "weights/world.h"

enum { EDIT_SIZE = 128, EDIT_PIXELS = EDIT_SIZE * EDIT_SIZE };

/* One counterfactual: a part and the colour it is to have. */
struct edit_target {
    enum world_part part;
    enum world_color color;
};

/* The truth of one portrait: its attributes, the part's mask, and the mean colour inside the
 * mask that the renderer gives the part in every named colour. */
struct edit_truth {
    struct world_attr attr;
    float mask[EDIT_PIXELS];
    float outside[EDIT_PIXELS]; /* 1 where no pixel of the part is within two pixels */
    float lab[WORLD_COLORS][3];
    float answer[3 * EDIT_PIXELS]; /* the rendered counterfactual */
};

struct edit_score {
    float to_target;   /* difference of the part's mean colour to the rendered counterfactual's */
    float from_source; /* how far the source's was from it */
    float outside;     /* mean over pixels away from the part of the difference to the source */
    float psnr;        /* dB of the edited picture against the rendered counterfactual, images in [0,1] */
    bool success;      /* of the named colours the target's is the nearest, and more than half the way is gone */
};

/* False if the portrait does not show the part (glasses). */
bool edit_truth_make(const struct world_attr *attr, const struct edit_target *target, struct edit_truth *truth);

struct edit_score edit_score_of(const struct edit_truth *truth, const struct edit_target *target, const float *source,
                                const float *edited);

#endif
