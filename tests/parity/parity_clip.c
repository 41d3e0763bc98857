/* CLIP: features, residual stream and image gradients, tiny and ViT-B/32. */
#include <stdio.h>
#include <string.h>

#include "parity/fixture.h"
#include "nn/models/clip.h"

/* Receives the intermediate tensors (taps) of one forward pass. */
struct taps {
    struct golden *golden;
    bool class_token; /* only the first token's features are in the file */
};

/* A tap named "visual.0" is the residual stream after ln_pre, "visual.1" the stream after block 0;
 * "text.N" counts in the same way. The goldens hold image 0 and text 0. */
static void tap(void *user, const char *name, lt_tensor *t)
{
    const struct taps *taps = user;
    char tower[16], quantity[64];
    int stage;
    if (sscanf(name, "%15[^.].%d", tower, &stage) != 2)
        return;
    const bool visual = strcmp(tower, "visual") == 0;
    if (stage == 0)
        snprintf(quantity, sizeof quantity, "%s.ln_pre.image0", tower);
    else
        snprintf(quantity, sizeof quantity, "%s.block%d.%s", tower, stage - 1,
                 visual ? "image0" : "text0");
    if (taps->class_token)
        strcat(quantity, ".cls");
    if (!golden_has(taps->golden, quantity))
        return;
    lt_tensor *first = parity_row(t, 0);
    golden_check(taps->golden, quantity, taps->class_token ? parity_row(first, 0) : first);
}

static lt_tensor *cosines(lt_tensor *a, lt_tensor *b)
{
    return lt_matmul(parity_ctx, lt_l2_normalize(parity_ctx, a, 0.0f),
                     lt_l2_normalize(parity_ctx, b, 0.0f), false, true);
}

START_TEST(tiny)
{
    struct golden *g = parity_golden("clip_tiny");
    struct taps taps = {.golden = g};
    lt_clip *clip;
    PARITY_OK(lt_clip_create(parity_ctx, parity_model("clip-tiny"), &clip));
    lt_clip_set_tap(clip, tap, &taps);
    lt_tensor *image = parity_leaf(g, "image");
    lt_tensor *features = lt_clip_encode_image(parity_ctx, clip, image);
    golden_check(g, "image_features", features);
    PARITY_OK(lt_backward_seed(parity_ctx, features, golden_input(g, "probe")));
    golden_check(g, "grad_image", lt_grad(image));

    lt_no_grad_begin(parity_ctx);
    PARITY_HAVE(lt_clip_encode_text(parity_ctx, clip, golden_tensor(g, "tokens")));
    lt_clip_set_tap(clip, NULL, NULL);
    lt_tensor *text = lt_clip_encode_text(parity_ctx, clip, golden_tensor(g, "tokens"));
    golden_check(g, "text_features", text);
    lt_tensor *scale = lt_exp(parity_ctx, lt_clip_logit_scale(clip));
    golden_check(g, "logits_per_image", lt_mul(parity_ctx, cosines(features, text), scale));
    lt_no_grad_end(parity_ctx);
    lt_clip_free(clip);
    parity_finish(g);
}
END_TEST

START_TEST(vit_b32)
{
    struct golden *g = parity_golden("clip_vit_b32");
    struct taps taps = {.golden = g, .class_token = true};
    lt_clip *clip;
    PARITY_OK(lt_clip_create(parity_ctx, parity_model("clip-vit-b32"), &clip));
    lt_clip_set_tap(clip, tap, &taps);
    lt_tensor *image = parity_leaf(g, "image");
    lt_tensor *features = lt_clip_encode_image(parity_ctx, clip, image);
    lt_clip_set_tap(clip, NULL, NULL);
    golden_check(g, "image_features", features);
    lt_tensor *first = lt_slice(parity_ctx, features, 0, 0, 1);
    PARITY_OK(lt_backward_seed(
        parity_ctx, lt_l2_normalize(parity_ctx, first, 0.0f),
        lt_reshape(parity_ctx, golden_input(g, "probe"), 2, (const int64_t[]){1, -1})));
    golden_check(g, "grad_image0", parity_row(lt_grad(image), 0));

    lt_no_grad_begin(parity_ctx);
    lt_tensor *text = lt_clip_encode_text(parity_ctx, clip, golden_tensor(g, "tokens"));
    golden_check(g, "text_features", text);
    golden_check(g, "cosine", cosines(features, text));
    golden_check(g, "cosine_images", cosines(features, features));
    golden_check(g, "cosine_texts", cosines(text, text));
    lt_no_grad_end(parity_ctx);
    lt_clip_free(clip);
    parity_finish(g);
}
END_TEST

Suite *suite_parity_clip(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_clip", PARITY_QUICK, &tests);
    tcase_add_test(tests, tiny);
    return suite;
}

Suite *suite_parity_clip_full(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_clip_full", PARITY_FULL, &tests);
    tcase_add_test(tests, vit_b32);
    return suite;
}
