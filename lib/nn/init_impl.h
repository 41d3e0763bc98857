/* Private to networks that draw fresh weights of their own. */
#ifndef LT_NN_INIT_IMPL_H
#define LT_NN_INIT_IMPL_H

#include "nn/params.h"

/* Where new tensors go and what they are drawn with. */
struct lt_maker {
    lt_ctx *ctx;
    lt_params *params;
    lt_rng *rng;
};

/* Adds a tensor prefix + suffix as lt_params_new(); nothing while a failure stands. */
void lt_make(const struct lt_maker *m, const char *prefix, const char *suffix, int ndim,
             const int64_t *shape, float mean, float std);

#endif
