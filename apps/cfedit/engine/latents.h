/* Latents of pictures, from files and from seeds.
 *
 * A seed alone fixes a face: its z is the first z_dim standard normals of lt_rng_make(seed, 0), and
 * goes through the mapping network. All results are W+ (N,L,D), contiguous float32, checked for NaN
 * and infinity. */
#ifndef CFEDIT_LATENTS_H
#define CFEDIT_LATENTS_H

#include "engine/models.h"

/* Reads `latents` (N,L,D), or (N,D) repeated for all L layers, from "FILE"; "FILE:i" selects row i.
 * A file whose whole name is "FILE:i" comes first. */
lt_tensor *ce_latents_from_file(const struct ce_models *models, const char *selection);
/* Like ce_latents_from_file(); *axes is 2 for a file of W (N,D), 3 for one of W+ (N,L,D). */
lt_tensor *ce_latents_from_file_axes(const struct ce_models *models, const char *selection,
                                     int *axes);
/* Reads `z` (N,Z) from a file and maps it. */
lt_tensor *ce_latents_from_z(const struct ce_models *models, const char *path, double truncation);
lt_tensor *ce_latents_from_seeds(const struct ce_models *models, const int64_t *seeds, size_t count,
                                 double truncation);

#endif
