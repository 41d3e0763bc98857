/* StyleCLIP's global directions (Patashnik et al. 2021, section 6): one direction in StyleSpace for
 * a sentence, the same for every picture, without any optimisation.
 *
 * The effects of the channels are measured once for a generator and a CLIP. Each style channel c is
 * pushed by +p and by -p standard deviations in the pictures of random faces. The mean change of
 * the CLIP features is kept as a unit vector:
 *
 *     effect_c = unit(mean over faces of unit(e(x pushed by +p) - e(x pushed by -p)))
 *
 * A sentence has the unit text direction t (positive 1 of clip_nce.h), and a channel's relevance to
 * it is effect_c . t. Channels whose relevance is below the threshold beta stay. The others move by
 *
 *     alpha * relevance_c / max |relevance| * deviation_c
 *
 * The to-RGB channels stay, as in the published code (Wu et al. 2021 find them entangled). */
#ifndef CFEDIT_CHANNELS_H
#define CFEDIT_CHANNELS_H

#include "engine/edit_result.h"
#include "engine/latent/latent_space.h"

struct ce_channels_config {
    int faces;       /* random faces over which effects are measured; published: 100 */
    float push;      /* p, in standard deviations; published: 5 */
    int first_layer; /* first W+ layer whose channels are measured; -1 as in ce_space_config */
    bool antialias;
};

/* 8 faces, 5 deviations, the first layer that the generator's metadata names. */
struct ce_channels_config ce_channels_defaults(void);

/* The effects of one generator's channels under one CLIP. */
struct ce_channels {
    lt_params *params; /* "effect.<i>" (C,D) for each style i that was measured, and metadata */
    int styles;
    lt_tensor *effect[CE_SPACE_STYLES];    /* (C,D), borrowed from params; NULL: not measured */
    lt_tensor *deviation[CE_SPACE_STYLES]; /* (1,C), retained */
};

/* Called after each measurement. */
typedef void ce_channels_progress(void *user, int64_t done, int64_t total);

/* Measures the effects, which takes minutes for a small generator. *channels is given to
 * ce_channels_close(), also after a failure. */
lt_status ce_channels_measure(const struct ce_models *models,
                              const struct ce_channels_config *config,
                              ce_channels_progress *progress, void *user,
                              struct ce_channels *channels);
/* Writes the effects to a file, and reads them. Reading fails with LT_ERR_FORMAT if they were
 * measured with another generator or CLIP. */
lt_status ce_channels_save(const struct ce_models *models, const struct ce_channels *channels,
                           const char *path);
lt_status ce_channels_load(const struct ce_models *models, const char *path,
                           struct ce_channels *channels);
void ce_channels_close(struct ce_channels *channels);

/* Writes the direction of a sentence to out[styles], each (1,C), in the innermost scope. `text`
 * (1,D) is the unit text direction, beta the threshold. The largest move is one standard deviation.
 * *kept (may be NULL) is the number of channels that move. Errors: LT_ERR_ARGUMENT if no channel
 * reaches beta. */
lt_status ce_channels_direction(const struct ce_models *models, const struct ce_channels *channels,
                                lt_tensor *text, float beta, lt_tensor **out, int *kept);

/* Moves the picture of w (1,L,D) by `amount` times a direction. *result is given to
 * ce_edit_result_free(), also after a failure. */
lt_status ce_channels_edit(const struct ce_models *models, lt_tensor *const *direction,
                           lt_tensor *w, float amount, struct ce_edit_result *result);

#endif
