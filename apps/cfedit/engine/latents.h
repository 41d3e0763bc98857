/* Latents of pictures: from files, and from seeds through the mapping network.
 *
 * The face of a seed is fixed by the seed alone: z is the first z_dim standard normals of
 * lt_rng_make(seed, 0). All results are W+ (N, L, D), contiguous float32, checked
 * for NaN and infinity. */
#ifndef CFEDIT_LATENTS_H
#define CFEDIT_LATENTS_H

#include "engine/models.h"

/* "FILE" or "FILE:i": tensor `latents` (N,L,D), or (N,D) repeated to all L layers;
 * only row i where one is named (a file of that whole name goes first). */
lt_tensor *ce_latents_from_file(const struct ce_models *models, const char *selection);
/* Tensor `z` (N,Z) through the mapping network. */
lt_tensor *ce_latents_from_z(const struct ce_models *models, const char *path, double truncation);
lt_tensor *ce_latents_from_seeds(const struct ce_models *models, const int64_t *seeds, size_t count,
                                 double truncation);

#endif
