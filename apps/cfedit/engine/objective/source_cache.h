/* The source side of a training: what the objective knows of each latent's picture,
 * computed when the latent first comes up and kept.
 *
 * CLIP features and face embeddings, a few kilobytes a picture, are always kept.
 * VGG19 features, which are as large as pictures, are kept while they fit within a
 * limit and computed again otherwise; pictures are not kept. A row does not depend on when or
 * with which others it was computed, so training on from a checkpoint, with an empty
 * cache, gives the same bits. */
#ifndef CFEDIT_SOURCE_CACHE_H
#define CFEDIT_SOURCE_CACHE_H

#include "engine/objective/objective.h"

struct ce_source_cache;

/* For latents (N,L,D), retained; `objective` is borrowed. `perc_bytes` limits the kept VGG19
 * features. */
lt_status ce_source_cache_create(const struct ce_objective *objective, lt_tensor *latents,
                                 size_t perc_bytes, struct ce_source_cache **out);
void ce_source_cache_free(struct ce_source_cache *cache); /* NULL is accepted */

/* The sources of latents index[0..count) as one batch, without x. *source is given to
 * ce_source_free(), also after a failure. */
lt_status ce_source_cache_get(struct ce_source_cache *cache, const int64_t *index, int count,
                              struct ce_source *source);

/* How many pictures were drawn for this so far: N once all are known. */
int64_t ce_source_cache_drawn(const struct ce_source_cache *cache);

#endif
