/* Focus: the map of the pixels that a sentence is about, the recolouring that starts an edit, and
 * the search that uses both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "bench/edit/cases.h"
#include "engine/editor.h"
#include "engine/latent/guesses.h"
#include "engine/latents.h"
#include "engine/latent/recolor.h"
#include "engine/methods.h"
#include "engine/sentence/contrasts.h"
#include "support/method_fixture.h"
#include "weights/world/world.h"

Suite *suite_focus(void);

static struct ce_models models;
static lt_ctx *ctx;
static struct ce_nce_config nce;
static struct ce_nce_texts texts;
static const char *const others[] = {"a red face", "a green face", "a blue dog"};
static const struct ce_texts sentences = {.source = "face",
                                          .target = "a blue face",
                                          .contrasts = others,
                                          .contrast_count = 3,
                                          .contrast_axes = 2};

static void set_up(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    ctx = models.ctx;
    lt_ctx_set_threads(ctx, 1);
    nce = ce_nce_defaults();
    nce.templates = 2;
    nce.copies = 2;
    nce.use_negatives = false;
    nce.contrast_lambda = 0.3f;
    ck_assert_int_eq(ce_nce_texts_prepare(&models, &nce, &sentences, &texts), LT_OK);
}

static void tear_down(void)
{
    ce_nce_texts_free(&texts);
    method_models_free(&models);
}

static lt_tensor *picture(int64_t side)
{
    lt_rng rng = lt_rng_make(6, 0);
    return lt_clamp(ctx, nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, side, side}), -1.0f, 1.0f);
}

static lt_tensor *map_of(lt_tensor *x)
{
    const struct ce_focus_config config = ce_focus_defaults();
    lt_rng rng = lt_rng_make(1, 2);
    lt_tensor *map = ce_focus_map(&models, &config, &nce, &texts, x, &rng);
    ck_assert_msg(map != NULL, "%s", lt_ctx_message(ctx));
    return map;
}

START_TEST(map)
{
    for (int64_t side = METHOD_SIDE; side <= 2 * METHOD_SIDE;
         side *= 2) { /* CLIP's size, and one that is reduced */
        lt_tensor *x = picture(side), *a = map_of(x), *b = map_of(x);
        ck_assert(method_same_bits(a, b));
        ck_assert_int_eq(lt_ndim(a), 4);
        ck_assert_int_eq(lt_dim(a, 1), 1);
        ck_assert_int_eq(lt_dim(a, 2), side);
        ck_assert(!lt_requires_grad(a));
        float least = 1.0f, most = 0.0f;
        for (int64_t i = 0; i < lt_numel(a); i++) {
            least = fminf(least, lt_f32(a)[i]);
            most = fmaxf(most, lt_f32(a)[i]);
        }
        ck_assert(least >= 0.0f && most <= 1.0f && most > least);
    }
    struct ce_focus_config bad = ce_focus_defaults();
    lt_rng rng = lt_rng_make(1, 2);
    bad.threshold = 0.0f;
    ck_assert_ptr_null(ce_focus_map(&models, &bad, &nce, &texts, picture(METHOD_SIDE), &rng));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "threshold");
}
END_TEST

/* x + M (b - mean), clamped, with the mean in double precision. */
START_TEST(painting)
{
    enum { N = 35 };
    const float color[3] = {0.5f, -1.0f, 0.25f};
    float x[3 * N], mask[N], out[3 * N];
    lt_rng rng = lt_rng_make(2, 0);
    double area = 0.0;
    for (int i = 0; i < 3 * N; i++)
        x[i] = fminf(fmaxf(0.6f * lt_rng_normal(&rng), -1.0f), 1.0f);
    for (int i = 0; i < N; i++)
        area += (double)(mask[i] = i % 3 == 0 ? 0.0f : (float)(i % 7) / 6.0f);
    ck_assert_float_eq_tol(ce_guess_paint(x, mask, N, color, out), (float)(area / N), 1e-6f);
    for (int c = 0; c < 3; c++) {
        double mean = 0.0;
        for (int i = 0; i < N; i++)
            mean += (double)(mask[i] * x[c * N + i]) / area;
        for (int i = 0; i < N; i++) {
            const double to = (double)x[c * N + i] + (double)mask[i] * ((double)color[c] - mean);
            ck_assert_double_eq_tol((double)out[c * N + i], fmin(fmax(to, -1.0), 1.0), 1e-6);
        }
    }
    memset(mask, 0, sizeof mask);
    ck_assert_float_eq(ce_guess_paint(x, mask, N, color, out), 0.0f);
    ck_assert_mem_eq(out, x, sizeof x);
}
END_TEST

