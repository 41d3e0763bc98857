/* The editing methods: their table and settings, what each does with strength and seeds, contrasts,
 * channels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/editor.h"
#include "engine/methods.h"
#include "engine/sequence.h"
#include "engine/strength.h"
#include "support/method_fixture.h"
#include "support/temp_dir.h"

Suite *suite_editor(void);

enum { N = 2 };

static struct ce_models models;
static lt_ctx *ctx;
static lt_tensor *w;
static const struct ce_edit_texts texts = {.source = "face", .target = "a blue face"};
static const struct ce_texts plain = {.source = "face", .target = "a blue face"};

static void set_up(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    ctx = models.ctx;
    lt_ctx_set_threads(ctx, 1);
    w = method_latents(ctx, N, 3);
    temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove();
    method_models_free(&models);
}

static void put(struct ce_edit_settings *s, const char *name, double value)
{
    const struct ce_setting *setting = ce_setting_find(name);
    ck_assert_msg(setting != NULL, "no setting %s", name);
    if (ce_setting_used(s, setting))
        ck_assert_msg(ce_setting_put(s, setting, value), "%s = %g is refused", name, value);
}

/* Settings of a method for the small networks. */
static struct ce_edit_settings small(size_t method)
{
    size_t count;
    struct ce_edit_settings s = ce_method_settings(&ce_methods(&count)[method]);
    put(&s, "steps", 6);
    put(&s, "fit-steps", 3);
    put(&s, "templates", 3);
    put(&s, "copies", 2);
    put(&s, "first-layer", 0);
    put(&s, "beta", 0.0);
    put(&s, "alpha", 2.0);
    put(&s, "faces", 2);
    return s;
}

