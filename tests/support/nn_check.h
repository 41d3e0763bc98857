/* Helpers for tests of networks: contexts, distances, and gradients against central differences. A
 * failure ends the test. */
#ifndef TESTS_NN_CHECK_H
#define TESTS_NN_CHECK_H

#include <check.h>

#include "autograd/ops.h"
#include "nn/params.h"

lt_ctx *nn_context(void);

#define nn_assert_ok(ctx) ck_assert_msg(lt_ctx_status(ctx) == LT_OK, "%s", lt_ctx_message(ctx))

/* Asserts that the context holds a failure of this status whose message contains `part`, and clears
 * it. */
void nn_assert_failed(lt_ctx *ctx, lt_status status, const char *part);

/* A new tensor of normal values. */
lt_tensor *nn_normal(lt_ctx *ctx, lt_rng *rng, int ndim, const int64_t *shape);

/* The largest |a - b| divided by the largest |b|. */
double nn_distance(const lt_tensor *a, const lt_tensor *b);

/* Compares the gradient of sum(forward * probe) with respect to `leaf` with central differences at
 * `samples` elements. Errors are relative to the largest entry of the gradient. */
typedef lt_tensor *(*nn_forward)(lt_ctx *ctx, void *user);
void nn_check_gradient(lt_ctx *ctx, const char *what, lt_tensor *leaf, nn_forward forward,
                       void *user, int samples, float step, double tolerance);

#endif
