#include "weights/generator_training.h"

#include <string.h>

#include "autograd/ops.h"
#include "nn/models/stylegan2.h"
#include "weights/training.h"

enum { LATENTS = 16384, STREAM = 7 };

bool generator_is_fixed(const char *name)
{
    return strstr(name, "kernel") || strstr(name, "noise") || strcmp(name, "latent_avg") == 0;
}

static lt_status set_latent_average(lt_ctx *ctx, lt_params *params, uint64_t run)
{
    lt_stylegan2 *g = NULL;
    lt_status status = lt_stylegan2_create(ctx, params, &g);
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_rng rng = lt_rng_make(run, STREAM);
    lt_tensor *z = status == LT_OK
                       ? lt_zeros(ctx, 2, (int64_t[]){LATENTS, lt_stylegan2_describe(g)->z_dim})
                       : NULL;
    if (z)
        status = lt_fill_normal(ctx, z, &rng, 0.0f, 1.0f);
    lt_tensor *mean =
        status == LT_OK ? lt_mean(ctx, lt_stylegan2_mapping(ctx, g, z), 1u, false) : NULL;
    lt_tensor *avg = lt_params_find(params, "latent_avg");
    if (mean && avg)
        status = lt_copy_into(ctx, avg, mean);
    else if (status == LT_OK)
        status = lt_ctx_status(ctx);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    lt_stylegan2_free(g);
    return status;
}

lt_status generator_write(lt_ctx *ctx, const lt_params *average, uint64_t run,
                          const char *first_layer, const char *path)
{
    lt_params *out = NULL;
    lt_status status = training_clone(ctx, average, &out);
    if (status == LT_OK)
        status = set_latent_average(ctx, out, run);
    const char *const meta[][2] = {{"kind", "stylegan2"},
                                   {"domain", "face"},
                                   {"truncation", "1"},
                                   {"edit_first_layer", first_layer}};
    for (size_t i = 0; i < sizeof meta / sizeof *meta && status == LT_OK; i++)
        status = lt_params_set_metadata(ctx, out, meta[i][0], meta[i][1]);
    if (status == LT_OK)
        status = lt_params_save(ctx, out, path, LT_F16);
    lt_params_free(out);
    return status;
}
