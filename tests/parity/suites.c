#include "parity/parity.h"

void parity_add_fast(SRunner *runner)
{
    srunner_add_suite(runner, suite_parity_weights());
    srunner_add_suite(runner, suite_parity_clip());
    srunner_add_suite(runner, suite_parity_preprocess());
    srunner_add_suite(runner, suite_parity_stylegan2());
    srunner_add_suite(runner, suite_parity_mapper());
    srunner_add_suite(runner, suite_parity_nce());
    srunner_add_suite(runner, suite_parity_perspective());
    srunner_add_suite(runner, suite_parity_optim());
    srunner_add_suite(runner, suite_parity_train());
}

void parity_add_full(SRunner *runner)
{
    srunner_add_suite(runner, suite_parity_clip_full());
    srunner_add_suite(runner, suite_parity_stylegan2_full());
    srunner_add_suite(runner, suite_parity_nce_full());
    srunner_add_suite(runner, suite_parity_losses_full());
    srunner_add_suite(runner, suite_parity_train_full());
}
