/* CLIP's own reading of a portrait: zero-shot choices among sentences (Radford et al. 2021), one
 * for the colour of each part and one for each of six forms. */
#ifndef BENCH_EDIT_READOUT_H
#define BENCH_EDIT_READOUT_H

#include "engine/models.h"
#include "weights/world/world.h"

enum { READOUT_FORMS = 6 };

struct readout {
    const struct ce_models *models;
    /* Unit features of the sentences, retained. color: (colour words of the part, D), the named
     * colours first; form: (2, D), for example long and short hair. */
    lt_tensor *color[WORLD_PARTS], *form[READOUT_FORMS];
};

/* The numbers of the chosen sentences. */
struct reading {
    int color[WORLD_PARTS];  /* among all colour words of the part */
    int named[WORLD_PARTS];  /* among the named colours only */
    int form[READOUT_FORMS]; /* 0 or 1 */
};

/* Encodes the sentences. `models` must outlive the readout, which is given to readout_close() in
 * any case. */
lt_status readout_open(const struct ce_models *models, struct readout *readout);
void readout_close(struct readout *readout);

/* Reads one image (1,3,S,S) in [-1,1]. */
lt_status readout_read(const struct readout *readout, lt_tensor *x, struct reading *reading);

/* Counts the attributes other than the colour of `part`, and those of them that read the same
 * before and after. The colour of glasses counts only if they are worn. */
void readout_compare(const struct reading *before, const struct reading *after,
                     enum world_part part, bool glasses, int *count, int *kept);

#endif
