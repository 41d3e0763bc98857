/* Writes the weights that the formula gives to a network, for benchmarks and for
 * tests of the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity/formula.h"

static int usage(void)
{
    fputs("usage: formula_weights --model NAME [--seed N] [--latent-avg] -o FILE.safetensors\n"
          "NAME: clip-vit-b32 clip-tiny clip-tiny512 stylegan2-SIZE mapper-N irse50 vgg19\n"
          "--latent-avg adds the centre of truncation to a generator\n",
          stderr);
    return 2;
}

static lt_status write_weights(lt_ctx *ctx, const char *model, const char *seed, bool latent_avg,
                               const char *path)
{
    lt_params *params = NULL;
    const uint64_t number = strtoull(seed, NULL, 10);
    lt_status status = lt_params_create(ctx, &params);
    if (status == LT_OK)
        status = formula_params(ctx, model, number, params);
    if (status == LT_OK && latent_avg)
        status = formula_latent_avg(ctx, number, params);
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, params, "model", model);
    if (status == LT_OK)
        status = lt_params_set_metadata(ctx, params, "seed", seed);
    if (status == LT_OK)
        status = lt_params_save(ctx, params, path, LT_F32);
    lt_params_free(params);
    return status;
}

int main(int argc, char **argv)
{
    const char *model = NULL, *seed = "1", *path = NULL;
    bool latent_avg = false;
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--model") == 0  ? &model
                             : strcmp(argv[i], "--seed") == 0 ? &seed
                             : strcmp(argv[i], "-o") == 0     ? &path
                                                              : NULL;
        if (strcmp(argv[i], "--latent-avg") == 0)
            latent_avg = true;
        else if (value && i + 1 < argc)
            *value = argv[++i];
        else
            return usage();
    }
    if (!model || !path)
        return usage();
    lt_ctx *ctx;
    if (lt_ctx_create(&ctx))
        return 1;
    const lt_status status = write_weights(ctx, model, seed, latent_avg, path);
    if (status)
        fprintf(stderr, "formula_weights: %s\n", lt_ctx_message(ctx));
    lt_ctx_destroy(ctx);
    return status ? 1 : 0;
}
