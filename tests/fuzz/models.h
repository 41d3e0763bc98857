/* The small models that some fuzz targets read files for, a training over them, and the command
 * lines that take them. */
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

/* The command lines of the target `commands`, by the first byte of its input. */
enum fuzz_line {
    FUZZ_INFO,
    FUZZ_GENERATE,
    FUZZ_EMBED,
    FUZZ_EDIT_GENERATOR,
    FUZZ_EDIT_CLIP,
    FUZZ_EDIT_IDENTITY,
    FUZZ_EDIT_CHANNELS,
    FUZZ_INVERT_GENERATOR,
    FUZZ_INVERT_ENCODER,
    FUZZ_INVERT_VGG,
    FUZZ_APPLY,
    FUZZ_LINES
};

#endif
