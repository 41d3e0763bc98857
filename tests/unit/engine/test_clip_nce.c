/* CLIP-NCE: templates, text features, the loss against a plain reference, gradients, switches,
 * errors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/objective/clip_nce.h"
#include "support/method_fixture.h"

Suite *suite_clip_nce(void);

enum { T = 4, B = 2, D = METHOD_E, S = METHOD_SIDE };

static struct ce_models models;
static lt_ctx *ctx;
static lt_rng rng;
static struct ce_nce_config config;
static struct ce_nce_texts texts;

static lt_status prepare(const char *target, struct ce_nce_texts *out)
{
    const struct ce_texts said = {.source = "face", .target = target};
    return ce_nce_texts_prepare(&models, &config, &said, out);
}

static void setup(void)
{
    method_models_make(&models, CE_NEED_TEXT);
    ctx = models.ctx;
    rng = lt_rng_make(8, 0);
    config = ce_nce_defaults();
    config.templates = T;
    config.copies = 3;
    ck_assert_msg(prepare("blue face", &texts) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void teardown(void)
{
    ce_nce_texts_free(&texts);
    method_models_free(&models);
}

static lt_tensor *pictures(int64_t n)
{
    return nn_normal(ctx, &rng, 4, (const int64_t[]){n, 3, S, S});
}

static lt_tensor *unit_rows(int64_t n)
{
    return lt_l2_normalize(ctx, nn_normal(ctx, &rng, 2, (const int64_t[]){n, D}), 1e-12f);
}

START_TEST(templates)
{
    for (int i = 0; i < CE_TEMPLATES; i++) {
        const char *hole = strstr(ce_template(i), "{}");
        ck_assert_ptr_nonnull(hole);
        ck_assert_ptr_null(strstr(hole + 2, "{}"));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ce_template(i), ce_template(k));
    }
    ck_assert_ptr_null(ce_template(CE_TEMPLATES));
    ck_assert_ptr_null(ce_template(-1));
    char *filled = ce_template_fill(ctx, 0, "{} 100%");
    ck_assert_str_eq(filled, "a bad photo of a {} 100%.");
    free(filled);
    filled = ce_template_fill(ctx, 34, "dog");
    ck_assert_str_eq(filled, "a dog in a video game.");
    free(filled);
}
END_TEST

START_TEST(text_features)
{
    const char *const two[2] = {"face", "face with green lips"};
    lt_tensor *means = ce_text_template_means(&models, two, 2, T);
    lt_tensor *features = ce_text_template_features(&models, "face", T);
    nn_assert_ok(ctx);
    ck_assert(method_same_bits(features, texts.source));
    /* Texts encoded together have the means that each has alone. */
    ck_assert_int_eq(lt_dim(means, 0), 2);
    for (int k = 0; k < 2; k++)
        ck_assert_double_lt(
            nn_distance(lt_mean(ctx, ce_text_template_features(&models, two[k], T), 1u, true),
                        lt_contiguous(ctx, lt_slice(ctx, means, 0, k, 1))),
            1e-5);
    char *filled = ce_template_fill(ctx, 2, "face");
    const char *one = filled;
    lt_tensor *row = lt_l2_normalize(ctx, ce_models_embed_texts(&models, &one, 1), 1e-12f);
    free(filled);
    ck_assert_double_lt(nn_distance(row, lt_contiguous(ctx, lt_slice(ctx, features, 0, 2, 1))),
                        1e-5);
    lt_tensor *raw = ce_text_feature(&models, "face");
    ck_assert_int_eq(lt_dim(raw, 0), 1);
    ck_assert_int_eq(lt_dim(raw, 1), D);
    ck_assert(!lt_requires_grad(raw) && !lt_requires_grad(features));
}
END_TEST

/* Loss of one row from vectors in double. */
static double row_loss(const double *q, const double *p, double n[T][D], double temperature)
{
    double dot = 0, sum = 0;
    for (int i = 0; i < D; i++)
        dot += q[i] * p[i];
    for (int k = 0; k < T; k++) {
        double other = 0;
        for (int i = 0; i < D; i++)
            other += q[i] * n[k][i];
        sum += exp(other / temperature);
    }
    return log(exp(dot / temperature) + sum) - dot / temperature;
}

static void unit(double v[D])
{
    double sum = 0;
    for (int i = 0; i < D; i++)
        sum += v[i] * v[i];
    for (int i = 0; i < D; i++)
        v[i] /= sqrt(sum);
}

/* Both terms for edited features (3 B, D), copy-major. */
static double reference(const float *source, const float *edited)
{
    double negative[T][D], p1[D] = {0}, mean[D] = {0}, total = 0;
    for (int k = 0; k < T; k++)
        for (int i = 0; i < D; i++) {
            const double s = (double)lt_f32(texts.source)[k * D + i],
                         t = (double)lt_f32(texts.target)[k * D + i];
            negative[k][i] = s - (double)source[i];
            p1[i] += (t - s) / T;
            mean[i] += t / T;
        }
    for (int k = 0; k < T; k++)
        unit(negative[k]);
    unit(p1);
    for (int r = 0; r < 3 * B; r++) {
        double q[D], p2[D];
        for (int i = 0; i < D; i++) {
            q[i] = (double)edited[r * D + i] - (double)source[r % B * D + i];
            p2[i] = mean[i] - (double)source[r % B * D + i];
        }
        unit(q);
        unit(p2);
        total += row_loss(q, p1, negative, 0.1) + row_loss(q, p2, negative, 0.1);
    }
    return total / (6 * B);
}

