/* What tests of operations share: random tensors, reading any element, and
 * gradients against central differences. Failures end the test. */
#ifndef TESTS_CHECK_GRAD_H
#define TESTS_CHECK_GRAD_H

#include "tensor/rng.h"
#include "tensor/tensor.h"

/* A context with so many threads, whose kernels are those of the LT_ISA value
 * `isa` (NULL: the best there are). */
lt_ctx *check_open(int threads, const char *isa);
/* Fails if the context has a standing failure or tensor memory in use. */
void check_close(lt_ctx *ctx);
/* The LT_ISA values, for tests that run once for each. */
enum { CHECK_ISAS = 3 };
extern const char *const check_isa[CHECK_ISAS];

/* Uniform in low..high; the same for the same seed. */
lt_tensor *check_random(lt_ctx *ctx, uint64_t seed, float low, float high, int ndim,
                        const int64_t *shape);
/* int32 ids. */
lt_tensor *check_ids(lt_ctx *ctx, const int32_t *ids, int ndim, const int64_t *shape);
/* The values of t with another layout in memory: the last two axes stored the
 * other way round, and gaps between the elements. */
lt_tensor *check_strided(lt_ctx *ctx, const lt_tensor *t);
/* Element number `index` (row-major) of a float32 tensor of any strides. */
double check_at(const lt_tensor *t, int64_t index);
/* |got - expected| <= tolerance (1 + |expected|), naming what and which element. */
void check_close_to(const char *what, int64_t index, double got, double expected, double tolerance);
/* Expects that a call failed (result NULL) with this status and a message that
 * holds `text`, and clears the failure. */
void check_failed(lt_ctx *ctx, const void *result, lt_status status, const char *text);

/* Builds the tensor to differentiate from the leaves. */
typedef lt_tensor *(*check_grad_fn)(lt_ctx *ctx, lt_tensor *const *leaf, void *user);

struct check_grad {
    double step;      /* of the difference quotients; 0 means 1e-2 */
    double tolerance; /* relative to the leaf's largest gradient; 0 means 2e-3 */
    int samples;      /* elements tried per leaf, at most; 0 means 48 */
    uint64_t seed;    /* of the random probe and of the choice of elements */
};

/* With loss = sum(build(leaves) * probe), probe random in -1..1, compares
 * lt_backward_seed()'s gradient of each leaf (NULL ones are skipped; all are
 * contiguous float32) with central differences, whose sums are in double. Also
 * checks that the tape is empty and no memory is left behind. */
void check_grad(lt_ctx *ctx, const char *name, check_grad_fn build, void *user, int leaves,
                lt_tensor *const *leaf, struct check_grad how);

#endif
