/* Random numbers by a counter (Philox4x32-10, Salmon et al. 2011).
 *
 * Number i of a stream depends on (seed, stream, i) alone: threads share no state, and filling a
 * tensor gives the same numbers with any number of threads. */
#ifndef LT_TENSOR_RNG_H
#define LT_TENSOR_RNG_H

#include <stdint.h>

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* A position in a stream. Drawing a number advances `counter`. To save a generator, save the three
 * numbers. */
typedef struct lt_rng {
    uint64_t seed;
    uint64_t stream;
    uint64_t counter;
} lt_rng;

/* The beginning of a stream. */
LT_API lt_rng lt_rng_make(uint64_t seed, uint64_t stream);
/* 64 random bits. */
LT_API uint64_t lt_rng_u64(lt_rng *rng);
/* A uniform number in [0, 1), with 24 random bits. */
LT_API float lt_rng_uniform(lt_rng *rng);
/* A uniform integer in [0, n), n >= 1. */
LT_API uint64_t lt_rng_below(lt_rng *rng, uint64_t n);
/* A number of the standard normal distribution (Box-Muller). */
LT_API float lt_rng_normal(lt_rng *rng);

/* Fills a contiguous float32 tensor with normal numbers; the stream advances by one number per
 * element. Errors of the three: LT_ERR_ARGUMENT for any other tensor, and for NULL. */
LT_API lt_status lt_fill_normal(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float mean, float std);
/* Fills a contiguous float32 tensor with uniform numbers in [low, high); the stream advances by one
 * number per element. */
LT_API lt_status lt_fill_uniform(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float low, float high);
/* Sets all elements of a contiguous float32 tensor to `value`. */
LT_API lt_status lt_fill(lt_ctx *ctx, lt_tensor *t, float value);

LT_END_DECLS

#endif
