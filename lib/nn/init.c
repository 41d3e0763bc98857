/* Fresh weights of a network. */
#include "nn/init_impl.h"

#include <stdio.h>

void lt_make(const struct lt_maker *m, const char *prefix, const char *suffix, int ndim,
             const int64_t *shape, float mean, float std)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    if (lt_ctx_status(m->ctx) == LT_OK)
        lt_params_new(m->ctx, m->params, name, ndim, shape, m->rng, mean, std);
}
