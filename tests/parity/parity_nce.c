/* InfoNCE on random vectors, and the whole CLIP-NCE of two images and two texts. */
#include <stdio.h>

#include "engine/objective/clip_nce.h"
#include "parity/fixture.h"

START_TEST(infonce)
{
    struct golden *g = parity_golden("infonce");
    for (char tag = 'a'; tag <= 'b'; tag++) {
        char key[32];
        lt_tensor *rows = NULL;
        snprintf(key, sizeof key, "query_%c", tag);
        lt_tensor *query = parity_leaf(g, key);
        snprintf(key, sizeof key, "positive_%c", tag);
        lt_tensor *positive = golden_input(g, key);
        snprintf(key, sizeof key, "negatives_%c", tag);
        lt_tensor *loss =
            lt_info_nce(parity_ctx, query, positive, golden_input(g, key), 0.1f, &rows);
        PARITY_HAVE(loss);
        snprintf(key, sizeof key, "loss_%c", tag);
        golden_check(g, key, loss);
        snprintf(key, sizeof key, "loss_rows_%c", tag);
        golden_check(g, key, rows);
        PARITY_OK(lt_backward(parity_ctx, loss));
        snprintf(key, sizeof key, "grad_query_%c", tag);
        golden_check(g, key, lt_grad(query));
    }
    parity_finish(g);
}
END_TEST

static void check_texts(struct golden *g, const struct ce_nce_texts *texts)
{
    lt_no_grad_begin(parity_ctx);
    golden_check(g, "text_direction", texts->direction);
    golden_check(g, "target_text_mean", texts->target_mean);
    golden_check(g, "source_text_mean", lt_mean(parity_ctx, texts->source, 1, true));
    golden_check(g, "source_text_features_0_3", lt_slice(parity_ctx, texts->source, 0, 0, 4));
    golden_check(g, "target_text_features_0_3", lt_slice(parity_ctx, texts->target, 0, 0, 4));
    lt_no_grad_end(parity_ctx);
}

static void clip_nce(const char *name, const char *model)
{
    lt_tokenizer *tokenizer = parity_tokenizer(name);
    if (!tokenizer)
        return;
    struct golden *g = parity_golden(name);
    struct ce_models models = {.ctx = parity_ctx, .tokenizer = tokenizer};
    PARITY_OK(lt_clip_create(parity_ctx, parity_model(model), &models.clip));
    struct ce_nce_config config = ce_nce_defaults();
    config.copies = 0; /* the reference here has no augmentation */
    struct ce_nce_texts texts = {0};
    const struct ce_texts said = {.source = golden_text(g, "source_text"),
                                  .target = golden_text(g, "target_text")};
    PARITY_OK(ce_nce_texts_prepare(&models, &config, &said, &texts));
    check_texts(g, &texts);

    lt_no_grad_begin(parity_ctx);
    lt_tensor *source = ce_image_features(parity_ctx, models.clip, golden_input(g, "source_image"),
                                          config.antialias);
    lt_no_grad_end(parity_ctx);
    golden_check(g, "source_image_features", source);
    lt_tensor *target = parity_leaf(g, "target_image");
    lt_tensor *edited = ce_nce_augmented_features(parity_ctx, models.clip, &config, target, NULL);
    golden_check(g, "target_image_features", edited);
    struct ce_nce_parts parts = {0};
    lt_tensor *loss = ce_nce_from_features(parity_ctx, &config, &texts, source, edited, &parts);
    PARITY_HAVE(loss);
    golden_check(g, "loss", loss);
    golden_check(g, "query", parts.query);
    golden_check(g, "positive", parts.positive);
    golden_check(g, "negatives", parts.negatives);
    golden_check(g, "loss_rows", parts.rows);
    PARITY_OK(lt_backward(parity_ctx, loss));
    golden_check(g, "grad_target", lt_grad(target));
    ce_nce_texts_free(&texts);
    lt_clip_free(models.clip);
    parity_finish(g);
}

START_TEST(nce_tiny)
{
    clip_nce("nce_tiny", "clip-tiny");
}
END_TEST

START_TEST(nce_vit_b32)
{
    clip_nce("nce_vit_b32", "clip-vit-b32");
}
END_TEST

Suite *suite_parity_nce(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_nce", PARITY_QUICK, &tests);
    tcase_add_test(tests, infonce);
    tcase_add_test(tests, nce_tiny);
    return suite;
}

Suite *suite_parity_nce_full(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_nce_full", PARITY_FULL, &tests);
    tcase_add_test(tests, nce_vit_b32);
    return suite;
}
