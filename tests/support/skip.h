/* A test that this machine cannot run is counted as skipped, with its name and the reason. */
#ifndef TESTS_SUPPORT_SKIP_H
#define TESTS_SUPPORT_SKIP_H

/* Prints "skip NAME: REASON", the line that tests/unit/run.sh counts; the test returns afterwards.
 * `name` may be __func__, from which the ending "_fn" of Check's functions is taken off. */
void test_skip(const char *name, const char *reason);

/* The path of OpenAI's merge list: CFEDIT_BPE, or its place beside the source tree. Where neither
 * is there, test `name` is reported as skipped and the result is NULL. */
const char *test_merge_list(const char *name);

#endif
