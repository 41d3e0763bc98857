/* What the trainings of the two worlds' generators share. */
#ifndef WEIGHTS_GENERATOR_TRAINING_H
#define WEIGHTS_GENERATOR_TRAINING_H

#include "nn/params.h"

/* Whether a tensor of a generator stays as it is: constants, and noise, since the renderer draws
 * none. */
bool generator_is_fixed(const char *name);

/* Writes the averaged weights as float16, with latent_avg, the mean of w over 16384 z that belong
 * to `run`, and the metadata of a generator of faces. `first_layer` is the first W+ layer that
 * edits move. Errors: LT_ERR_IO, LT_ERR_MEMORY. */
lt_status generator_write(lt_ctx *ctx, const lt_params *average, uint64_t run,
                          const char *first_layer, const char *path);

#endif