START_TEST(values)
{
    lt_tensor *source = unit_rows(B), *edited = unit_rows(3 * B);
    struct ce_nce_parts parts;
    lt_tensor *loss = ce_nce_from_features(ctx, &config, &texts, source, edited, &parts);
    nn_assert_ok(ctx);
    ck_assert_double_eq_tol((double)lt_item(loss), reference(lt_f32(source), lt_f32(edited)), 1e-4);
    ck_assert_int_eq(lt_dim(parts.query, 0), 6 * B);
    ck_assert_int_eq(lt_dim(parts.positive, 0), 6 * B);
    ck_assert_int_eq(lt_dim(parts.negatives, 0), T);
    ck_assert_int_eq(lt_numel(parts.rows), 6 * B);
    float sum = 0;
    for (int i = 0; i < 6 * B; i++)
        sum += lt_f32(parts.rows)[i];
    ck_assert_float_eq_tol(sum / (6 * B), lt_item(loss), 1e-4f);
}
END_TEST

START_TEST(switches)
{
    lt_tensor *source = unit_rows(B), *edited = unit_rows(3 * B);
    float value[2];
    const float both = lt_item(ce_nce_from_features(ctx, &config, &texts, source, edited, NULL));
    for (int i = 0; i < 2; i++) {
        config.use_pos1 = i == 0;
        config.use_pos2 = i == 1;
        value[i] = lt_item(ce_nce_from_features(ctx, &config, &texts, source, edited, NULL));
    }
    ck_assert_float_eq_tol(both, (value[0] + value[1]) / 2, 1e-4f);
    /* Positive 1 without negatives: 1 - cosine with the text direction. */
    config.use_pos1 = true;
    config.use_pos2 = config.use_negatives = false;
    struct ce_nce_parts parts;
    lt_tensor *loss = ce_nce_from_features(ctx, &config, &texts, source, edited, &parts);
    ck_assert_ptr_null(parts.negatives);
    double cosine = 0;
    for (int r = 0; r < 3 * B; r++)
        for (int i = 0; i < D; i++)
            cosine += (double)lt_f32(parts.query)[r * D + i] * (double)lt_f32(texts.direction)[i] /
                      (3 * B);
    ck_assert_double_eq_tol((double)lt_item(loss), 1 - cosine, 1e-5);
}
END_TEST

/* Copy-major: rows 0..B-1 are the batch under the first homography. */
START_TEST(copies)
{
    double coeffs[3][8];
    lt_tensor *x = pictures(B);
    ck_assert_int_eq(ce_nce_draw(ctx, &config, &rng, S, coeffs), LT_OK);
    lt_tensor *all =
        ce_nce_augmented_features(ctx, models.clip, &config, x, (const double(*)[8])coeffs);
    nn_assert_ok(ctx);
    ck_assert_int_eq(lt_dim(all, 0), 3 * B);
    for (int c = 0; c < 3; c++) {
        lt_tensor *warped = lt_warp_perspective(ctx, x, coeffs[c], true);
        lt_tensor *one = ce_image_features(ctx, models.clip, warped, false);
        ck_assert_double_lt(nn_distance(lt_contiguous(ctx, lt_slice(ctx, all, 0, c * B, B)), one),
                            1e-5);
    }
    config.copies = 0;
    lt_tensor *plain = ce_nce_augmented_features(ctx, models.clip, &config, x, NULL);
    ck_assert(method_same_bits(plain, ce_image_features(ctx, models.clip, x, false)));
}
END_TEST

struct scene {
    lt_tensor *source, *x_hat;
    double coeffs[3][8];
};

static lt_tensor *loss_of(lt_ctx *c, void *user)
{
    const struct scene *s = user;
    return ce_nce_loss(c, models.clip, &config, &texts, s->source, s->x_hat,
                       (const double(*)[8])s->coeffs);
}

START_TEST(gradient)
{
    struct scene scene = {.source = ce_image_features(ctx, models.clip, pictures(B), false),
                          .x_hat = pictures(B)};
    ck_assert_int_eq(ce_nce_draw(ctx, &config, &rng, S, scene.coeffs), LT_OK);
    config.use_negatives = _i == 0;
    nn_check_gradient(ctx, "x_hat", scene.x_hat, loss_of, &scene, 8, 2e-2f, 3e-2);
    for (size_t i = 0; i < lt_params_count(models.clip_params); i++)
        ck_assert_ptr_null(lt_grad(lt_params_at(models.clip_params, i)));
}
END_TEST

START_TEST(errors)
{
    struct ce_nce_texts none;
    ck_assert_ptr_null(ce_text_feature(&models, " \t\n"));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "empty");
    ck_assert_int_eq(prepare("", &none), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(prepare("face", &none), LT_ERR_NUMERIC);
    nn_assert_failed(ctx, LT_ERR_NUMERIC, "no difference");
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(prepare(text, &none), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "tokens");
    ck_assert_ptr_null(ce_text_template_features(&models, "face", CE_TEMPLATES + 1));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "1..79");
    ck_assert_ptr_null(
        ce_nce_from_features(ctx, &config, &texts, unit_rows(2), unit_rows(3), NULL));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "(3, 6)");
    config.use_pos1 = config.use_pos2 = false;
    ck_assert_int_eq(ce_nce_check(ctx, &config), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    config = ce_nce_defaults();
    config.temperature = NAN;
    ck_assert_int_eq(ce_nce_check(ctx, &config), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
}
END_TEST

Suite *suite_clip_nce(void)
{
    Suite *suite = suite_create("clip_nce");
    TCase *tests = tcase_create("clip_nce");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, templates);
    tcase_add_test(tests, text_features);
    tcase_add_test(tests, values);
    tcase_add_test(tests, switches);
    tcase_add_test(tests, copies);
    tcase_add_loop_test(tests, gradient, 0, 2);
    tcase_add_test(tests, errors);
    suite_add_tcase(suite, tests);
    return suite;
}
