/* Editing over a picture's own latent, and the measure that the benchmark takes of it. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/edit/measure_edit.h"
#include "engine/latent/latent_edit.h"
#include "engine/strength.h"
#include "support/method_fixture.h"
#include "unit/suites.h"

static struct ce_models models;
static struct ce_nce_texts texts;
static struct ce_latent_edit_config config;

static void set_up(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT | CE_NEED_IDENTITY | CE_NEED_VGG);
    lt_ctx_set_threads(models.ctx, 1);
    config = ce_latent_edit_defaults();
    config.steps = 12;
    config.lr = 0.3f;
    config.l2_lambda = 0.01f;
    config.space.first_layer = 0;
    config.nce.copies = 2;
    config.nce.templates = 3;
    const struct ce_texts about = {.source = "face", .target = "a blue dog"};
    ck_assert_int_eq(ce_nce_texts_prepare(&models, &config.nce, &about, &texts), LT_OK);
}

static void tear_down(void)
{
    ce_nce_texts_free(&texts);
    method_models_free(&models);
}

static struct ce_edit_result edit(float strength)
{
    struct ce_edit_result found, r;
    lt_tensor *w = method_latents(models.ctx, 1, 3);
    ck_assert_msg(ce_latent_edit_run(&models, &config, &texts, w, NULL, NULL, &found) == LT_OK,
                  "%s", lt_ctx_message(models.ctx));
    ck_assert_int_eq(ce_strength_draw(&models, &found, strength, &r), LT_OK);
    ce_edit_result_free(&found);
    return r;
}

static double distance(const lt_tensor *a, const lt_tensor *b)
{
    double sum = 0.0;
    for (int64_t i = 0; i < lt_numel(a); i++)
        sum += fabs((double)lt_f32(a)[i] - (double)lt_f32(b)[i]);
    return sum;
}

/* The search leaves the source by a random first move, and rounding can change where it ends. The
 * test therefore runs eight searches with different seeds; the mean of their losses must fall. */
START_TEST(every_space_and_optimiser_lowers_the_loss)
{
    enum { MOVES = 8 };
    const enum ce_space spaces[] = {CE_SPACE_WPLUS, CE_SPACE_STYLE, CE_SPACE_FACES};
    for (int i = 0; i < 6; i++) {
        config.space.space = spaces[i % 3];
        config.steepest = i < 3;
        config.lr = i < 3 ? 0.3f : 0.02f;
        config.nce.copies = 0; /* the same objective in each step */
        double first = 0, last = 0;
        for (int move = 0; move < MOVES; move++) {
            config.seed = (uint64_t)move;
            struct ce_edit_result r = edit(1.0f);
            first += (double)r.first.loss / MOVES;
            last += (double)r.last.loss / MOVES;
            ck_assert_double_gt(distance(r.x, r.x_hat), 0.0);
            ck_assert_int_eq(r.style_count, spaces[i % 3] == CE_SPACE_STYLE
                                                ? lt_stylegan2_styles_count(models.generator)
                                                : 0);
            ce_edit_result_free(&r);
        }
        ck_assert_msg(last < 0.9 * first, "space %d optimiser %d: %g -> %g", i % 3, i / 3, first,
                      last);
    }
}
END_TEST

START_TEST(strength_goes_from_nothing_to_everything)
{
    double last = -1.0;
    for (int i = 0; i <= 4; i++) {
        struct ce_edit_result r = edit((float)i / 4.0f);
        const double d = distance(r.latents, method_latents(models.ctx, 1, 3));
        if (i == 0)
            ck_assert_double_eq(distance(r.x, r.x_hat), 0.0);
        ck_assert_double_gt(d, last);
        last = d;
        ce_edit_result_free(&r);
    }
}
END_TEST

START_TEST(only_the_layers_that_may_move_do)
{
    config.space.first_layer = 2;
    config.space.last_layer = 3;
    struct ce_edit_result r = edit(1.0f);
    const float *before = lt_f32(method_latents(models.ctx, 1, 3)), *after = lt_f32(r.latents);
    for (int l = 0; l < METHOD_LAYERS; l++) {
        const bool same =
            memcmp(before + l * METHOD_D, after + l * METHOD_D, sizeof(float) * METHOD_D) == 0;
        ck_assert_int_eq(same, l < 2 || l > 3);
    }
    ce_edit_result_free(&r);
}
END_TEST

START_TEST(same_seed_same_bits)
{
    struct ce_edit_result a = edit(1.0f), b = edit(1.0f);
    ck_assert(method_same_bits(a.x_hat, b.x_hat));
    ce_edit_result_free(&a);
    ce_edit_result_free(&b);
}
END_TEST

