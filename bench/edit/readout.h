/* What CLIP itself says of a portrait: zero-shot choices among sentences (Radford et al. 2021), one
 * for the colour of each part and one for each of a few forms. */
#ifndef BENCH_EDIT_READOUT_H
#define BENCH_EDIT_READOUT_H

#include "engine/models.h"
#include "weights/world/world.h"

enum { READOUT_FORMS = 6 };

struct readout {
    const struct ce_models *models;
    lt_tensor *color[WORLD_PARTS];  /* (words of the part, D) unit features, retained; the named
                                       colours come first */
    lt_tensor *form[READOUT_FORMS]; /* (2, D): long or short hair, ... */
};

struct reading {
    int color[WORLD_PARTS]; /* the colour word */
    int named[WORLD_PARTS]; /* the choice among the named colours only */
    int form[READOUT_FORMS];
};

lt_status readout_open(const struct ce_models *models, struct readout *readout);
void readout_close(struct readout *readout);

/* Of one picture (1,3,S,S). */
lt_status readout_read(const struct readout *readout, lt_tensor *x, struct reading *reading);

/* How many attributes other than `part`'s colour there are (glasses count only where they are
 * worn), and how many of them read the same. */
void readout_compare(const struct reading *before, const struct reading *after,
                     enum world_part part, bool glasses, int *count, int *kept);

#endif
