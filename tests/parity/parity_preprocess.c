/* From an image in [-1,1] to CLIP's input at 224, and the way back of the gradient. */
#include <stdio.h>

#include "parity/fixture.h"
#include "nn/models/clip.h"

/* A network of ViT-B/32's input size; only the size matters here. */
static lt_clip *input_of_224(lt_params *params)
{
    const lt_clip_config config = {.embed_dim = 64,
                                   .image_size = 224,
                                   .patch = 32,
                                   .vision_width = 64,
                                   .vision_layers = 1,
                                   .context_length = 8,
                                   .vocab_size = 16,
                                   .text_width = 64,
                                   .text_layers = 1};
    lt_rng rng = lt_rng_make(1, 0);
    lt_clip *clip;
    PARITY_OK(lt_clip_init(parity_ctx, params, &config, &rng));
    PARITY_OK(lt_clip_create(parity_ctx, params, &clip));
    return clip;
}

START_TEST(preprocess)
{
    static const int sizes[] = {32, 256, 1024};
    char name[32];
    snprintf(name, sizeof name, "preprocess_%d", sizes[_i]);
    struct golden *g = parity_golden(name);
    lt_params *params;
    PARITY_OK(lt_params_create(parity_ctx, &params));
    lt_clip *clip = input_of_224(params);
    lt_tensor *image = parity_leaf(g, "image");
    lt_tensor *output = lt_clip_preprocess(parity_ctx, clip, image, false);
    golden_check(g, "output", output);
    PARITY_OK(lt_backward_seed(parity_ctx, output, golden_input(g, "probe")));
    golden_check(g, "grad_image", lt_grad(image));
    lt_clip_free(clip);
    lt_params_free(params);
    parity_finish(g);
}
END_TEST

Suite *suite_parity_preprocess(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_preprocess", PARITY_QUICK, &tests);
    tcase_add_loop_test(tests, preprocess, 0, 3);
    return suite;
}