/* The rating of a guess, the text loss of the painted picture plus a cost for its area, does not
 * depend on the other guesses that are rated in the same batch. */
START_TEST(rating)
{
    enum { N = 19 };
    const int64_t pixels = METHOD_SIDE * METHOD_SIDE;
    lt_tensor *x = picture(METHOD_SIDE), *feature = ce_image_features(ctx, models.clip, x, false);
    lt_tensor *out = lt_zeros(ctx, 4, lt_shape(x)),
              *mask = lt_zeros(ctx, 4, (const int64_t[]){1, 1, METHOD_SIDE, METHOD_SIDE});
    lt_rng rng = lt_rng_make(4, 0);
    struct ce_guesses g;
    struct ce_guess list[N];
    ck_assert_int_eq(ce_guesses_begin(&models, &nce, &texts, x, feature, &rng, &g), LT_OK);
    for (int t = 0; t < CE_GUESS_MAPS; t++)
        g.map[t] = lt_full(ctx, 4, (const int64_t[]){1, 1, METHOD_SIDE, METHOD_SIDE},
                           0.2f * (float)(t + 1));
    for (int i = 0; i < N; i++)
        list[i] = (struct ce_guess){.color = {lt_rng_normal(&rng), 0.1f * (float)i - 1.0f, 0.0f},
                                    .set = i % 2 ? g.regions.set[3 * i] : 0,
                                    .map = i % CE_GUESS_MAPS};
    const int rated[4] = {0, 0, 1, 0},
              seen[4] = {3, 1, CE_GUESS_VIEWS,
                         CE_GUESS_VIEWS}; /* the third goes on from the second */
    for (int k = 0; k < 4; k++) {
        const int views = seen[k];
        ck_assert_int_eq(ce_guesses_rate(&g, rated[k], views, list, N), LT_OK);
        for (int i = 0; i < N; i++) {
            struct ce_nce_config one = nce;
            one.copies = views;
            if (list[i].set)
                ce_regions_mask(&g.regions, list[i].set, lt_f32(mask));
            const float area =
                ce_guess_paint(lt_f32(x), lt_f32(list[i].set ? mask : g.map[list[i].map]), pixels,
                               list[i].color, lt_f32(out));
            const float text = lt_item(ce_nce_loss(ctx, models.clip, &one, &texts, feature, out,
                                                   (const double(*)[8])g.coeffs));
            /* Features of another batch differ by up to 1e-6; the contrasts' temperature, 0.05,
             * makes 2e-5 of that, twice. */
            ck_assert_float_eq_tol(list[i].loss, text + 0.3f * sqrtf(area), 1e-4f);
        }
    }
    ce_guesses_sort(list, N);
    for (int i = 1; i < N; i++)
        ck_assert_float_le(list[i - 1].loss, list[i].loss);
    ce_guesses_end(&g);
}
END_TEST

/* Recolouring: pixels where the mask is 0 stay as they are, a repeated call gives the same bits,
 * and the result suits the text better than a gray patch in place of the map. */
