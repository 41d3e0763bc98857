/* A merge list of CLIP's size for benchmarks, where OpenAI's own may not be at hand. */
#ifndef BENCH_VOCABULARY_H
#define BENCH_VOCABULARY_H

#include "tensor/context.h"

/* Makes a list of as many merges as CLIP's vocabulary of 49408 tokens has, in which every word of
 * the template sentences and of the benchmark's texts is one token, as common words are in
 * OpenAI's. *merges is the caller's to free(). */
lt_status vocabulary_make(lt_ctx *ctx, char **merges, size_t *bytes);

#endif
