/* Fresh weights of a network: what clip_init.c and stylegan2_init.c share. Private to the
 * library. */
#ifndef LT_NN_INIT_IMPL_H
#define LT_NN_INIT_IMPL_H

#include "nn/params.h"

/* Where new tensors go, and the generator that their values are drawn from. All borrowed. */
struct lt_maker {
    lt_ctx *ctx;
    lt_params *params;
    lt_rng *rng;
};

/* Adds a tensor named prefix + suffix by lt_params_new(). Does nothing after a failure, so that a
 * list of calls needs one check at its end. */
void lt_make(const struct lt_maker *m, const char *prefix, const char *suffix, int ndim,
             const int64_t *shape, float mean, float std);

#endif
