/* A training for the fuzz target of checkpoints, and for the program that writes its seed. */
#include "fuzz/models.h"

#include <stdlib.h>

/* The tests' helpers report each assertion that holds to Check, which wants a running test. The
 * linker passes the reports to this function (--wrap=_mark_point), which drops them. */
void __wrap__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line) { (void)file, (void)line; }

void fuzz_training_begin(struct fuzz_training *t)
{
    method_models_make(&t->models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    t->config = ce_train_defaults();
    t->config.objective.id_lambda = 0.0f;
    t->config.objective.nce.templates = 2;
    t->config.objective.nce.copies = 2;
    t->config.seed = 11;
    t->data = (struct ce_train_data){.texts = {.source = "face", .target = "green face"},
                                     .latents = method_latents(t->models.ctx, 3, 1)};
    if (lt_params_create(t->models.ctx, &t->params) != LT_OK ||
        ce_trainer_create(&t->models, &t->config, &t->data, t->params, &t->trainer) != LT_OK)
        abort();
}

void fuzz_training_end(struct fuzz_training *t)
{
    ce_trainer_free(t->trainer);
    lt_params_free(t->params);
    method_models_free(&t->models);
}
