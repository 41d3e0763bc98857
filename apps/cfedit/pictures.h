/* Picture files as the networks read them. */
#ifndef CFEDIT_PICTURES_H
#define CFEDIT_PICTURES_H

#include "models.h"

/* A PNG or JPEG as a tensor (1, 3, H, W) in [-1, 1]. */
lt_tensor *ce_picture_read(lt_ctx *ctx, const char *path);

/* Picture files of any sizes -> raw CLIP features (N, D), in small batches with progress on
 * stderr. */
lt_tensor *ce_pictures_embed(struct ce_run *run, const struct ce_models *models,
                             const char *const *paths, size_t count, bool antialias);

#endif
