/* A random picture of a StyleGAN2 generator, and the direction in which it gets brighter.
 *
 * The picture is drawn twice: as it is, and after a small step of the W+ latent along the gradient
 * of its mean brightness. Both are written side by side as a PPM file, which every picture viewer
 * opens.
 *
 * run: GENERATOR.safetensors OUT.ppm
 * prints: brightness before and after */
#include <libtensor.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned char byte_of(float value) /* of [-1,1] */
{
    const float clamped = value < -1 ? -1 : value > 1 ? 1 : value;
    return (unsigned char)((clamped + 1) * 127.5f + 0.5f);
}

/* Writes pictures a and b (1,3,S,S) side by side. */
static int write_pair(const char *path, const lt_tensor *a, const lt_tensor *b)
{
    const int64_t side = lt_dim(a, 3);
    FILE *file = fopen(path, "wb");
    if (!file)
        return -1;
    fprintf(file, "P6 %lld %lld 255\n", (long long)(2 * side), (long long)side);
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < 2 * side; x++)
            for (int64_t k = 0; k < 3; k++)
                fputc(byte_of(lt_f32(x < side ? a : b)[(k * side + y) * side + x % side]), file);
    return fclose(file);
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    lt_params *weights = NULL;
    lt_stylegan2 *g = NULL;
    lt_rng rng = lt_rng_make(7, 0);
    int failed = 1;
    if (argc < 3 || lt_ctx_create(&ctx) != LT_OK)
        return 2;
    if (lt_params_create(ctx, &weights) != LT_OK ||
        lt_params_load(ctx, weights, argv[1], NULL) != LT_OK ||
        lt_stylegan2_create(ctx, weights, &g) != LT_OK)
        goto out;

    /* z -> W -> W+: the mapping network, then one copy for each layer. */
    lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){1, lt_stylegan2_describe(g)->z_dim});
    lt_fill_normal(ctx, z, &rng, 0.0f, 1.0f);
    lt_tensor *w = lt_detach(ctx, lt_stylegan2_broadcast(ctx, g, lt_stylegan2_mapping(ctx, g, z)));
    lt_set_requires_grad(ctx, w, true);
    lt_tensor *before = lt_stylegan2_synthesis(ctx, g, w);
    lt_tensor *brightness = lt_mean(ctx, before, 0, false);
    if (lt_backward(ctx, brightness) != LT_OK)
        goto out;

    /* A step of length 3 along the gradient. */
    lt_no_grad_begin(ctx);
    lt_tensor *step = lt_l2_normalize(ctx, lt_reshape(ctx, lt_grad(w), 1, (int64_t[]){-1}), 1e-12f);
    step = lt_reshape(ctx, lt_affine(ctx, step, 3.0f, 0.0f), 3, lt_shape(w));
    lt_tensor *after = lt_stylegan2_synthesis(ctx, g, lt_add(ctx, w, step));
    lt_tensor *brighter = lt_mean(ctx, after, 0, false);
    lt_no_grad_end(ctx);
    if (lt_ctx_status(ctx) != LT_OK)
        goto out;
    printf("brightness %.4f -> %.4f\n", (double)lt_item(brightness), (double)lt_item(brighter));
    failed = write_pair(argv[2], before, after) != 0;
out:
    if (lt_ctx_status(ctx) != LT_OK)
        printf("%s\n", lt_ctx_message(ctx));
    lt_stylegan2_free(g);
    lt_params_free(weights);
    lt_ctx_destroy(ctx);
    return failed;
}
