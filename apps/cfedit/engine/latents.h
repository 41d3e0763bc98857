/* Latents of pictures, from files and from seeds.
 *
 * A seed alone fixes a face: its z is the first z_dim standard normals of lt_rng_make(seed, 0), and
 * goes through the mapping network. All results are W+ (N,L,D), contiguous float32, checked for NaN
 * and infinity. */
#ifndef CFEDIT_LATENTS_H
#define CFEDIT_LATENTS_H

#include "engine/models.h"

/* What the tensor `latents` of a file holds. */
enum ce_latents_form {
    CE_LATENTS_W,        /* (N,D) or (N,1,D): repeated for all layers */
    CE_LATENTS_WPLUS,    /* (N,L,D) */
    CE_LATENTS_ONE_WPLUS /* (L,D): as many rows as the generator has layers, so one W+ latent whose
                            first axis was left out, and not L latents of W */
};

/* Reads latents from "FILE", a safetensors file or a .npy or .npz of NumPy, as W+ (N,L,D); "FILE:i"
 * selects row i, unless there is a file of that whole name. With `w_space` the rows of (L,D) are L
 * latents of W all the same. *form tells what the file holds. Errors: LT_ERR_IO, LT_ERR_FORMAT,
 * LT_ERR_SHAPE (another generator's), LT_ERR_ARGUMENT (no such row), LT_ERR_NUMERIC. */
lt_tensor *ce_latents_from_file(const struct ce_models *models, const char *selection, bool w_space,
                                enum ce_latents_form *form);
/* Like ce_latents_from_file(), with any strides: the rows as they were read, W spread over the
 * layers without a copy for each. */
lt_tensor *ce_latents_view_file(const struct ce_models *models, const char *selection, bool w_space,
                                enum ce_latents_form *form);
/* Reads `z` (N,Z) from a file. Errors: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_SHAPE. */
lt_tensor *ce_latents_read_z(const struct ce_models *models, const char *path);
/* Maps z (N,Z). */
lt_tensor *ce_latents_from_z(const struct ce_models *models, lt_tensor *z, double truncation);
lt_tensor *ce_latents_from_seeds(const struct ce_models *models, const int64_t *seeds, size_t count,
                                 double truncation);

#endif
