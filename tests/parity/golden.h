/* Reference numbers of the published code, and the comparison with them.
 *
 * A golden is a safetensors file in tests/data/goldens (or in the folder that
 * CFEDIT_GOLDENS names). Its metadata says how the inputs are made by formula.h
 * (`input:K`), and gives for each quantity K the tolerance `tol:K` and, for
 * information, `spread:K`, the measured difference between the reference in
 * float32 and in float64. K without a tolerance is informative only.
 *
 * K passes if max|got - K| <= tol max|K|; all zeros means exactly zero. */
#ifndef PARITY_GOLDEN_H
#define PARITY_GOLDEN_H

#include <stdbool.h>

#include "nn/params.h"

struct golden;

/* Opens NAME.safetensors in the folder of the goldens. NULL after a failure. */
struct golden *golden_open(lt_ctx *ctx, const char *name);

/* Input `key` ("image") as `input:key` describes it; its first values are checked
 * against `head:key`. NULL after a failure. */
lt_tensor *golden_input(struct golden *g, const char *key);

/* A member of a family of inputs: `metadata_key` ("grad:v") describes one tensor
 * whose name has a number in angle brackets. */
lt_tensor *golden_numbered(struct golden *g, const char *metadata_key, int number);

/* The text of a metadata key, and a stored tensor. A missing one is a failure. */
const char *golden_text(struct golden *g, const char *key);
lt_tensor *golden_tensor(struct golden *g, const char *name);
bool golden_has(const struct golden *g, const char *name);
bool golden_has_text(const struct golden *g, const char *key);
/* The number that `option:key` of a training run holds. */
double golden_option(struct golden *g, const char *key);

/* Compares `got` with quantity K: with the tensor K itself, and with K.pool (means
 * over square windows) and K.probe (values at drawn positions), whichever the file has. A NULL
 * `got` is a failure that is told with the context's message. */
void golden_check(struct golden *g, const char *name, const lt_tensor *got);
/* Compares `got` with one element of stored array K, for instance element 2 of "loss", the loss of
 * step 3. */
void golden_check_element(struct golden *g, const char *name, int64_t index, float got);
/* Compares a parameter or its gradient with the stored summary PREFIX.PARAMETER: the sum, the l2
 * norm, the greatest magnitude and eight drawn values. `got` NULL stands for zeros in the shape of
 * `like`. */
void golden_check_summary(struct golden *g, const char *prefix, const char *parameter,
                          const lt_tensor *like, const lt_tensor *got);

/* Sets whether a stored quantity that no test compared counts as a failure. It does by default. */
void golden_allow_partial(struct golden *g);

/* Prints one line on the golden and one for each failure (with CFEDIT_PARITY_VERBOSE in the
 * environment, for each quantity), frees it, and returns the number of failures. The summaries of a
 * train_* file are accepted when 95 % pass and the others are within 0.3: one unit on the kink of
 * its activation spoils the gradients of its whole layer. NULL counts as a failure. */
int golden_close(struct golden *g);

/* Frees a golden without a verdict, for callers that only wanted its inputs. NULL is accepted. */
void golden_free(struct golden *g);

#endif
