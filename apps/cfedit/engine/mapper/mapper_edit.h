/* Editing a few pictures by a mapper that is trained for the sentence on the spot.
 *
 * The published methods train over thousands of latents and apply the mapper to others (`cfedit
 * train`, `cfedit apply`). Here it is trained over the latents that are to be edited and nothing
 * else, with as many generator evaluations as optimising each of them would take. */
#ifndef CFEDIT_MAPPER_EDIT_H
#define CFEDIT_MAPPER_EDIT_H

#include "engine/edit_result.h"
#include "engine/mapper/trainer.h"

struct ce_mapper_edit_config {
    struct ce_train_config train;
    int steps; /* generator evaluations a picture */
};

/* CF-CLIP's mapper with its objective, without identity loss. */
struct ce_mapper_edit_config ce_mapper_edit_defaults(void);

/* Training steps for `count` pictures; the watch is told of each. */
int64_t ce_mapper_edit_steps(const struct ce_mapper_edit_config *config, int64_t count);

/* Edits w (N,L,D); results[N] are given to ce_edit_result_free(), also after a failure. `seconds`
 * is a picture's share. Errors: those of ce_trainer_create() and ce_trainer_step(). */
lt_status ce_mapper_edit_run(const struct ce_models *models,
                             const struct ce_mapper_edit_config *config,
                             const struct ce_texts *texts, lt_tensor *w, float strength,
                             ce_edit_watch *watch, void *user, struct ce_edit_result *results);

/* Pictures of w (N,L,D) edited by a mapper as it is; `text_feature` (1,E) raw. */
lt_status ce_mapper_edit_apply(const struct ce_models *models, const struct ce_mapper *mapper,
                               lt_tensor *text_feature, lt_tensor *w, float strength,
                               struct ce_edit_result *results);

#endif
