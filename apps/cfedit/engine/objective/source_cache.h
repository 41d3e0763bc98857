/* The source side of a training: the features of each latent's picture that the objective compares
 * with. They are computed when a latent is used for the first time, and kept.
 *
 * CLIP features and face embeddings take a few kilobytes a picture and are always kept. VGG19
 * features are as large as pictures; they are kept while they fit within a limit and computed again
 * otherwise. Pictures are not kept. The features of a latent do not depend on when, or together
 * with which others, they were computed. So a training continued from a checkpoint, with an empty
 * cache, gives the same bits. */
#ifndef CFEDIT_SOURCE_CACHE_H
#define CFEDIT_SOURCE_CACHE_H

#include "engine/objective/objective.h"

struct ce_source_cache;

/* Makes an empty cache for latents (N,L,D), which are retained; `objective` is borrowed. At most
 * `perc_bytes` bytes of VGG19 features are kept. */
lt_status ce_source_cache_create(const struct ce_objective *objective, lt_tensor *latents,
                                 size_t perc_bytes, struct ce_source_cache **out);
void ce_source_cache_free(struct ce_source_cache *cache); /* NULL is accepted */

/* The sources of the latents index[0..count) as one batch, without x. *source is given to
 * ce_source_free(), also after a failure. */
lt_status ce_source_cache_get(struct ce_source_cache *cache, const int64_t *index, int count,
                              struct ce_source *source);

/* How many pictures have been drawn to fill the cache: N once all are known. */
int64_t ce_source_cache_drawn(const struct ce_source_cache *cache);

#endif