START_TEST(recoloring)
{
    const int64_t side = _i == 0 ? METHOD_SIDE : 2 * METHOD_SIDE,
                  pixels = side * side; /* the larger one is reduced */
    lt_tensor *x = picture(side), *feature = ce_image_features(ctx, models.clip, x, false),
              *mask[2], *best[2];
    lt_tensor *m = lt_zeros(ctx, 4, (const int64_t[]){1, 1, side, side}), *gray = lt_clone(ctx, x);
    for (int i = 0; i < pixels / 2; i++)
        lt_f32(m)[i] = 0.75f;
    for (int k = 0; k < 2; k++) {
        lt_rng rng = lt_rng_make(3, 3);
        best[k] = ce_recolor(&models, &nce, &texts, x, m, feature, &rng, &mask[k]);
        nn_assert_ok(ctx);
    }
    ck_assert(method_same_bits(best[0], best[1]) && method_same_bits(mask[0], mask[1]));
    ck_assert_int_eq(lt_dim(mask[0], 2), side);
    double area = 0.0;
    for (int i = 0; i < pixels; i++) {
        const float v = lt_f32(mask[0])[i];
        ck_assert(v >= 0.0f && v <= 1.0f);
        area += (double)v / (double)pixels;
        for (int c = 0; c < 3 && v == 0.0f; c++)
            ck_assert_float_eq(lt_f32(best[0])[c * pixels + i], lt_f32(x)[c * pixels + i]);
    }
    double coeffs[CE_GUESS_VIEWS][8] = {{1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0}};
    struct ce_nce_config config = nce;
    lt_rng rng = lt_rng_make(3, 3);
    config.copies = CE_GUESS_VIEWS - 1;
    ck_assert_int_eq(ce_nce_draw(ctx, &config, &rng, METHOD_SIDE, coeffs + 1), LT_OK);
    config.copies = CE_GUESS_VIEWS;
    ce_guess_paint(lt_f32(x), lt_f32(m), pixels, (const float[]){0.0f, 0.0f, 0.0f}, lt_f32(gray));
    float loss[2];
    for (int k = 0; k < 2; k++)
        loss[k] = lt_item(ce_nce_loss(ctx, models.clip, &config, &texts, feature,
                                      ce_focus_reduced(&models, k ? gray : best[0]),
                                      (const double(*)[8])coeffs));
    ck_assert_float_le(loss[0] + 0.3f * sqrtf((float)area), loss[1] + 0.3f * sqrtf(0.375f));
}
END_TEST

static bool count_step(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    ck_assert(!stage || isnan(terms->loss));
    ck_assert_int_eq(step, stage ? *(int64_t *)user : ++*(int64_t *)user);
    return true;
}

/* The full search takes as many steps as it announced, changes the picture, and gives the same bits
 * twice. */
START_TEST(search)
{
    struct ce_latent_edit_config config = ce_latent_edit_defaults();
    config.nce = nce;
    config.steps = 4;
    config.lr = 0.3f;
    config.space.first_layer = 0;
    config.use_focus = true;
    config.change_lambda = 1.0f;
    config.goal_lambda = 0.3f;
    config.fit_steps = _i > 0 ? 3 : 0;
    lt_tensor *w = method_latents(ctx, 1, 3);
    struct ce_edit_result a, b;
    int64_t told = 0;
    ck_assert_msg(ce_latent_edit_run(&models, &config, &texts, w, count_step, &told, &a) == LT_OK,
                  "%s", lt_ctx_message(ctx));
    ck_assert_int_eq(told, ce_latent_edit_steps(&config, &texts));
    ck_assert_int_eq(told, _i == 0 ? 4 : 7);
    ck_assert_int_eq(ce_latent_edit_run(&models, &config, &texts, w, NULL, NULL, &b), LT_OK);
    ck_assert(method_same_bits(a.x_hat, b.x_hat));
    ck_assert(!method_same_bits(a.x_hat, a.x));
    ck_assert(isfinite(a.first.loss) && isfinite(a.last.loss) &&
              isfinite(a.last.value[CE_TERM_CHANGE]));
    ce_edit_result_free(&a);
    ce_edit_result_free(&b);
}
END_TEST

/* ---- with the model that ships ---- */

static lt_ctx *shipped_ctx;
static struct ce_models shipped;
static lt_tensor *face; /* w of seed 1000 */

