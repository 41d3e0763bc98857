/* Helpers for the parity tests: a context for each test, networks filled by the formula, the
 * tokenizer with the published vocabulary, and the end of a comparison. */
#ifndef PARITY_FIXTURE_H
#define PARITY_FIXTURE_H

#include <check.h>

#include "autograd/ops.h"
#include "parity/formula.h"
#include "parity/golden.h"
#include "nn/text/tokenizer.h"
#include "unit/suites.h"

/* The context of the running test. CFEDIT_TEST_THREADS sets its number of threads. */
extern lt_ctx *parity_ctx;

/* PARITY_OK fails the test unless `status` is LT_OK, PARITY_HAVE fails it unless `value` is not
 * NULL. The message is the context's. */
#define PARITY_OK(status)  ck_assert_msg((status) == LT_OK, "%s", lt_ctx_message(parity_ctx))
#define PARITY_HAVE(value) ck_assert_msg((value) != NULL, "%s", lt_ctx_message(parity_ctx))

/* Time limits in seconds for tests that take milliseconds, seconds and minutes. They are wide,
 * because the machine may be busy. */
enum { PARITY_QUICK = 60, PARITY_SLOW = 300, PARITY_FULL = 900 };

/* A suite with one test case, whose tests get a fresh context and may take `seconds` each. Its tag
 * is "parity"; tests with a limit above PARITY_QUICK also get the tag "slow", so that
 * CK_EXCLUDE_TAGS=slow leaves them out, for instance under sanitizers. */
Suite *parity_suite(const char *name, double seconds, TCase **tests);

/* Opens a golden. The test fails if it cannot be opened. */
struct golden *parity_golden(const char *name);
/* Closes the golden and fails the test if any comparison with it failed. */
void parity_finish(struct golden *g);

/* The weights that the formula gives to `model` with the seed of the goldens. They are freed at the
 * end of the test. */
lt_params *parity_model(const char *model);

/* Input `key` of the golden as a leaf that receives a gradient. */
lt_tensor *parity_leaf(struct golden *g, const char *key);

/* Row `i` along the first axis: a view without this axis. */
lt_tensor *parity_row(lt_tensor *t, int64_t i);

/* A tokenizer with OpenAI's merge list, found by test_merge_list(); freed at the end of the test.
 * Where there is no list, `test` is reported as skipped and the result is NULL. */
lt_tokenizer *parity_tokenizer(const char *test);

#endif
