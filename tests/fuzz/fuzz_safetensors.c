/* Whole safetensors files: everything that can be asked about one, and every tensor of it. */
#include "fuzz/fuzz.h"

#include "nn/params.h"

static lt_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return lt_ctx_create(&ctx) != LT_OK || lt_ctx_set_threads(ctx, 1) != LT_OK;
}

/* Reads every byte of a tensor, so that a wrong size or offset is seen. */
static uint64_t sum_of(const lt_tensor *t)
{
    uint64_t sum = 0;
    const unsigned char *bytes = t ? lt_data(t) : NULL;
    for (int64_t i = 0; bytes && i < lt_numel(t) * (int64_t)lt_dtype_size(lt_type(t)); i++)
        sum += bytes[i];
    return sum;
}

static void look_at_tensors(const lt_safetensors *file)
{
    volatile uint64_t sum = 0;
    for (size_t i = 0; i < lt_safetensors_count(file); i++) {
        const lt_safetensors_info *info = lt_safetensors_at(file, i);
        if (lt_safetensors_find(file, info->name) != info)
            __builtin_trap();
        const lt_scope scope = lt_scope_open(ctx);
        sum += sum_of(lt_safetensors_borrow(ctx, file, info->name));
        lt_ctx_clear(ctx);
        sum += sum_of(lt_safetensors_f32(ctx, file, info->name));
        lt_ctx_clear(ctx);
        lt_scope_close(ctx, scope, NULL);
    }
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file input = fuzz_file_make(data, size);
    lt_safetensors *file = NULL;
    lt_params *params = NULL;
    if (lt_safetensors_open(ctx, input.path, &file) == LT_OK) {
        look_at_tensors(file);
        const char *key, *value;
        for (size_t i = 0; lt_safetensors_metadata_at(file, i, &key, &value); i++)
            if (lt_safetensors_metadata(file, key) == NULL)
                __builtin_trap();
        if (lt_params_create(ctx, &params) == LT_OK)
            lt_params_load_from(ctx, params, file, NULL);
        lt_params_free(params);
    }
    lt_safetensors_close(file);
    lt_ctx_clear(ctx);
    fuzz_file_close(&input);
    return 0;
}
