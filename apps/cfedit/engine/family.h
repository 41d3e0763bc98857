/* The families of methods. A family is a way of finding an edit: by optimising each picture's
 * latent, by training a mapper, or along a direction in StyleSpace. Each implements the same
 * operations in a room of its own (latent/latent_family.c, mapper/mapper_family.c,
 * directions/channels_family.c), and nobody else asks which family a method is of. */
#ifndef CFEDIT_FAMILY_H
#define CFEDIT_FAMILY_H

#include "engine/edit_settings.h"

/* ---- questions about settings, whatever the family ---- */

/* The networks (CE_NEED_ bits) that an edit with these settings works with. */
unsigned ce_edit_needs(const struct ce_edit_settings *settings);
/* LT_ERR_ARGUMENT for settings that contradict each other or, where `models` is not NULL, do not
 * suit the networks. */
lt_status ce_edit_check(lt_ctx *ctx, const struct ce_edit_settings *settings,
                        const struct ce_models *models);
/* Whether the edit reads the channels' effects of a file (channels.h). */
bool ce_edit_reads_channels(const struct ce_edit_settings *settings);
/* Whether an edited picture has a latent of its own, from which another edit can start. */
bool ce_edit_moves_latents(const struct ce_edit_settings *settings);
/* Whether pictures are edited better together than one at a time. */
bool ce_edit_shares_work(const struct ce_edit_settings *settings);

/* ---- operations, for the editor ---- */

/* What an edit is made from; everything is borrowed. */
struct ce_edit_job {
    const struct ce_models *models;
    const struct ce_edit_settings *settings;
    struct ce_texts texts;
    const char *channels_path; /* the channels' effects; NULL: measured, as `progress` is told */
    ce_channels_progress *progress;
    void *progress_user;
};

/* `state` is whatever open() made. Members that may be NULL are marked. */
struct ce_family_operations {
    bool reads_channels; /* see ce_edit_reads_channels() */
    bool shares_work;    /* run() is given all pictures at once; otherwise one at a time */
    /* See ce_edit_needs() and ce_edit_check(); the latter may be NULL: nothing to check. */
    unsigned (*needs)(const struct ce_edit_settings *settings);
    lt_status (*check)(lt_ctx *ctx, const struct ce_edit_settings *settings,
                       const struct ce_models *models);
    /* The settings of the text loss. */
    const struct ce_nce_config *(*nce)(const struct ce_edit_settings *settings);
    /* Makes an edit ready. *state is given to close(), also after a failure. NULL, and close() with
     * it: the family makes nothing ahead of run(). */
    lt_status (*open)(const struct ce_edit_job *job, void **state);
    void (*close)(void *state); /* takes NULL */
    /* Whether the latents of a result draw its edited picture, so that another edit can start from
     * them. NULL: never. */
    bool (*moves_latents)(const struct ce_edit_settings *settings);
    /* How many steps run() tells of for `count` pictures. */
    int64_t (*steps)(const struct ce_edit_job *job, const void *state, int64_t count);
    /* Edits w (N,L,D) at full strength; results[N] are all zero before and given to
     * ce_edit_result_free(), also after a failure. `watch` is not NULL. */
    lt_status (*run)(const struct ce_edit_job *job, void *state, lt_tensor *w, ce_edit_watch *watch,
                     void *user, struct ce_edit_result *results);
    /* Writes the channels' effects. NULL: the family has none. */
    lt_status (*save_channels)(const struct ce_edit_job *job, const void *state, const char *path);
};

extern const struct ce_family_operations ce_latent_family, ce_mapper_family, ce_channels_family;

const struct ce_family_operations *ce_family_of(const struct ce_edit_settings *settings);

#endif
