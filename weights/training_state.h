/* Checkpoints: the state of a training in one file, from which it continues. */
#ifndef WEIGHTS_TRAINING_STATE_H
#define WEIGHTS_TRAINING_STATE_H

#include "nn/optim.h"

/* What a checkpoint holds. Everything is borrowed. */
struct training_state {
    lt_params *params, *average; /* average: NULL for a training without one */
    /* The optimisers, the second of which may be NULL, and what their tensors' names begin with in
     * the file; NULL: nothing. */
    lt_optim *optim[2];
    const char *prefix[2];
    int64_t *step;
    double *squared_error; /* the metadata `squared_error`; NULL: none */
};

/* Writes the state to a file. Errors: LT_ERR_IO, LT_ERR_MEMORY. */
lt_status training_save_state(lt_ctx *ctx, const struct training_state *state, const char *path);

/* Sets the state from a file and says at which step it continues. Errors: LT_ERR_IO,
 * LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_MEMORY. */
lt_status training_load_state(lt_ctx *ctx, const struct training_state *state, const char *path);

#endif
