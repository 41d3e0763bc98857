/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011).
 *
 * Value i of a stream is a pure function of (seed, stream, i): no state is
 * shared between threads, and filling a tensor gives the same numbers whatever
 * the number of threads. */
#ifndef LT_TENSOR_RNG_H
#define LT_TENSOR_RNG_H

#include <stdint.h>

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* A position in a stream. Draws advance `counter`; saving the three numbers
 * saves the generator. */
typedef struct lt_rng {
    uint64_t seed;
    uint64_t stream;
    uint64_t counter;
} lt_rng;

LT_API lt_rng lt_rng_make(uint64_t seed, uint64_t stream);
LT_API uint64_t lt_rng_u64(lt_rng *rng);
/* Uniform in [0, 1), 24 bits; uniform integer in [0, n), n >= 1. */
LT_API float lt_rng_uniform(lt_rng *rng);
LT_API uint64_t lt_rng_below(lt_rng *rng, uint64_t n);
/* Standard normal (Box-Muller). */
LT_API float lt_rng_normal(lt_rng *rng);

/* Fill a contiguous float32 tensor; the stream advances by its elements. */
LT_API lt_status lt_fill_normal(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float mean, float std);
LT_API lt_status lt_fill_uniform(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float low, float high);
LT_API lt_status lt_fill(lt_ctx *ctx, lt_tensor *t, float value);

LT_END_DECLS

#endif