static void open_shipped(void)
{
    const struct ce_paths paths = {.model = "weights"};
    shipped = (struct ce_models){0};
    ck_assert_int_eq(lt_ctx_create(&shipped_ctx), LT_OK);
    lt_ctx_set_threads(shipped_ctx, 1);
    ck_assert_msg(ce_models_open(shipped_ctx, &paths, CE_NEED_GENERATOR | CE_NEED_TEXT, &shipped) ==
                      LT_OK,
                  "%s", lt_ctx_message(shipped_ctx));
    face = ce_latents_from_seeds(&shipped, (int64_t[]){1000}, 1, shipped.truncation);
}

static void close_shipped(void)
{
    ce_models_close(&shipped);
    lt_ctx_destroy(shipped_ctx);
}

/* The truth of the same face: masks[WORLD_PARTS][128 * 128]. */
static void render_masks(float *masks)
{
    static float rgb[3 * 128 * 128];
    struct world_attr attr;
    edit_attributes_of_seed(1000, &attr);
    ck_assert(world_render(&attr, 128, rgb, masks));
}

/* The features of a sentence about the shipped face and of its contrasts. */
static void open_sentence(const char *text, const struct ce_nce_config *n, struct ce_nce_texts *t)
{
    char *list[CE_CONTRASTS_MAX];
    struct ce_texts s = {.source = "face", .target = text, .contrasts = (const char *const *)list};
    ck_assert_int_eq(ce_contrasts_of(shipped_ctx, shipped.concepts, text, list, &s.contrast_count,
                                     &s.contrast_axes),
                     LT_OK);
    ck_assert_int_eq(ce_nce_texts_prepare(&shipped, n, &s, t), LT_OK);
    for (int i = 0; i < s.contrast_count; i++)
        free(list[i]);
}

/* The map of a sentence about the lips (hair, shirt) is denser there than anywhere else. */
START_TEST(clip_knows_where)
{
    static const struct {
        const char *text;
        enum world_part part;
    } about[] = {{"face with green lips", WORLD_LIPS},
                 {"face with blue hair", WORLD_HAIR},
                 {"face with an orange shirt", WORLD_SHIRT}};
    static float masks[WORLD_PARTS][128 * 128];
    lt_ctx *c = shipped_ctx;
    const struct ce_focus_config config = ce_focus_defaults();
    struct ce_nce_config n = ce_nce_defaults();
    struct ce_nce_texts t;
    lt_rng rng = lt_rng_make(1, 0);
    render_masks(masks[0]);
    n.templates = 4;
    open_sentence(about[_i].text, &n, &t);
    const lt_tensor *m = ce_focus_map(&shipped, &config, &n, &t,
                                      lt_stylegan2_synthesis(c, shipped.generator, face), &rng);
    ck_assert_msg(m != NULL, "%s", lt_ctx_message(c));
    double density[WORLD_PARTS];
    for (int p = 0; p < WORLD_PARTS; p++) {
        double sum = 0.0, weight = 1e-9;
        for (int i = 0; i < 128 * 128; i++) {
            sum += (double)(masks[p][i] * lt_f32(m)[i]);
            weight += (double)masks[p][i];
        }
        density[p] = sum / weight;
    }
    for (int p = 0; p < WORLD_PARTS; p++)
        ck_assert_msg(p == (int)about[_i].part || density[about[_i].part] > 1.5 * density[p],
                      "%s: %.2f, but %s has %.2f", about[_i].text, density[about[_i].part],
                      world_part_name((enum world_part)p), density[p]);
    ce_nce_texts_free(&t);
}
END_TEST

