/* Short marks by which models and latents are told apart. */
#ifndef CFEDIT_DIGEST_H
#define CFEDIT_DIGEST_H

#include "engine/models.h"

/* A hash of the generator and of CLIP, both open: of the first 64 values of every tensor. */
uint64_t ce_digest_models(const struct ce_models *models);

/* A hash of all values of a float32 tensor. */
uint64_t ce_digest_tensor(const lt_tensor *tensor);

#endif
