/* What the parity tests share: a context for each test, networks filled by the
 * formula, the tokenizer's vocabulary, the end of a comparison. */
#ifndef PARITY_FIXTURE_H
#define PARITY_FIXTURE_H

#include <check.h>

#include "autograd/ops.h"
#include "parity/formula.h"
#include "parity/golden.h"
#include "nn/text/tokenizer.h"
#include "unit/suites.h"

/* The running test's context; CFEDIT_TEST_THREADS sets its threads. */
extern lt_ctx *parity_ctx;

/* Fails the test with the context's message unless `status` is LT_OK, or `value` is there. */
#define PARITY_OK(status)  ck_assert_msg((status) == LT_OK, "%s", lt_ctx_message(parity_ctx))
#define PARITY_HAVE(value) ck_assert_msg((value) != NULL, "%s", lt_ctx_message(parity_ctx))

/* Limits in seconds of one test, for a busy machine: of milliseconds, of seconds, of minutes. */
enum { PARITY_QUICK = 60, PARITY_SLOW = 300, PARITY_FULL = 900 };

/* A suite of one case whose tests get a fresh context and `seconds` each. Its tag is "parity", and
 * "slow" too beyond PARITY_QUICK: CK_EXCLUDE_TAGS=slow leaves those out, for instance under
 * sanitizers. */
Suite *parity_suite(const char *name, double seconds, TCase **tests);

/* Opens a golden, the test failing where it cannot. */
struct golden *parity_golden(const char *name);
/* Closes it and fails the test if any comparison did. */
void parity_finish(struct golden *g);

/* The formula's weights with the goldens' seed, freed with the test. */
lt_params *parity_model(const char *model);

/* An input that wants a gradient. */
lt_tensor *parity_leaf(struct golden *g, const char *key);

/* Row `i` of the first axis, a view without that axis. */
lt_tensor *parity_row(lt_tensor *t, int64_t i);

/* OpenAI's merge list: the file that CFEDIT_BPE names, or its place beside the
 * source tree. Where it is missing `test` is reported as skipped and the result is NULL. */
lt_tokenizer *parity_tokenizer(const char *test);

#endif
