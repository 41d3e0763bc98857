/* The inside of a training, shared by the steps (trainer.c) and the checkpoints
 * (train_checkpoint.c). */
#ifndef CFEDIT_TRAINER_IMPL_H
#define CFEDIT_TRAINER_IMPL_H

#include "engine/objective/source_cache.h"
#include "engine/mapper/trainer.h"

struct ce_trainer {
    const struct ce_models *models;
    struct ce_train_config config;
    struct ce_train_data data;
    lt_params *params; /* the mapper's weights; borrowed */
    struct ce_mapper *mapper;
    lt_optim *optim;
    struct ce_objective objective;
    struct ce_source_cache *sources, *test_sources; /* test_sources is NULL without tests */
    lt_tensor *text_feature;                        /* (1,E) */
    int64_t steps;
    double best;    /* lowest validation loss; NaN before the first */
    float *history; /* [steps][CE_TERMS_LOGGED] */
    int64_t history_cap;
    int64_t *order; /* [N], the order of the latents in epoch order_epoch */
    int64_t order_epoch;
    ce_train_observer *observer;
    void *observer_user;
};

/* Makes room in `history` for that many steps. */
lt_status ce_trainer_reserve_history(struct ce_trainer *trainer, int64_t steps);

#endif
