/* Editing a few pictures with a mapper that is trained for the sentence on the spot.
 *
 * The published methods train a mapper over thousands of latents and apply it to others. Here the
 * mapper is trained over the latents to be edited and nothing else, with as many generator
 * evaluations as optimising each latent would take. */
#ifndef CFEDIT_MAPPER_EDIT_H
#define CFEDIT_MAPPER_EDIT_H

#include "engine/edit_result.h"
#include "engine/mapper/trainer.h"

struct ce_mapper_edit_config {
    struct ce_train_config train;
    int steps; /* generator evaluations for each picture */
};

/* CF-CLIP's mapper and objective, without identity loss, 4 copies, one latent a step. */
struct ce_mapper_edit_config ce_mapper_edit_defaults(void);

/* How many training steps `count` pictures take; the watch is told of each. */
int64_t ce_mapper_edit_steps(const struct ce_mapper_edit_config *config, int64_t count);

/* Trains a mapper over w (N,L,D) and edits w with it. results[N] are given to
 * ce_edit_result_free(), also after a failure. The `seconds` of a result are the picture's share of
 * the whole. Errors: those of ce_trainer_create() and ce_trainer_step(). */
lt_status ce_mapper_edit_run(const struct ce_models *models,
                             const struct ce_mapper_edit_config *config,
                             const struct ce_texts *texts, lt_tensor *w, ce_edit_watch *watch,
                             void *user, struct ce_edit_result *results);

/* Edits w (N,L,D) with a finished mapper; `text_feature` (1,E) is not normalised. */
lt_status ce_mapper_edit_apply(const struct ce_models *models, const struct ce_mapper *mapper,
                               lt_tensor *text_feature, lt_tensor *w, float strength,
                               struct ce_edit_result *results);

#endif
