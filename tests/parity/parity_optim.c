/* Ranger and Adam: 24 steps with given gradients, at two learning rates. */
#include <stdio.h>
#include <stdlib.h>

#include "parity/fixture.h"
#include "nn/optim.h"

static const char *const parts[] = {"v", "m", "c"};

/* Makes `gradient` the gradient of leaf `p`. */
static void give_gradient(lt_tensor *p, const lt_tensor *gradient)
{
    PARITY_HAVE(gradient);
    PARITY_OK(lt_backward_seed(parity_ctx, lt_affine(parity_ctx, p, 1.0f, 0.0f), gradient));
}

static void trajectory(struct golden *g, lt_optim_kind kind, const char *rate)
{
    lt_params *params;
    lt_optim *optim;
    lt_optim_config config = lt_optim_defaults(kind);
    config.lr = strtof(rate, NULL);
    PARITY_OK(lt_params_create(parity_ctx, &params));
    for (int i = 0; i < 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "param.%s", parts[i]);
        PARITY_OK(lt_params_add(parity_ctx, params, parts[i], parity_leaf(g, key)));
    }
    PARITY_OK(lt_optim_create(parity_ctx, params, &config, &optim));
    for (int step = 1; step <= 24; step++) {
        const lt_scope scope = lt_scope_open(parity_ctx);
        lt_optim_zero_grad(optim);
        for (int i = 0; i < 3; i++) {
            char key[16];
            snprintf(key, sizeof key, "grad:%s", parts[i]);
            give_gradient(lt_params_find(params, parts[i]), golden_numbered(g, key, step));
        }
        PARITY_OK(lt_optim_step(parity_ctx, optim));
        for (int i = 0; i < 3; i++) {
            char quantity[32];
            snprintf(quantity, sizeof quantity, "lr%s.step%02d.%s", rate, step, parts[i]);
            if (golden_has(g, quantity))
                golden_check(g, quantity, lt_params_find(params, parts[i]));
        }
        lt_scope_close(parity_ctx, scope, NULL);
    }
    lt_optim_free(optim);
    lt_params_free(params);
}

static void both_rates(const char *name, lt_optim_kind kind)
{
    struct golden *g = parity_golden(name);
    trajectory(g, kind, "0.5");
    trajectory(g, kind, "0.01");
    parity_finish(g);
}

START_TEST(ranger)
{
    both_rates("ranger", LT_RANGER);
}
END_TEST

START_TEST(adam)
{
    both_rates("adam", LT_ADAM);
}
END_TEST

Suite *suite_parity_optim(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_optim", PARITY_QUICK, &tests);
    tcase_add_test(tests, ranger);
    tcase_add_test(tests, adam);
    return suite;
}
