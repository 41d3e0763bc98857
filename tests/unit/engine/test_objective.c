/* The CF-CLIP objective and the cache of its source side. */
#include <math.h>
#include <string.h>

#include "engine/objective/source_cache.h"
#include "support/method_fixture.h"

Suite *suite_objective(void);

static struct ce_models models;
static lt_ctx *ctx;
static struct ce_objective_config config;
static struct ce_objective objective;
static const struct ce_texts green = {.source = "face", .target = "green face"};
static lt_rng rng;

static void setup(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT | CE_NEED_IDENTITY | CE_NEED_VGG);
    ctx = models.ctx;
    rng = lt_rng_make(3, 9);
    config = ce_objective_defaults();
    config.perc_lambda = 0.02f;
    config.nce.templates = 3;
    config.nce.copies = 2;
    memset(&objective, 0, sizeof objective);
}

static void teardown(void)
{
    ce_objective_free(&objective);
    method_models_free(&models);
}

static void prepare(void)
{
    ck_assert_msg(ce_objective_prepare(&models, &config, &green, &objective) == LT_OK, "%s",
                  lt_ctx_message(ctx));
}

START_TEST(defaults)
{
    const struct ce_objective_config c = ce_objective_defaults();
    ck_assert_float_eq(c.nce_lambda, 0.3f);
    ck_assert_float_eq(c.latent_l2_lambda, 0.8f);
    ck_assert_float_eq(c.id_lambda, 0.2f);
    ck_assert_float_eq(c.perc_lambda, 0.0f);
    ck_assert_float_eq(c.nce.temperature, 0.1f);
    ck_assert_int_eq(c.nce.copies, 8);
    ck_assert_int_eq(c.nce.templates, 79);
    ck_assert(!c.nce.antialias && c.nce.use_pos1 && c.nce.use_pos2 && c.nce.use_negatives);
    ck_assert_uint_eq(ce_objective_needs(&c), CE_NEED_GENERATOR | CE_NEED_TEXT | CE_NEED_IDENTITY);
}
END_TEST

struct scene {
    struct ce_source source;
    lt_tensor *w_hat;
    double coeffs[2][8];
    struct ce_terms terms;
};

static void make_scene(struct scene *s)
{
    memset(s, 0, sizeof *s);
    lt_tensor *w = method_latents(ctx, 2, 1);
    s->w_hat =
        lt_contiguous(ctx, lt_add(ctx, w, lt_affine(ctx, method_latents(ctx, 2, 2), 0.3f, 0.0f)));
    ck_assert_msg(ce_source_prepare(&objective, w, &s->source) == LT_OK, "%s", lt_ctx_message(ctx));
    ck_assert_int_eq(ce_nce_draw(ctx, &config.nce, &rng, METHOD_SIDE, s->coeffs), LT_OK);
}

static lt_tensor *loss_of(lt_ctx *c, void *user)
{
    struct scene *s = user;
    lt_tensor *x_hat = lt_stylegan2_synthesis(c, models.generator, s->w_hat);
    return ce_objective_loss(&objective, &s->source, s->w_hat, x_hat, (const double(*)[8])s->coeffs,
                             &s->terms);
}

START_TEST(sum_of_terms)
{
    struct scene s;
    prepare();
    make_scene(&s);
    lt_tensor *loss = loss_of(ctx, &s);
    nn_assert_ok(ctx);
    const struct ce_terms t = s.terms;
    ck_assert_float_eq_tol(t.loss,
                           0.3f * t.value[CE_TERM_TEXT] + 0.8f * t.value[CE_TERM_LATENT_L2] +
                               0.2f * t.value[CE_TERM_IDENTITY] + 0.02f * t.value[CE_TERM_PERC],
                           1e-5f);
    ck_assert_float_eq(lt_item(loss), t.loss);
    lt_tensor *x_hat = lt_stylegan2_synthesis(ctx, models.generator, s.w_hat);
    lt_tensor *id = lt_irse50_identity_loss(ctx, models.identity, x_hat, s.source.x);
    lt_tensor *perc = lt_vgg19_perceptual_loss(ctx, models.vgg, x_hat, s.source.x);
    ck_assert_float_eq_tol(t.value[CE_TERM_IDENTITY], lt_item(id), 1e-5f);
    ck_assert_float_eq_tol(t.value[CE_TERM_PERC], lt_item(perc), 1e-5f * (1 + lt_item(perc)));
    ck_assert_float_eq_tol(t.value[CE_TERM_LATENT_L2],
                           lt_item(lt_mse_loss(ctx, s.w_hat, s.source.w)), 1e-6f);
    ce_source_free(&s.source);
}
END_TEST

/* Without an edit the identity, perceptual and latent losses are 0. */
START_TEST(nothing_changed)
{
    struct scene s;
    prepare();
    make_scene(&s);
    s.w_hat = s.source.w;
    ck_assert_ptr_nonnull(loss_of(ctx, &s));
    ck_assert_float_eq_tol(s.terms.value[CE_TERM_IDENTITY], 0.0f, 1e-5f);
    ck_assert_float_eq_tol(s.terms.value[CE_TERM_PERC], 0.0f, 1e-3f);
    ck_assert_float_eq(s.terms.value[CE_TERM_LATENT_L2], 0.0f);
    ce_source_free(&s.source);
}
END_TEST

