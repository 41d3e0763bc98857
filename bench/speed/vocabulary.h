/* Makes a merge list of CLIP's size, since a benchmark may not have OpenAI's list at hand. */
#ifndef BENCH_VOCABULARY_H
#define BENCH_VOCABULARY_H

#include "tensor/context.h"

/* Makes as many merges as CLIP's vocabulary of 49408 tokens has. Every word of the template
 * sentences and of the benchmark's texts is one token, as common words are in OpenAI's list, so
 * that texts have a realistic length. The caller frees *merges with free(). */
lt_status vocabulary_make(lt_ctx *ctx, char **merges, size_t *bytes);

#endif
