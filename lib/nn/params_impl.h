/* A look-up that the networks share. Private to the library. */
#ifndef LT_NN_PARAMS_IMPL_H
#define LT_NN_PARAMS_IMPL_H

#include "nn/params.h"

/* lt_params_get() of the tensor whose name is `prefix` followed by `suffix`. */
lt_tensor *lt_params_get_joined(lt_ctx *ctx, const lt_params *params, const char *prefix,
                                const char *suffix, int ndim, const int64_t *shape);

#endif