START_TEST(terms_off)
{
    struct scene s;
    config.nce_lambda = config.id_lambda = config.perc_lambda = 0.0f;
    ck_assert_uint_eq(ce_objective_needs(&config), CE_NEED_GENERATOR);
    prepare();
    make_scene(&s);
    ck_assert_ptr_nonnull(loss_of(ctx, &s));
    ck_assert(isnan(s.terms.value[CE_TERM_TEXT]) && isnan(s.terms.value[CE_TERM_IDENTITY]) &&
              isnan(s.terms.value[CE_TERM_PERC]));
    ck_assert_float_eq_tol(s.terms.loss, 0.8f * s.terms.value[CE_TERM_LATENT_L2], 1e-6f);
    ck_assert(!s.source.clip && !s.source.identity && !s.source.perc && s.source.x);
    ce_source_free(&s.source);
}
END_TEST

START_TEST(gradient)
{
    struct scene s;
    prepare();
    make_scene(&s);
    nn_check_gradient(ctx, "w_hat", s.w_hat, loss_of, &s, 8, 1e-2f, 5e-2);
    for (size_t i = 0; i < lt_params_count(models.generator_params); i++)
        ck_assert_ptr_null(lt_grad(lt_params_at(models.generator_params, i)));
    ce_source_free(&s.source);
}
END_TEST

/* A picture's features do not depend on its neighbours, to the bit. */
START_TEST(source_rows)
{
    prepare();
    lt_tensor *w = method_latents(ctx, 3, 4);
    struct ce_source all, one;
    ck_assert_int_eq(ce_source_prepare(&objective, w, &all), LT_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ce_source_prepare(&objective, lt_slice(ctx, w, 0, i, 1), &one), LT_OK);
        lt_tensor *const pair[][2] = {{all.x, one.x},
                                      {all.clip, one.clip},
                                      {all.identity, one.identity},
                                      {all.perc, one.perc},
                                      {all.w, one.w}};
        for (int k = 0; k < 5; k++) {
            ck_assert_ptr_nonnull(pair[k][0]);
            ck_assert(method_same_bits(lt_contiguous(ctx, lt_slice(ctx, pair[k][0], 0, i, 1)),
                                       pair[k][1]));
        }
        ce_source_free(&one);
    }
    ce_source_free(&all);
}
END_TEST

/* The cache gives what ce_source_prepare() gives and draws each picture once; VGG19 features within
 * the limit. */
START_TEST(cache)
{
    prepare();
    lt_tensor *w = method_latents(ctx, 4, 4);
    struct ce_source all, got;
    struct ce_source_cache *kept = NULL;
    ck_assert_int_eq(ce_source_prepare(&objective, w, &all), LT_OK);
    const size_t row = (size_t)lt_numel(all.perc) / 4 * sizeof(float);
    ck_assert_int_eq(ce_source_cache_create(&objective, w, _i == 0 ? 100 * row : 2 * row, &kept),
                     LT_OK);
    static const int64_t index[3][2] = {{2, 0}, {0, 3}, {3, 2}};
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(ce_source_cache_get(kept, index[round], 2, &got), LT_OK);
        ck_assert_ptr_null(got.x);
        for (int i = 0; i < 2; i++) {
            lt_tensor *const pair[][2] = {{all.w, got.w},
                                          {all.clip, got.clip},
                                          {all.identity, got.identity},
                                          {all.perc, got.perc}};
            for (int k = 0; k < 4; k++)
                ck_assert(method_same_bits(
                    lt_contiguous(ctx, lt_slice(ctx, pair[k][0], 0, index[round][i], 1)),
                    lt_contiguous(ctx, lt_slice(ctx, pair[k][1], 0, i, 1))));
        }
        ce_source_free(&got);
    }
    /* Without room for the third picture's features it is drawn again. */
    ck_assert_int_eq((int)ce_source_cache_drawn(kept), _i == 0 ? 3 : 4);
    ce_source_cache_free(kept);
    ce_source_free(&all);
}
END_TEST

START_TEST(errors)
{
    struct ce_models less = models;
    less.identity = NULL;
    ck_assert_int_eq(ce_objective_prepare(&less, &config, &green, &objective), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT,
                     "id-lambda is 0.2, but the identity loss needs an identity network");
    config.id_lambda = -1.0f;
    ck_assert_int_eq(ce_objective_prepare(&models, &config, &green, &objective), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "id-lambda is -1");
    config = (struct ce_objective_config){.nce = ce_nce_defaults()};
    ck_assert_int_eq(ce_objective_prepare(&models, &config, &green, &objective), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "switched off");
}
END_TEST

Suite *suite_objective(void)
{
    Suite *suite = suite_create("objective");
    TCase *tests = tcase_create("objective");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, defaults);
    tcase_add_test(tests, sum_of_terms);
    tcase_add_test(tests, nothing_changed);
    tcase_add_test(tests, terms_off);
    tcase_add_test(tests, gradient);
    tcase_add_test(tests, source_rows);
    tcase_add_loop_test(tests, cache, 0, 2);
    tcase_add_test(tests, errors);
    suite_add_tcase(suite, tests);
    return suite;
}
