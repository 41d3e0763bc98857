/* Files of channel effects, which the method global-directions reads. The input is a header
 * (fuzz.h). */
#include "fuzz/fuzz.h"

#include "engine/directions/channels.h"
#include "fuzz/models.h"

static struct ce_models models;
static lt_tensor *text;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    text = lt_full(models.ctx, 2, (int64_t[]){1, METHOD_E}, 0.4f);
    return text == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file input = fuzz_file_make_tensors(data, size, NULL);
    struct ce_channels channels;
    const lt_scope scope = lt_scope_open(models.ctx);
    if (ce_channels_load(&models, input.path, &channels) == LT_OK) {
        lt_tensor *direction[CE_SPACE_STYLES] = {NULL};
        int kept;
        ce_channels_direction(&models, &channels, text, 0.0f, direction, &kept);
    }
    ce_channels_close(&channels);
    lt_ctx_clear(models.ctx);
    lt_scope_close(models.ctx, scope, NULL);
    fuzz_file_close(&input);
    return 0;
}