static struct ce_editor *open_editor(const struct ce_edit_settings *s)
{
    struct ce_editor *editor = NULL;
    ck_assert_msg(ce_editor_open(&models, s, &texts, NULL, NULL, NULL, &editor) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    return editor;
}

static double distance(const lt_tensor *a, const lt_tensor *b)
{
    double sum = 0.0;
    for (int64_t i = 0; i < lt_numel(a); i++)
        sum += fabs((double)lt_f32(a)[i] - (double)lt_f32(b)[i]);
    return sum;
}

static void run(struct ce_editor *editor, float strength, struct ce_edit_result results[N])
{
    ck_assert_msg(ce_editor_run(editor, w, strength, NULL, NULL, results) == LT_OK, "%s",
                  lt_ctx_message(ctx));
}

static void release(struct ce_edit_result results[N])
{
    for (int i = 0; i < N; i++)
        ce_edit_result_free(&results[i]);
}

START_TEST(table)
{
    static const char *const names[] = {"cf-clip",          "cf-clip-mapper", "styleclip",
                                        "styleclip-mapper", "nada",           "global-directions"};
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    ck_assert_uint_eq(count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_nonnull(ce_method_find(names[i]));
        ck_assert(strlen(methods[i].about) > 0 && strstr(methods[i].source, "20"));
    }
    ck_assert_ptr_null(ce_method_find("none"));
    /* The loss of each method is the one of its paper. */
    const struct ce_edit_settings nada = ce_method_settings(ce_method_find("nada"));
    ck_assert(nada.latent.nce.use_pos1 && !nada.latent.nce.use_pos2 &&
              !nada.latent.nce.use_negatives && !nada.latent.nce.global);
    ck_assert(nada.latent.nce.contrast_lambda == 0.0f);
    ck_assert(ce_method_settings(ce_method_find("styleclip")).latent.nce.global);
    const struct ce_edit_settings mapper = ce_method_settings(ce_method_find("styleclip-mapper"));
    ck_assert(mapper.mapper.train.without_text && mapper.mapper.train.objective.nce.global);
    ck_assert(!ce_method_settings(ce_method_find("cf-clip-mapper")).mapper.train.without_text);
}
END_TEST

/* Every setting that a family uses can be read, written and read back, and refuses what is out of
 * range. */
START_TEST(settings)
{
    const struct ce_setting *setting;
    for (int family = 0; family < CE_FAMILIES; family++) {
        struct ce_edit_settings s;
        memset(&s, 0, sizeof s);
        s.family = (enum ce_family)family;
        for (size_t i = 0; (setting = ce_setting_at(i)); i++) {
            if (!ce_setting_used(&s, setting)) {
                ck_assert(isnan(ce_setting_get(&s, setting)));
                ck_assert(!ce_setting_put(&s, setting, setting->low));
                continue;
            }
            const double value = setting->kind == CE_SETTING_CHOICE ? 1.0 : setting->high;
            ck_assert_msg(ce_setting_put(&s, setting, value), "%s", setting->name);
            ck_assert_double_eq_tol(ce_setting_get(&s, setting), value, 1e-3);
            ck_assert(!ce_setting_put(&s, setting, value * 2 + 10));
            ck_assert(!ce_setting_put(&s, setting, NAN));
            if (setting->kind != CE_SETTING_REAL)
                ck_assert(!ce_setting_put(&s, setting, 0.5));
            ck_assert_double_eq_tol(ce_setting_get(&s, setting), value, 1e-3);
        }
    }
    const struct ce_setting *space = ce_setting_find("space");
    ck_assert_int_eq(ce_setting_choice(space, "w+"), 0);
    ck_assert_int_eq(ce_setting_choice(space, "faces"), 2);
    ck_assert_int_eq(ce_setting_choice(space, "face"), -1);
    struct ce_edit_settings s = ce_method_settings(ce_method_find("cf-clip"));
    ck_assert(ce_setting_put(&s, ce_setting_find("negatives"), 1.0) && s.latent.nce.use_negatives);
    s = ce_method_settings(ce_method_find("cf-clip-mapper"));
    ck_assert(ce_setting_put(&s, ce_setting_find("text-mapping"), 0.0) &&
              s.mapper.train.without_text);
}
END_TEST

/* Strength 0 is the source, and the picture moves away from it step by step; the same run gives the
 * same bits. */
START_TEST(strength)
{
    const struct ce_edit_settings s = small((size_t)_i);
    double last[N] = {-1.0, -1.0};
    for (int k = 0; k <= 4; k++) {
        struct ce_edit_result results[N];
        struct ce_editor *editor = open_editor(&s);
        run(editor, (float)k / 4.0f, results);
        for (int i = 0; i < N; i++) {
            const double d = distance(results[i].x, results[i].x_hat);
            if (k == 0)
                ck_assert_double_eq(d, 0.0);
            ck_assert_msg(d > last[i], "strength %g moves by %g, after %g", k / 4.0, d, last[i]);
            last[i] = d;
        }
        release(results);
        ce_editor_close(editor);
    }
    struct ce_edit_result a[N], b[N];
    struct ce_editor *editor = open_editor(&s);
    run(editor, 1.0f, a);
    run(editor, 1.0f, b);
    for (int i = 0; i < N; i++)
        ck_assert(method_same_bits(a[i].x_hat, b[i].x_hat));
    release(a);
    release(b);
    ce_editor_close(editor);
}
END_TEST

/* An edit that is drawn at another strength has the bits of an edit that was run at it, and lies on
 * the line through the source and the full edit. */
START_TEST(strengths_after_one_search)
{
    static const float strengths[] = {-0.5f, 0.0f, 0.25f, 1.0f, 1.5f};
    const struct ce_edit_settings s = small((size_t)_i);
    struct ce_editor *editor = open_editor(&s);
    struct ce_edit_result found[N], again[N], drawn;
    run(editor, 1.0f, found);
    for (size_t k = 0; k < sizeof strengths / sizeof strengths[0]; k++) {
        run(editor, strengths[k], again);
        for (int i = 0; i < N; i++) {
            ck_assert_int_eq(ce_strength_draw(&models, &found[i], strengths[k], &drawn), LT_OK);
            ck_assert(method_same_bits(drawn.x_hat, again[i].x_hat));
            ck_assert(method_same_bits(drawn.x, found[i].x));
            for (int64_t j = 0; !drawn.styles && j < lt_numel(drawn.latents); j++) {
                const float from = lt_f32(found[i].w)[j], to = lt_f32(found[i].latents)[j];
                ck_assert_float_eq_tol(lt_f32(drawn.latents)[j], from + strengths[k] * (to - from),
                                       1e-6f);
            }
            ce_edit_result_free(&drawn);
        }
        release(again);
    }
    release(found);
    ce_editor_close(editor);
}
END_TEST

struct told {
    int64_t steps, last;
    bool ordered;
};

static bool listen(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    struct told *t = user;
    (void)terms;
    if (stage) {
        t->ordered = t->ordered && step == t->last;
        return true;
    }
    t->ordered = t->ordered && step == t->last + 1;
    t->last = step;
    t->steps++;
    return true;
}

START_TEST(steps_are_told)
{
    struct ce_edit_settings s = small((size_t)_i);
    struct ce_editor *editor = open_editor(&s);
    struct ce_edit_result results[N];
    struct told told = {.ordered = true};
    ck_assert_int_eq(ce_editor_run(editor, w, 1.0f, listen, &told, results), LT_OK);
    ck_assert(told.ordered);
    ck_assert_int_eq(told.steps, ce_editor_steps(editor, N));
    /* cf-clip starts from the recolouring, which takes 3 more steps. */
    ck_assert_int_eq(told.steps, s.family == CE_FAMILY_CHANNELS ? N : _i == 0 ? 9 * N : 6 * N);
    release(results);
    ce_editor_close(editor);
}
END_TEST

/* The second sentence is edited from the first one's result at its strength, and the result goes
 * from the given picture to the last. */
START_TEST(sentences_follow_each_other)
{
    const struct ce_edit_texts both[] = {{.source = "face", .target = "a blue face"},
                                         {.source = "face", .target = "a red dog"}};
    const float strengths[] = {0.5f, 2.0f};
    const struct ce_edit_settings s = small((size_t)_i);
    struct ce_editor *first = NULL, *second = NULL;
    struct ce_sequence *sequence = NULL;
    struct ce_edit_result one[N], two[N], all[N];
    struct told told = {.ordered = true};
    ck_assert_int_eq(ce_editor_open(&models, &s, &both[0], NULL, NULL, NULL, &first), LT_OK);
    ck_assert_int_eq(ce_editor_open(&models, &s, &both[1], NULL, NULL, NULL, &second), LT_OK);
    run(first, 0.5f, one);
    lt_tensor *between = lt_concat(ctx, N, (lt_tensor *[]){one[0].latents, one[1].latents}, 0);
    ck_assert_int_eq(ce_editor_run(second, between, 2.0f, NULL, NULL, two), LT_OK);
    ck_assert_int_eq(ce_sequence_open(&models, &s, both, strengths, 2, NULL, NULL, NULL, &sequence),
                     LT_OK);
    ck_assert_int_eq(ce_sequence_run(sequence, w, listen, &told, all), LT_OK);
    ck_assert(told.ordered);
    ck_assert_int_eq(told.steps, ce_sequence_steps(sequence, N));
    ck_assert_int_eq(told.steps, ce_editor_steps(first, N) + ce_editor_steps(second, N));
    for (int i = 0; i < N; i++) {
        ck_assert(method_same_bits(all[i].x_hat, two[i].x_hat));
        ck_assert(method_same_bits(all[i].x, one[i].x));
        ck_assert(method_same_bits(all[i].w, one[i].w));
    }
    release(one);
    release(two);
    release(all);
    ce_sequence_close(sequence);
    ce_editor_close(first);
    ce_editor_close(second);
}
END_TEST

START_TEST(sentences_that_cannot_follow)
{
    const struct ce_edit_texts both[] = {{.source = "face", .target = "a blue face"},
                                         {.source = "face", .target = "a red dog"}};
    const float strengths[CE_SEQUENCE_MAX + 1] = {1.0f, 1.0f};
    struct ce_edit_settings s = small(5);
    struct ce_sequence *sequence = NULL;
    ck_assert_int_eq(ce_sequence_open(&models, &s, both, strengths, 2, NULL, NULL, NULL, &sequence),
                     LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "StyleSpace");
    ck_assert_ptr_null(sequence);
    s = small(0);
    ck_assert_int_eq(ce_sequence_open(&models, &s, both, strengths, CE_SEQUENCE_MAX + 1, NULL, NULL,
                                      NULL, &sequence),
                     LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "expected 1 to 16");
}
END_TEST

/* A global direction raises the similarity to the text in proportion to its strength. It is found
 * without a loss. */
START_TEST(channels_follow_the_text)
{
    struct ce_edit_settings s = small(5);
    s.channels.measure.push = 0.5f;
    s.channels.alpha = 0.2f;
    struct ce_editor *editor = open_editor(&s);
    struct ce_nce_texts t;
    ck_assert_int_eq(ce_nce_texts_prepare(&models, &s.channels.nce, &plain, &t), LT_OK);
    double last = -HUGE_VAL;
    for (int k = 0; k <= 3; k++) {
        struct ce_edit_result results[N];
        run(editor, (float)k, results);
        double match = 0.0;
        for (int i = 0; i < N; i++)
            match += (double)lt_item(
                lt_matmul(ctx, ce_image_features(ctx, models.clip, results[i].x_hat, false),
                          t.direction, false, true));
        ck_assert_msg(match > last, "strength %d: %g after %g", k, match, last);
        last = match;
        release(results);
    }
    ce_nce_texts_free(&t);
    ce_editor_close(editor);
}
END_TEST

START_TEST(channel_files)
{
    struct ce_channels_config config = ce_channels_defaults();
    struct ce_channels measured, read;
    config.faces = 2;
    config.first_layer = 2;
    ck_assert_int_eq(ce_channels_measure(&models, &config, NULL, NULL, &measured), LT_OK);
    for (int i = 0; i < measured.styles; i++) {
        const bool moves = lt_stylegan2_style_layer(models.generator, i) >= 2 &&
                           !lt_stylegan2_style_is_rgb(models.generator, i);
        ck_assert_int_eq(measured.effect[i] != NULL, moves);
        for (int64_t c = 0; moves && c < lt_dim(measured.effect[i], 0); c++) {
            double norm = 0.0;
            for (int k = 0; k < METHOD_E; k++)
                norm += pow((double)lt_f32(measured.effect[i])[c * METHOD_E + k], 2.0);
            ck_assert_double_eq_tol(norm, 1.0, 2e-3);
        }
    }
    ck_assert_int_eq(ce_channels_save(&models, &measured, temp_path("c.safetensors")), LT_OK);
    ck_assert_msg(ce_channels_load(&models, temp_path("c.safetensors"), &read) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    for (int i = 0; i < read.styles; i++)
        if (measured.effect[i])
            ck_assert(method_same_bits(read.effect[i], measured.effect[i]));
    ce_channels_close(&read);
    /* Other weights: refused. */
    lt_f32(lt_params_at(models.generator_params, 0))[0] += 1.0f;
    ck_assert_int_eq(ce_channels_load(&models, temp_path("c.safetensors"), &read), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "c.safetensors");
    ce_channels_close(&read);
    ce_channels_close(&measured);
    config.faces = 0;
    ck_assert_int_eq(ce_channels_measure(&models, &config, NULL, NULL, &measured), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
}
END_TEST

START_TEST(no_relevant_channel)
{
    struct ce_edit_settings s = small(5);
    struct ce_editor *editor = NULL;
    put(&s, "beta", 1.0);
    ck_assert_int_eq(ce_editor_open(&models, &s, &texts, NULL, NULL, NULL, &editor),
                     LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "beta");
    ck_assert_ptr_null(editor);
}
END_TEST

/* With contrasts the loss is the text loss and their share of it. */
START_TEST(contrast_loss)
{
    struct ce_nce_config config = ce_nce_defaults();
    const char *const others[] = {"a red face", "a green face"};
    const struct ce_texts about = {
        .source = "face", .target = "a blue face", .contrasts = others, .contrast_count = 2};
    struct ce_nce_texts t;
    config.templates = 3;
    config.copies = 0;
    config.contrast_lambda = 0.5f;
    config.contrast_temperature = 0.2f;
    ck_assert_int_eq(ce_nce_texts_prepare(&models, &config, &about, &t), LT_OK);
    lt_rng rng = lt_rng_make(4, 0);
    lt_tensor *x = nn_normal(ctx, &rng, 4, (const int64_t[]){2, 3, METHOD_SIDE, METHOD_SIDE});
    lt_tensor *e = ce_image_features(ctx, models.clip, lt_slice(ctx, x, 0, 0, 1), false);
    lt_tensor *edited = ce_image_features(ctx, models.clip, lt_slice(ctx, x, 0, 1, 1), false);
    const float with = lt_item(ce_nce_from_features(ctx, &config, &t, e, edited, NULL));
    config.contrast_lambda = 0.0f;
    const float without = lt_item(ce_nce_from_features(ctx, &config, &t, e, edited, NULL));
    double logit[3], sum = 0.0;
    for (int k = 0; k < 3; k++) {
        lt_tensor *mean = k == 0 ? t.target_mean : lt_slice(ctx, t.contrast, 0, k - 1, 1);
        logit[k] = (double)lt_item(
                       lt_matmul(ctx, edited, lt_l2_normalize(ctx, mean, 1e-12f), false, true)) /
                   0.2;
        sum += exp(logit[k]);
    }
    ck_assert_double_eq_tol((double)(with - without), 0.5 * (log(sum) - logit[0]), 1e-4);
    ce_nce_texts_free(&t);
    config.contrast_temperature = 0.0f;
    ck_assert_int_eq(ce_nce_check(ctx, &config), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
}
END_TEST

/* StyleCLIP's loss is 1 - cosine with the plain sentence, whatever the source. */
START_TEST(global_loss)
{
    struct ce_nce_config config = ce_nce_defaults();
    struct ce_nce_texts t;
    config.templates = 2;
    config.global = true;
    ck_assert_int_eq(ce_nce_texts_prepare(&models, &config, &plain, &t), LT_OK);
    lt_rng rng = lt_rng_make(5, 0);
    lt_tensor *edited =
        lt_l2_normalize(ctx, nn_normal(ctx, &rng, 2, (const int64_t[]){3, METHOD_E}), 1e-12f);
    lt_tensor *source =
        lt_l2_normalize(ctx, nn_normal(ctx, &rng, 2, (const int64_t[]){1, METHOD_E}), 1e-12f);
    lt_tensor *text = lt_l2_normalize(ctx, ce_text_feature(&models, "a blue face"), 1e-12f);
    const float mean = lt_item(lt_mean(ctx, lt_matmul(ctx, edited, text, false, true), 0, false));
    ck_assert_float_eq_tol(lt_item(ce_nce_from_features(ctx, &config, &t, source, edited, NULL)),
                           1.0f - mean, 1e-5f);
    ce_nce_texts_free(&t);
}
END_TEST

Suite *suite_editor(void)
{
    Suite *suite = suite_create("editor");
    TCase *tests = tcase_create("editor");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, table);
    tcase_add_test(tests, settings);
    tcase_add_loop_test(tests, strength, 0, 6);
    tcase_add_loop_test(tests, strengths_after_one_search, 0, 6);
    tcase_add_loop_test(tests, steps_are_told, 0, 6);
    tcase_add_loop_test(tests, sentences_follow_each_other, 0, 5);
    tcase_add_test(tests, sentences_that_cannot_follow);
    tcase_add_test(tests, channels_follow_the_text);
    tcase_add_test(tests, channel_files);
    tcase_add_test(tests, no_relevant_channel);
    tcase_add_test(tests, contrast_loss);
    tcase_add_test(tests, global_loss);
    suite_add_tcase(suite, tests);
    return suite;
}
