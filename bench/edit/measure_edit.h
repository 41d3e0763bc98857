/* Measures an edit of a drawn portrait against the truth that the renderer knows.
 *
 * Colour differences are CIEDE2000 between CIE Lab colours. Images are (3,S,S) in [-1,1] with S =
 * EDIT_SIZE. */
#ifndef BENCH_EDIT_MEASURE_EDIT_H
#define BENCH_EDIT_MEASURE_EDIT_H

#include <stdbool.h>

#include "weights/world/world.h"

enum { EDIT_SIZE = 128, EDIT_PIXELS = EDIT_SIZE * EDIT_SIZE };

/* The aim of an edit: a part, and the colour that it is to have. */
struct edit_target {
    enum world_part part;
    enum world_color color;
};

/* The truth of one portrait, for one target. */
struct edit_truth {
    struct world_attr attr;
    /* How much of each pixel shows each part; 0 where that is at most half. */
    float masks[WORLD_PARTS][EDIT_PIXELS];
    float
        outside[EDIT_PIXELS]; /* 1 where no pixel of the edited part is within two pixels, else 0 */
    float lab[WORLD_COLORS]
             [3]; /* mean colour in the part's mask if rendered in each named colour */
    float answer[3 * EDIT_PIXELS]; /* the rendered counterfactual */
};

struct edit_score {
    float to_target;   /* from the part's mean colour to that of the rendered counterfactual */
    float from_source; /* to_target of the source picture */
    float outside;     /* mean difference to the source over truth.outside */
    float ssim;        /* structural similarity to the source, mean over truth.outside */
    float psnr;        /* dB against the rendered counterfactual, images in [0,1] */
    /* The target is the nearest named colour, and more than half of the way from the source is
     * gone. */
    bool success;
    int parts;      /* other parts that show */
    int parts_kept; /* other parts whose mean colour has the same colour word as in the source */
};

/* Makes the truth of a portrait. False if the portrait does not show the part (glasses), or if the
 * part has that colour's name already. */
bool edit_truth_make(const struct world_attr *attr, const struct edit_target *target,
                     struct edit_truth *truth);

/* Measures the edit of `source` into `edited`, both (3,S,S). */
struct edit_score edit_score_of(const struct edit_truth *truth, const struct edit_target *target,
                                const float *source, const float *edited);

/* Structural similarity (Wang et al. 2004) of the luminance of two images (3,S,S), mean over the
 * pixels with where[p] > 0, or 0 if there are none. The Gaussian window has 11 pixels and a
 * standard deviation of 1.5, and is cut at the border. */
float edit_ssim(const float *a, const float *b, const float *where);

#endif
