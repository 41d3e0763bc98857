/* The small models that some fuzz targets read files for, and a training over them. */
#ifndef TESTS_FUZZ_MODELS_H
#define TESTS_FUZZ_MODELS_H

#include "engine/mapper/trainer.h"
#include "support/method_fixture.h"

struct fuzz_training {
    struct ce_models models;
    struct ce_train_config config;
    struct ce_train_data data;
    lt_params *params;
    struct ce_trainer *trainer;
};

/* Starts a training over the networks of the method's tests. A failure ends the program. */
void fuzz_training_begin(struct fuzz_training *training);
void fuzz_training_end(struct fuzz_training *training);

#endif
