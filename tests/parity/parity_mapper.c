/* The mapper of CF-CLIP for 8, 14 and 18 layers: text mapping, edit, parameter gradients. */
#include <stdio.h>

#include "engine/mapper/mapper.h"
#include "parity/fixture.h"

START_TEST(mapper)
{
    static const int layers[] = {8, 14, 18};
    char name[32];
    snprintf(name, sizeof name, "mapper_%d", layers[_i]);
    struct golden *g = parity_golden(name);
    snprintf(name, sizeof name, "mapper-%d", layers[_i]);
    lt_params *params = parity_model(name);
    PARITY_OK(lt_params_require_grad(parity_ctx, params, NULL, true));
    struct ce_mapper *net;
    PARITY_OK(ce_mapper_create(parity_ctx, params, layers[_i], &net));
    lt_tensor *t_w = ce_mapper_text(parity_ctx, net, golden_input(g, "text_feature"));
    golden_check(g, "t_w", t_w);
    lt_tensor *w_hat = ce_mapper_edit(parity_ctx, net, golden_input(g, "w"), t_w, 1.0f);
    golden_check(g, "w_hat", w_hat);
    PARITY_OK(lt_backward_seed(parity_ctx, w_hat, golden_input(g, "probe")));
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const lt_tensor *p = lt_params_at(params, i);
        golden_check_summary(g, "grad", lt_params_name(params, i), p, lt_grad(p));
    }
    ce_mapper_free(net);
    parity_finish(g);
}
END_TEST

Suite *suite_parity_mapper(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_mapper", PARITY_QUICK, &tests);
    tcase_add_loop_test(tests, mapper, 0, 3);
    return suite;
}
