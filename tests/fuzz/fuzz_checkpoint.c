/* Checkpoints of a training, from which the training continues, and mappers, which are applied. The
 * input is a header (fuzz.h). */
#include "fuzz/fuzz.h"

#include "fuzz/models.h"

static struct fuzz_training training;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_training_begin(&training);
    return 0;
}

static void apply(const char *path)
{
    lt_ctx *ctx = training.models.ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_params *params = NULL;
    struct ce_mapper *mapper = NULL;
    if (lt_params_create(ctx, &params) == LT_OK && ce_mapper_load(ctx, params, path) == LT_OK &&
        ce_mapper_create(ctx, params, METHOD_LAYERS, &mapper) == LT_OK) {
        const struct ce_mapper_config *config = ce_mapper_describe(mapper);
        lt_no_grad_begin(ctx);
        lt_tensor *text = lt_zeros(ctx, 2, (int64_t[]){1, METHOD_E});
        if (config->without_text || config->text_dim == METHOD_E)
            ce_mapper_edit(ctx, mapper, training.data.latents, ce_mapper_text(ctx, mapper, text),
                           1.0f);
        lt_no_grad_end(ctx);
    }
    ce_mapper_free(mapper);
    lt_params_free(params);
    lt_ctx_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file input = fuzz_file_make_tensors(data, size, NULL);
    ce_trainer_restore(training.trainer, input.path);
    lt_ctx_clear(training.models.ctx);
    apply(input.path);
    fuzz_file_close(&input);
    return 0;
}