/* The best recolouring is of the part that the sentence names, and leaves the rest. */
START_TEST(recoloring_finds_the_part)
{
    static const struct {
        const char *text;
        enum world_part part;
    } about[] = {{"face with green lips", WORLD_LIPS},
                 {"face with purple eyebrows", WORLD_BROWS},
                 {"face with an orange shirt", WORLD_SHIRT}};
    static float masks[WORLD_PARTS][128 * 128];
    lt_ctx *c = shipped_ctx;
    const struct ce_edit_settings s = ce_method_settings(ce_method_find("cf-clip"));
    struct ce_nce_config n = s.latent.nce;
    struct ce_nce_texts t;
    lt_rng rng = lt_rng_make(1, 0);
    lt_tensor *mask = NULL;
    render_masks(masks[0]);
    open_sentence(about[_i].text, &n, &t);
    lt_tensor *x = lt_stylegan2_synthesis(c, shipped.generator, face);
    lt_tensor *where = ce_focus_map(&shipped, &s.latent.focus, &n, &t, x, &rng);
    ck_assert_msg(ce_recolor(&shipped, &n, &t, x, where,
                             ce_image_features(c, shipped.clip, x, false), &rng, &mask) != NULL,
                  "%s", lt_ctx_message(c));
    double inside = 0.0, part = 0.0, outside = 0.0, rest = 0.0;
    for (int i = 0; i < 128 * 128; i++) {
        const double m = (double)lt_f32(mask)[i], truth = (double)masks[about[_i].part][i];
        inside += truth * m;
        part += truth;
        outside += (1.0 - truth) * m;
        rest += 1.0 - truth;
    }
    ck_assert_msg(inside > 0.5 * part && outside < 0.08 * rest,
                  "%s: %.2f of the part, %.3f of the rest", about[_i].text, inside / part,
                  outside / rest);
    ce_nce_texts_free(&t);
}
END_TEST

/* As the strength rises from 0 to 1, each step moves the picture further from the source and closer
 * to the text. */
START_TEST(strength_is_smooth)
{
    lt_ctx *c = shipped_ctx;
    struct ce_edit_settings s = ce_method_settings(ce_method_find("cf-clip"));
    const struct ce_edit_texts about = {.source = "face", .target = "face with blue hair"};
    struct ce_editor *editor;
    s.latent.nce.templates = 4;
    s.latent.steps = 15;
    s.latent.fit_steps = 0;
    ck_assert_msg(ce_editor_open(&shipped, &s, &about, NULL, NULL, NULL, &editor) == LT_OK, "%s",
                  lt_ctx_message(c));
    lt_tensor *text = lt_l2_normalize(c, ce_text_feature(&shipped, about.target), 1e-12f);
    double last_match = -1.0, last_distance = -1.0;
    for (int k = 0; k <= 4; k++) {
        struct ce_edit_result r;
        ck_assert_int_eq(ce_editor_run(editor, face, (float)k / 4.0f, NULL, NULL, &r), LT_OK);
        const double match = (double)lt_item(
            lt_matmul(c, ce_image_features(c, shipped.clip, r.x_hat, false), text, false, true));
        const double distance = nn_distance(r.x, r.x_hat);
        ck_assert_msg(match > last_match, "strength %g: match %g after %g", k / 4.0, match,
                      last_match);
        ck_assert_msg(distance > last_distance, "strength %g: distance %g after %g", k / 4.0,
                      distance, last_distance);
        if (k == 0)
            ck_assert_double_eq(distance, 0.0);
        last_match = match;
        last_distance = distance;
        ce_edit_result_free(&r);
    }
    ce_editor_close(editor);
}
END_TEST

Suite *suite_focus(void)
{
    Suite *suite = suite_create("focus");
    TCase *tests = tcase_create("focus");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, map);
    tcase_add_test(tests, painting);
    tcase_add_test(tests, rating);
    tcase_add_loop_test(tests, recoloring, 0, 2);
    tcase_add_loop_test(tests, search, 0, 2);
    suite_add_tcase(suite, tests);
    TCase *real = tcase_create("shipped");
    tcase_set_tags(real, "slow");
    tcase_add_checked_fixture(real, open_shipped, close_shipped);
    tcase_set_timeout(real, 300);
    tcase_add_loop_test(real, clip_knows_where, 0, 3);
    tcase_add_loop_test(real, recoloring_finds_the_part, 0, 3);
    tcase_add_test(real, strength_is_smooth);
    suite_add_tcase(suite, real);
    return suite;
}
