/* Files of latents and of z, with and without a selected row. The first byte of the input chooses,
 * and the rest is a header (fuzz.h). */
#include "fuzz/fuzz.h"

#include <stdio.h>

#include "engine/latents.h"
#include "fuzz/models.h"

static struct ce_models models;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    method_models_make(&models, CE_NEED_GENERATOR);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const unsigned choice = data[0];
    struct fuzz_file input = fuzz_file_make_tensors(data + 1, size - 1, NULL);
    char selection[96];
    if (choice & 1)
        snprintf(selection, sizeof selection, "%s:%d", input.path, (int)(choice >> 4) - 1);
    else
        snprintf(selection, sizeof selection, "%s", input.path);
    const lt_scope scope = lt_scope_open(models.ctx);
    enum ce_latents_form form;
    lt_tensor *w = NULL, *z = NULL;
    if (!(choice & 2))
        w = ce_latents_from_file(&models, selection, choice & 4, &form);
    else if ((z = ce_latents_read_z(&models, input.path)))
        w = ce_latents_from_z(&models, z, 0.7);
    if (w && (lt_ndim(w) != 3 || lt_dim(w, 0) < 1 || lt_dim(w, 1) != METHOD_LAYERS ||
              lt_dim(w, 2) != METHOD_D))
        __builtin_trap();
    lt_ctx_clear(models.ctx);
    lt_scope_close(models.ctx, scope, NULL);
    fuzz_file_close(&input);
    return 0;
}
