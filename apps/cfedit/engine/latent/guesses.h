/* A picture with another colour under a mask, without the generator, and how well that fits the
 * texts: what recolor.h searches with.
 *
 *     x_{b,M} = clamp(x + M (b - mean of x under M), -1, 1),      loss = text loss + AREA_WEIGHT
 * sqrt(mean M),
 *
 * so that a small part is not painted over with its surroundings; the root, since a part's
 * surroundings are some multiple of it, whatever its size. The text loss is the mean over views of
 * the picture: as it is, and augmented copies of it, the same ones for all guesses. */
#ifndef CFEDIT_GUESSES_H
#define CFEDIT_GUESSES_H

#include "engine/objective/clip_nce.h"
#include "engine/latent/regions.h"

enum { CE_GUESS_MAPS = 2, CE_GUESS_VIEWS = 5, CE_GUESSES = 160 };

/* A colour b in [-1,1], and M: one of the maps, or a set of regions. */
struct ce_guess {
    float color[3];
    uint64_t set; /* 0: the map */
    int map;
    float loss;
};

/* What guesses are about, and a list of them. */
struct ce_guesses {
    const struct ce_models *models;
    const struct ce_nce_texts *texts;
    struct ce_nce_config nce;
    lt_tensor *x;                  /* (1,3,S,S), the size that CLIP sees */
    lt_tensor *feature;            /* e(x) (1,D) */
    lt_tensor *map[CE_GUESS_MAPS]; /* (1,1,S,S) */
    struct ce_regions regions;     /* of x; owned */
    float *mask;                   /* (S,S), room for a set's; owned */
    double coeffs[CE_GUESS_VIEWS][8];
    struct ce_guess list[CE_GUESSES];
    int count;
};

/* Takes x apart and draws the views from `rng`; all tensors are borrowed, the caller sets the maps.
 * Given to ce_guesses_end(), also after a failure. */
lt_status ce_guesses_begin(const struct ce_models *models, const struct ce_nce_config *nce,
                           const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *feature,
                           lt_rng *rng, struct ce_guesses *g);
void ce_guesses_end(struct ce_guesses *g);

/* Appends to the list, where there is room. */
void ce_guesses_put(struct ce_guesses *g, const struct ce_guess *guess);

/* Sets the losses of guesses[n] over the first `views` views: 1, the picture as it is, to
 * CE_GUESS_VIEWS. They may have been rated over the first `rated` of these before, else 0. Without
 * gradient. */
lt_status ce_guesses_rate(struct ce_guesses *g, int rated, int views, struct ce_guess *guesses,
                          int n);

/* The lowest loss first. */
void ce_guesses_sort(struct ce_guess *guesses, int n);

/* out = x (3,pixels) with its mean colour under mask[pixels] moved to `color`; returns the mask's
 * mean. */
float ce_guess_paint(const float *x, const float *mask, int64_t pixels, const float color[3],
                     float *out);

#endif
