/* How well an edit of a drawn portrait did, against the truth that the renderer knows.
 *
 * All colour differences are CIEDE2000 between CIE Lab colours, images (3,S,S) in [-1,1]. */
#ifndef BENCH_EDIT_MEASURE_EDIT_H
#define BENCH_EDIT_MEASURE_EDIT_H

#include <stdbool.h>

#include "weights/world/world.h"

enum { EDIT_SIZE = 128, EDIT_PIXELS = EDIT_SIZE * EDIT_SIZE };

/* One edit: a part and the colour it is to have. */
struct edit_target {
    enum world_part part;
    enum world_color color;
};

/* The truth of one portrait: its attributes, the parts' masks, and the mean colour inside the
 * part's mask that the renderer gives the part in every named colour. */
struct edit_truth {
    struct world_attr attr;
    float masks[WORLD_PARTS]
               [EDIT_PIXELS];   /* pixels that show each part for the most part, else 0 */
    float outside[EDIT_PIXELS]; /* 1 where no pixel of the edited part is within two pixels */
    float lab[WORLD_COLORS][3];
    float answer[3 * EDIT_PIXELS]; /* the rendered counterfactual */
};

struct edit_score {
    float to_target;   /* difference of the part's mean colour to the rendered counterfactual's */
    float from_source; /* how far the source's was from it */
    float outside;     /* mean over pixels away from the part of the difference to the source */
    float ssim;        /* structural similarity to the source, mean over the same pixels */
    float psnr; /* dB of the edited picture against the rendered counterfactual, images in [0,1] */
    bool success; /* of the named colours the target's is the nearest, and more than half the way is
                     gone */
    int parts;    /* other parts that show */
    int parts_kept; /* those of them whose mean colour still has the colour word that it had in the
                       source */
};

/* False if the portrait does not show the part (glasses), or has the colour's name already. */
bool edit_truth_make(const struct world_attr *attr, const struct edit_target *target,
                     struct edit_truth *truth);

struct edit_score edit_score_of(const struct edit_truth *truth, const struct edit_target *target,
                                const float *source, const float *edited);

/* Structural similarity (Wang et al. 2004) of the luminance of two pictures, Gaussian window of 11
 * pixels with standard deviation 1.5, cut at the border; its mean over the pixels where `where` is
 * above 0 (0 where there are none). */
float edit_ssim(const float *a, const float *b, const float *where);

#endif