/* In the first step the edited picture is the source, so every distance to the source is 0. */
START_TEST(identity_and_perceptual_terms_compare_with_the_source)
{
    struct ce_edit_result r = edit(1.0f);
    ck_assert(isnan(r.last.value[CE_TERM_IDENTITY]) && isnan(r.last.value[CE_TERM_PERC]));
    ce_edit_result_free(&r);
    config.id_lambda = 0.2f;
    config.perc_lambda = 0.01f;
    r = edit(1.0f);
    ck_assert_float_eq_tol(r.first.value[CE_TERM_IDENTITY], 0.0f, 1e-5f);
    ck_assert_float_eq_tol(r.first.value[CE_TERM_PERC], 0.0f, 1e-5f);
    ck_assert_float_gt(r.last.value[CE_TERM_IDENTITY], 1e-5f);
    ck_assert_float_gt(r.last.value[CE_TERM_PERC], 1e-5f);
    ce_edit_result_free(&r);
}
END_TEST

START_TEST(a_latent_of_another_size_is_refused)
{
    struct ce_edit_result r;
    lt_tensor *w = lt_zeros(models.ctx, 3, (int64_t[]){1, 18, METHOD_D});
    ck_assert_int_eq(ce_latent_edit_run(&models, &config, &texts, w, NULL, NULL, &r), LT_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(models.ctx), "(1, 18, 6)"));
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(models.ctx), "(1, 6, 6)"));
}
END_TEST

/* The renderer's own counterfactual is a full success; the source, and another colour, are none. */
START_TEST(the_measure_knows_the_answer)
{
    uint64_t rng = 21;
    struct world_attr attr, other;
    struct edit_truth *truth = malloc(sizeof *truth);
    float *source = malloc(sizeof(float) * 3 * EDIT_PIXELS),
          *wrong = malloc(sizeof(float) * 3 * EDIT_PIXELS);
    ck_assert(truth && source && wrong);
    const struct edit_target targets[] = {
        {WORLD_LIPS, WORLD_GREEN}, {WORLD_HAIR, WORLD_BLUE}, {WORLD_EYES, WORLD_RED}};
    for (int i = 0; i < 3; i++) {
        world_attr_random_natural(&rng, &attr, NULL);
        ck_assert(world_render(&attr, EDIT_SIZE, source, NULL));
        ck_assert(edit_truth_make(&attr, &targets[i], truth));
        struct edit_score s = edit_score_of(truth, &targets[i], source, truth->answer);
        ck_assert(s.success);
        ck_assert_float_lt(s.to_target, 0.01f);
        ck_assert_float_lt(s.outside, 0.01f);
        s = edit_score_of(truth, &targets[i], source, source);
        ck_assert(!s.success);
        ck_assert_float_eq(s.to_target, s.from_source);
        other = attr;
        world_attr_set_color(&other, targets[i].part, WORLD_YELLOW, NULL);
        ck_assert(world_render(&other, EDIT_SIZE, wrong, NULL));
        s = edit_score_of(truth, &targets[i], source, wrong);
        ck_assert(!s.success);
        ck_assert_int_eq(s.parts, s.parts_kept); /* it is the part itself that is wrong */
        ck_assert_float_gt(s.ssim, 0.98f);       /* windows reach into the part */
    }
    attr.glasses_on = 0.0f;
    ck_assert(!edit_truth_make(&attr, &(struct edit_target){WORLD_GLASSES, WORLD_GREEN}, truth));
    /* Another part than the one asked for: it counts as one that was not kept. */
    other = attr;
    world_attr_set_color(&attr, WORLD_SHIRT, WORLD_YELLOW, NULL);
    world_attr_set_color(&other, WORLD_SHIRT, WORLD_BLUE, NULL);
    ck_assert(world_render(&attr, EDIT_SIZE, source, NULL) &&
              world_render(&other, EDIT_SIZE, wrong, NULL));
    ck_assert(edit_truth_make(&attr, &targets[0], truth));
    const struct edit_score s = edit_score_of(truth, &targets[0], source, wrong);
    ck_assert_int_eq(s.parts, WORLD_PARTS - 2); /* no glasses, and not the lips */
    ck_assert_int_eq(s.parts_kept, s.parts - 1);
    ck_assert_float_gt(s.outside, 1.0f);
    /* A portrait that has the colour already is no case. */
    world_attr_set_color(&attr, WORLD_LIPS, WORLD_GREEN, NULL);
    ck_assert(!edit_truth_make(&attr, &targets[0], truth));
    free(truth);
    free(source);
    free(wrong);
}
END_TEST

Suite *suite_latent_edit(void)
{
    Suite *s = suite_create("latent_edit");
    TCase *tc = tcase_create("latent_edit");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_space_and_optimiser_lowers_the_loss);
    tcase_add_test(tc, strength_goes_from_nothing_to_everything);
    tcase_add_test(tc, only_the_layers_that_may_move_do);
    tcase_add_test(tc, same_seed_same_bits);
    tcase_add_test(tc, identity_and_perceptual_terms_compare_with_the_source);
    tcase_add_test(tc, a_latent_of_another_size_is_refused);
    suite_add_tcase(s, tc);
    TCase *measure = tcase_create("measure");
    tcase_add_test(measure, the_measure_knows_the_answer);
    suite_add_tcase(s, measure);
    return s;
}
