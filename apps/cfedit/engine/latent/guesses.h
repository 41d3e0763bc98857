/* Guesses: pictures whose colour is changed under a mask, without the generator, and how well each
 * fits the texts. recolor.h searches among them.
 *
 *     x_{b,M} = clamp(x + M (b - mean of x under M), -1, 1)
 *     loss    = text loss + AREA_WEIGHT sqrt(mean M)
 *
 * The second term keeps a small part from being painted over together with its surroundings. It is
 * the square root, because the surroundings of a part are some multiple of the part, whatever its
 * size. The text loss is the mean over several views of the picture: the picture as it is and
 * augmented copies, the same for all guesses. */
#ifndef CFEDIT_GUESSES_H
#define CFEDIT_GUESSES_H

#include "engine/objective/clip_nce.h"
#include "engine/latent/regions.h"

enum { CE_GUESS_MAPS = 2, CE_GUESS_VIEWS = 5, CE_GUESSES = 160 };

/* A colour b in [-1,1] and a mask M: one of the maps, or a set of regions. */
struct ce_guess {
    float color[3];
    uint64_t set; /* regions as bits; 0: the mask is map[map] */
    int map;
    float loss;
};

/* A list of guesses about one picture, and everything needed to rate them. */
struct ce_guesses {
    const struct ce_models *models;
    const struct ce_nce_texts *texts;
    struct ce_nce_config nce;
    lt_tensor *x;                  /* (1,3,S,S), at the size that CLIP sees */
    lt_tensor *feature;            /* e(x) (1,D) */
    lt_tensor *map[CE_GUESS_MAPS]; /* (1,1,S,S) */
    struct ce_regions regions;     /* the regions of x; owned */
    float *mask;                   /* (S,S), room for the mask of a set of regions; owned */
    double coeffs[CE_GUESS_VIEWS][8];
    struct ce_guess list[CE_GUESSES];
    int count;
};

/* Takes x apart into regions and draws the views from `rng`. All tensors are borrowed; the caller
 * sets the maps afterwards. *g is given to ce_guesses_end(), also after a failure. */
lt_status ce_guesses_begin(const struct ce_models *models, const struct ce_nce_config *nce,
                           const struct ce_nce_texts *texts, lt_tensor *x, lt_tensor *feature,
                           lt_rng *rng, struct ce_guesses *g);
void ce_guesses_end(struct ce_guesses *g);

/* Appends a guess to the list if there is room. */
void ce_guesses_put(struct ce_guesses *g, const struct ce_guess *guess);

/* Rates guesses[n]: sets each loss to the mean over the first `views` views, from 1 (the picture as
 * it is) to CE_GUESS_VIEWS. If the guesses were rated over the first `rated` views before, only the
 * remaining views are looked at; else `rated` is 0. Without gradient. */
lt_status ce_guesses_rate(struct ce_guesses *g, int rated, int views, struct ce_guess *guesses,
                          int n);

/* Sorts guesses by their loss, the lowest first. */
void ce_guesses_sort(struct ce_guess *guesses, int n);

/* out = x (3,pixels), shifted under mask[pixels] so that its mean colour there becomes `color`.
 * Returns the mean of the mask. */
float ce_guess_paint(const float *x, const float *mask, int64_t pixels, const float color[3],
                     float *out);

#endif
