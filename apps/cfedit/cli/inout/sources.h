/* Where the latents of `edit`, `apply` and `generate` come from: seeds, a file of latents or of z,
 * photos. The options have the same names and ranges in all three commands. */
#ifndef CFEDIT_SOURCES_H
#define CFEDIT_SOURCES_H

#include "cli/inout/framing.h"
#include "engine/models.h"

/* The range of --strength in all commands: 0 no edit, 1 the edit as found, below 0 its opposite. */
#define CE_STRENGTH_MOST 100.0

enum { CE_SOURCE_Z = 1, CE_SOURCE_IMAGES = 2, CE_SOURCES_OPTIONS = 6 + CE_FRAMING_OPTIONS };

struct ce_sources {
    unsigned
        kinds; /* CE_SOURCE_Z: --z; CE_SOURCE_IMAGES: --image; seeds and latents are always there */
    const char *latents, *z, *seeds_text;
    struct ce_list images;
    struct ce_framing framing; /* of the photos */
    int64_t invert_steps;
    double truncation; /* after ce_sources_open(): the one in use */
    bool truncation_given;
    int64_t *seeds;    /* NULL: not from seeds */
    size_t count;      /* of seeds or photos; 0: told by the file, after ce_sources_open() */
    lt_tensor *stored; /* the file's W+ (N,L,D) or z (N,Z); else NULL */
};

struct ce_sources ce_sources_defaults(unsigned kinds);

/* Writes the options, at most CE_SOURCES_OPTIONS, which point into `sources`; returns their
 * number. */
size_t ce_sources_options(struct ce_sources *sources, struct ce_option *out);

/* After parsing: lists the seeds and the photos. Without any source the picture is that of `seed`.
 * CE_PARSED, or the exit status of an error that has been told: several sources, a list that is
 * none, a folder without photos. */
int ce_sources_settle(struct ce_run *run, struct ce_sources *sources, int64_t seed);

/* Opens the file of latents or z in the innermost scope; `count` is known afterwards. Errors: those
 * of ce_latents_view_file() and ce_latents_read_z(). */
lt_status ce_sources_open(struct ce_run *run, const struct ce_models *models,
                          struct ce_sources *sources);

/* W+ (1,L,D) of picture number `index` in the innermost scope. A photo is inverted now, and
 * *photo (1,3,S,S) becomes what was inverted; of other sources NULL. NULL on failure. */
lt_tensor *ce_sources_take(struct ce_run *run, const struct ce_models *models,
                           const struct ce_sources *sources, size_t index, lt_tensor **photo);

/* A text that is the same for pictures that one command line makes of one seed, photo or latent, in
 * the run's memory; NULL when out of memory. It is stored in pictures under the key CE_MADE_BY. */
const char *ce_sources_mark(struct ce_run *run, const struct ce_sources *sources, size_t index);
#define CE_MADE_BY "Settings"

#endif
