/* StyleCLIP's global directions (Patashnik et al. 2021, section 6): one direction in StyleSpace for
 * a sentence, the same for every picture, without any optimisation.
 *
 * Beforehand, once for a generator and a CLIP: each style channel c is pushed by +-p standard
 * deviations in the pictures of random faces, and the mean change of the pictures' CLIP features is
 * kept as a unit vector,
 *
 *     effect_c = unit(mean over faces of unit(e(x pushed by +p) - e(x pushed by -p)))
 *
 * For a sentence with the unit direction t of its texts (positive 1 of clip_nce.h), a channel's
 * relevance is effect_c . t. Channels whose relevance is below the threshold beta stay; the others
 * move by
 *
 *     alpha * relevance_c / max |relevance| * deviation_c
 *
 * To-RGB channels stay, as in the published code (Wu et al. 2021 find them entangled). */
#ifndef CFEDIT_CHANNELS_H
#define CFEDIT_CHANNELS_H

#include "engine/edit_result.h"
#include "engine/latent/latent_space.h"

struct ce_channels_config {
    int faces;       /* random faces that are measured; published: 100 */
    float push;      /* p; published: 5 */
    int first_layer; /* W+ layer from which channels are measured; -1 as in ce_space_config */
    bool antialias;
};

/* 8 faces, 5 deviations, the generator's own first layer. */
struct ce_channels_config ce_channels_defaults(void);

/* Effects of the channels of one generator under one CLIP. */
struct ce_channels {
    lt_params *params; /* "effect.<i>" (C,D) of each style i that was measured, and metadata */
    int styles;
    lt_tensor *effect[CE_SPACE_STYLES];    /* (C,D), borrowed; NULL: not measured */
    lt_tensor *deviation[CE_SPACE_STYLES]; /* (1,C), retained */
};

/* Told while measuring. */
typedef void ce_channels_progress(void *user, int64_t done, int64_t total);

/* Measures; minutes on a small generator. *channels is given to ce_channels_close(), also after a
 * failure. */
lt_status ce_channels_measure(const struct ce_models *models,
                              const struct ce_channels_config *config,
                              ce_channels_progress *progress, void *user,
                              struct ce_channels *channels);
/* To and from a file. Reading fails with LT_ERR_FORMAT for one that was measured on other weights.
 */
lt_status ce_channels_save(const struct ce_models *models, const struct ce_channels *channels,
                           const char *path);
lt_status ce_channels_load(const struct ce_models *models, const char *path,
                           struct ce_channels *channels);
void ce_channels_close(struct ce_channels *channels);

/* The direction of a sentence: out[styles] (1,C), in the innermost scope; `text` (1,D) unit, beta
 * as above. The largest move is one deviation. *kept (may be NULL) is the number of channels that
 * move. LT_ERR_ARGUMENT where none reaches beta. */
lt_status ce_channels_direction(const struct ce_models *models, const struct ce_channels *channels,
                                lt_tensor *text, float beta, lt_tensor **out, int *kept);

/* Moves the picture of w (1,L,D) by alpha * strength along a direction. *result is given to
 * ce_edit_result_free(), also after a failure. */
lt_status ce_channels_edit(const struct ce_models *models, lt_tensor *const *direction,
                           lt_tensor *w, float amount, struct ce_edit_result *result);

#endif
