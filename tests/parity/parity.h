/* The permanent comparison with the published code: one test a golden file.
 *
 * The fast tier runs with every `make test`, the full tier (ViT-B/32, 1024 pixels,
 * the loss networks) with `make test-full`. Tests run from the source root. */
#ifndef PARITY_PARITY_H
#define PARITY_PARITY_H

#include <check.h>

void parity_add_fast(SRunner *runner);
void parity_add_full(SRunner *runner);

/* Their parts; each makes a suite of the tests of one tier. */
Suite *suite_parity_weights(void);
Suite *suite_parity_clip(void);
Suite *suite_parity_clip_full(void);
Suite *suite_parity_preprocess(void);
Suite *suite_parity_stylegan2(void);
Suite *suite_parity_stylegan2_full(void);
Suite *suite_parity_mapper(void);
Suite *suite_parity_nce(void);
Suite *suite_parity_nce_full(void);
Suite *suite_parity_perspective(void);
Suite *suite_parity_losses_full(void);
Suite *suite_parity_optim(void);
Suite *suite_parity_train(void);
Suite *suite_parity_train_full(void);

#endif
