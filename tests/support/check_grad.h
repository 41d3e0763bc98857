/* Helpers for tests of operations: random tensors, access to single elements, and gradients against
 * central differences. A failure ends the test. */
#ifndef TESTS_CHECK_GRAD_H
#define TESTS_CHECK_GRAD_H

#include "tensor/rng.h"
#include "tensor/tensor.h"

/* A context with `threads` threads that runs the kernels of instruction set `isa` (a value of
 * LT_ISA; NULL means the best that the processor has). */
lt_ctx *check_open(int threads, const char *isa);
/* Destroys the context. The test fails if a failure is left in it or tensor memory is in use. */
void check_close(lt_ctx *ctx);
/* The values of LT_ISA, for tests that run once with each. */
enum { CHECK_ISAS = 3 };
extern const char *const check_isa[CHECK_ISAS];

/* A tensor of uniform values in low..high; a seed always gives the same values. */
lt_tensor *check_random(lt_ctx *ctx, uint64_t seed, float low, float high, int ndim,
                        const int64_t *shape);
/* A tensor of int32 ids, copied from `ids`. */
lt_tensor *check_ids(lt_ctx *ctx, const int32_t *ids, int ndim, const int64_t *shape);
/* A tensor with the values of t in another memory layout: the last two axes stored in the other
 * order, with gaps between elements. */
lt_tensor *check_strided(lt_ctx *ctx, const lt_tensor *t);
/* Element number `index` (row-major) of a float32 tensor of any strides. */
double check_at(const lt_tensor *t, int64_t index);
/* Asserts |got - expected| <= tolerance (1 + |expected|). The message names `what` and the
 * element. */
void check_close_to(const char *what, int64_t index, double got, double expected, double tolerance);
/* Asserts that a call failed (result NULL) with this status and a message that contains `text`, and
 * clears the failure. */
void check_failed(lt_ctx *ctx, const void *result, lt_status status, const char *text);

/* Builds the tensor to differentiate from the leaves. */
typedef lt_tensor *(*check_grad_fn)(lt_ctx *ctx, lt_tensor *const *leaf, void *user);

struct check_grad {
    double step;      /* of the difference quotients; 0 means 1e-2 */
    double tolerance; /* relative to the leaf's largest gradient; 0 means 2e-3 */
    int samples;      /* elements tried per leaf, at most; 0 means 48 */
    uint64_t seed;    /* of the random probe and of the choice of elements */
};

/* Checks the gradient of loss = sum(build(leaves) * probe), where probe is random in -1..1: the
 * result of lt_backward_seed() for each leaf must match central differences, whose sums are in
 * double. Leaves are contiguous float32; NULL ones are skipped. The tape must be empty afterwards,
 * and no memory left behind. */
void check_grad(lt_ctx *ctx, const char *name, check_grad_fn build, void *user, int leaves,
                lt_tensor *const *leaf, struct check_grad how);

#endif
