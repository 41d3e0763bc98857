#include "parity/fixture.h"

#include <stdlib.h>

#include "support/skip.h"

lt_ctx *parity_ctx;

/* Networks and tokenizer of the running test, freed in teardown(). */
static lt_params *models[8];
static size_t model_count;
static lt_tokenizer *tokenizer;

static void setup(void)
{
    const char *threads = getenv("CFEDIT_TEST_THREADS");
    ck_assert_int_eq(lt_ctx_create(&parity_ctx), LT_OK);
    if (threads)
        PARITY_OK(lt_ctx_set_threads(parity_ctx, atoi(threads)));
}

static void teardown(void)
{
    for (size_t i = 0; i < model_count; i++)
        lt_params_free(models[i]);
    model_count = 0;
    lt_tokenizer_free(tokenizer);
    tokenizer = NULL;
    lt_ctx_destroy(parity_ctx);
}

Suite *parity_suite(const char *name, double seconds, TCase **tests)
{
    Suite *suite = suite_create(name);
    *tests = tcase_create(name);
    tcase_add_checked_fixture(*tests, setup, teardown);
    tcase_set_timeout(*tests, seconds);
    tcase_set_tags(*tests, seconds > PARITY_QUICK ? "parity slow" : "parity");
    suite_add_tcase(suite, *tests);
    return suite;
}

struct golden *parity_golden(const char *name)
{
    struct golden *g = golden_open(parity_ctx, name);
    ck_assert_msg(g != NULL, "golden %s: %s", name, lt_ctx_message(parity_ctx));
    return g;
}

void parity_finish(struct golden *g)
{
    PARITY_OK(lt_ctx_status(parity_ctx));
    const int failures = golden_close(g);
    ck_assert_msg(failures == 0, "%d comparisons failed, see above", failures);
}

lt_params *parity_model(const char *model)
{
    ck_assert_uint_lt(model_count, sizeof models / sizeof models[0]);
    PARITY_OK(lt_params_create(parity_ctx, &models[model_count]));
    PARITY_OK(formula_params(parity_ctx, model, 1, models[model_count]));
    return models[model_count++];
}

lt_tensor *parity_leaf(struct golden *g, const char *key)
{
    lt_tensor *t = golden_input(g, key);
    PARITY_HAVE(t);
    PARITY_OK(lt_set_requires_grad(parity_ctx, t, true));
    return t;
}

lt_tensor *parity_row(lt_tensor *t, int64_t i)
{
    PARITY_HAVE(t);
    return lt_view(parity_ctx, t, lt_ndim(t) - 1, lt_shape(t) + 1, lt_strides(t) + 1,
                   i * lt_strides(t)[0]);
}

lt_tokenizer *parity_tokenizer(const char *test)
{
    const char *path = test_merge_list(test);
    if (!path)
        return NULL;
    PARITY_OK(lt_tokenizer_open(parity_ctx, path, &tokenizer));
    return tokenizer;
}
