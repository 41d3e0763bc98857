/* The text-embedding mapping: names, levels, values against a plain reference, gradients,
 * errors. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/mapper/mapper.h"
#include "support/method_fixture.h"
#include "support/nn_check.h"
#include "support/temp_dir.h"

Suite *suite_mapper(void);

enum { L = 10, D = 6, E = 5, N = 2 };

static lt_ctx *ctx;
static lt_params *params;
static struct ce_mapper *mapper;
static lt_rng rng;
static lt_tensor *w, *text;

static const struct ce_mapper_config levels = {.type = CE_MAPPER_LEVELS,
                                               .level = {true, true, true},
                                               .latents = L,
                                               .style_dim = D,
                                               .text_dim = E};

static void make(const struct ce_mapper_config *config)
{
    ck_assert_int_eq(ce_mapper_init(ctx, params, config, &rng), LT_OK);
    for (size_t i = 0; i < lt_params_count(params); i++)
        if (strstr(lt_params_name(params, i), "bias"))
            lt_fill_normal(ctx, lt_params_at(params, i), &rng, 0.0f, 10.0f);
    ck_assert_msg(ce_mapper_create(ctx, params, config->latents, &mapper) == LT_OK, "%s",
                  lt_ctx_message(ctx));
}

static void setup(void)
{
    ctx = nn_context();
    rng = lt_rng_make(5, 0);
    mapper = NULL;
    lt_params_create(ctx, &params);
    w = nn_normal(ctx, &rng, 3, (const int64_t[]){N, L, D});
    text = nn_normal(ctx, &rng, 2, (const int64_t[]){1, E});
}

static void teardown(void)
{
    ce_mapper_free(mapper);
    lt_params_free(params);
    lt_ctx_destroy(ctx);
}

static lt_tensor *edit(float strength)
{
    return ce_mapper_edit(ctx, mapper, w, ce_mapper_text(ctx, mapper, text), strength);
}

/* ---- the reference: one vector at a time, in double ---- */

static void dense(const char *prefix, const double *x, int in, double *y)
{
    char name[96];
    snprintf(name, sizeof name, "%s.weight", prefix);
    const float *weight = lt_f32(lt_params_find(params, name));
    snprintf(name, sizeof name, "%s.bias", prefix);
    const float *bias = lt_f32(lt_params_find(params, name));
    for (int o = 0; o < D; o++) {
        double sum = 0.01 * (double)bias[o];
        for (int i = 0; i < in; i++)
            sum += x[i] * (double)weight[o * in + i] * 0.01 / sqrt(in);
        y[o] = sqrt(2.0) * (sum > 0 ? sum : 0.2 * sum);
    }
}

/* x (layers, in) -> y (layers, D); the norm goes over the layers. */
static void stack(const char *prefix, double *x, int layers, int in, double *y)
{
    for (int i = 0; i < in; i++) {
        double sum = 0;
        for (int l = 0; l < layers; l++)
            sum += x[l * in + i] * x[l * in + i];
        const double scale = 1 / sqrt(sum / layers + 1e-8);
        for (int l = 0; l < layers; l++)
            x[l * in + i] *= scale;
    }
    for (int l = 0; l < layers; l++) {
        double a[16], b[16];
        memcpy(a, x + l * in, (size_t)in * sizeof *a);
        for (int i = 1; i <= 4; i++) {
            char name[96];
            snprintf(name, sizeof name, "%s.mapping.%d", prefix, i);
            dense(name, a, i == 1 ? in : D, b);
            memcpy(a, b, sizeof a);
        }
        memcpy(y + l * D, a, D * sizeof *y);
    }
}

static void reference(int n, double out[L][D])
{
    double fused[L][D];
    for (int l = 0; l < L; l++) {
        char prefix[64];
        double t[E], both[2 * D];
        for (int i = 0; i < E; i++)
            t[i] = (double)lt_f32(text)[i];
        for (int i = 0; i < D; i++)
            both[i] = (double)lt_f32(w)[(n * L + l) * D + i];
        snprintf(prefix, sizeof prefix, "text_mapper.mapper_%d", l);
        stack(prefix, t, 1, E, both + D);
        dense("mapper.fc", both, 2 * D, fused[l]);
    }
    stack("mapper.course_mapping", fused[0], 4, D, out[0]);
    stack("mapper.medium_mapping", fused[4], 4, D, out[4]);
    stack("mapper.fine_mapping", fused[8], L - 8, D, out[8]);
}

START_TEST(values)
{
    make(&levels);
    lt_tensor *edited = edit(1.0f);
    nn_assert_ok(ctx);
    ck_assert_int_eq(lt_dim(edited, 0), N);
    ck_assert_int_eq(lt_dim(edited, 1), L);
    ck_assert_int_eq(lt_dim(edited, 2), D);
    for (int n = 0; n < N; n++) {
        double out[L][D];
        reference(n, out);
        for (int i = 0; i < L * D; i++) {
            const double before = (double)lt_f32(w)[n * L * D + i];
            ck_assert_double_eq_tol((double)lt_f32(edited)[n * L * D + i],
                                    before + 0.1 * out[i / D][i % D], 2e-6);
        }
    }
    ck_assert_double_lt(nn_distance(edit(0.0f), w), 1e-9);
}
END_TEST

START_TEST(names)
{
    make(&levels);
    static const char *const name[] = {"mapper.fc.weight", "mapper.course_mapping.mapping.1.weight",
                                       "mapper.medium_mapping.mapping.4.bias",
                                       "mapper.fine_mapping.mapping.2.weight",
                                       "text_mapper.mapper_9.mapping.1.weight"};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        ck_assert_msg(lt_params_find(params, name[i]) != NULL, "no %s", name[i]);
    ck_assert_int_eq((int)lt_params_count(params), 2 + 8 * (3 + L));
    ck_assert_str_eq(lt_params_metadata(params, CE_META_MAPPER_TYPE), "LevelsMapper");
    const struct ce_mapper_config *c = ce_mapper_describe(mapper);
    ck_assert(c->type == CE_MAPPER_LEVELS && c->level[0] && c->level[1] && c->level[2]);
    ck_assert(c->latents == L && c->style_dim == D && c->text_dim == E);
    /* Initial weights have a standard deviation of 1 / 0.01. */
    const lt_tensor *fuse = lt_params_find(params, "mapper.fc.weight");
    double sum = 0;
    for (int64_t i = 0; i < lt_numel(fuse); i++)
        sum += (double)lt_f32(fuse)[i] * (double)lt_f32(fuse)[i];
    ck_assert_double_eq_tol(sqrt(sum / (double)lt_numel(fuse)), 100.0, 30.0);
}
END_TEST

/* Layers whose level is off keep their bits; all other layers move. */
static void check_moves(const bool level[CE_LEVELS])
{
    lt_tensor *edited = edit(1.0f);
    nn_assert_ok(ctx);
    for (int i = 0; i < N * L; i++) {
        const int layer = i % L;
        const bool moves =
            memcmp(lt_f32(edited) + i * D, lt_f32(w) + i * D, D * sizeof(float)) != 0;
        ck_assert_int_eq(moves, level[layer < 4 ? 0 : layer < 8 ? 1 : 2]);
    }
}

START_TEST(levels_off)
{
    struct ce_mapper_config config = levels;
    for (int i = 0; i < CE_LEVELS; i++)
        config.level[i] = i != _i;
    make(&config);
    ck_assert_int_eq((int)lt_params_count(params), 2 + 8 * (2 + L));
    check_moves(config.level);
}
END_TEST

START_TEST(level_off_by_metadata)
{
    make(&levels);
    ce_mapper_free(mapper);
    lt_params_set_metadata(ctx, params, "no_medium_mapper", "True");
    ck_assert_int_eq(ce_mapper_create(ctx, params, L, &mapper), LT_OK);
    check_moves((const bool[]){true, false, true});
}
END_TEST

START_TEST(single)
{
    struct ce_mapper_config config = levels;
    config.type = CE_MAPPER_SINGLE;
    make(&config);
    ck_assert_int_eq((int)lt_params_count(params), 2 + 8 * (1 + L));
    ck_assert_int_eq(ce_mapper_describe(mapper)->type, CE_MAPPER_SINGLE);
    check_moves((const bool[]){true, true, true});
}
END_TEST

/* StyleCLIP's mapper: the levels see w alone, and nothing of the text. */
START_TEST(without_text)
{
    struct ce_mapper_config config = levels;
    config.without_text = true;
    config.text_dim = 0;
    make(&config);
    ck_assert_int_eq((int)lt_params_count(params), 8 * 3);
    const struct ce_mapper_config *c = ce_mapper_describe(mapper);
    ck_assert(c->without_text && c->style_dim == D && c->level[0] && c->level[1] && c->level[2]);
    ck_assert_ptr_null(ce_mapper_text(ctx, mapper, text));
    lt_tensor *edited = ce_mapper_edit(ctx, mapper, w, NULL, 1.0f);
    nn_assert_ok(ctx);
    for (int n = 0; n < N; n++) {
        double in[L][D], out[L][D];
        for (int i = 0; i < L * D; i++)
            in[i / D][i % D] = (double)lt_f32(w)[n * L * D + i];
        stack("mapper.course_mapping", in[0], 4, D, out[0]);
        stack("mapper.medium_mapping", in[4], 4, D, out[4]);
        stack("mapper.fine_mapping", in[8], L - 8, D, out[8]);
        for (int i = 0; i < L * D; i++)
            ck_assert_double_eq_tol((double)lt_f32(edited)[n * L * D + i],
                                    (double)lt_f32(w)[n * L * D + i] + 0.1 * out[i / D][i % D],
                                    2e-6);
    }
    ck_assert_int_eq(ce_mapper_require_grad(ctx, mapper, true), LT_OK);
    edited = ce_mapper_edit(ctx, mapper, w, NULL, 1.0f);
    ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_square(ctx, edited), 0, false)), LT_OK);
    for (size_t i = 0; i < lt_params_count(params); i++)
        ck_assert_msg(lt_grad(lt_params_at(params, i)) != NULL, "%s has no gradient",
                      lt_params_name(params, i));
}
END_TEST

/* Published mappers have text mappers for the largest generator whatever the size of their own;
 * what is not used gets no gradient. */
START_TEST(fewer_layers)
{
    struct ce_mapper_config published = levels;
    published.latents = 18;
    make(&published);
    for (int layers = 2; layers <= 8; layers += 2) {
        struct ce_mapper *small = NULL;
        ck_assert_int_eq(ce_mapper_create(ctx, params, layers, &small), LT_OK);
        ck_assert_int_eq(ce_mapper_require_grad(ctx, small, true), LT_OK);
        lt_tensor *part = lt_contiguous(ctx, lt_slice(ctx, w, 1, 0, layers));
        lt_tensor *y = ce_mapper_edit(ctx, small, part, ce_mapper_text(ctx, small, text), 1.0f);
        ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_square(ctx, y), 0, false)), LT_OK);
        ck_assert_int_eq(lt_dim(y, 1), layers);
        ck_assert_ptr_nonnull(
            lt_grad(lt_params_find(params, "mapper.course_mapping.mapping.1.weight")));
        ck_assert_int_eq(
            lt_grad(lt_params_find(params, "mapper.medium_mapping.mapping.1.weight")) != NULL,
            layers > 4);
        ck_assert_ptr_null(lt_grad(lt_params_find(params, "mapper.fine_mapping.mapping.1.weight")));
        ck_assert_ptr_null(
            lt_grad(lt_params_find(params, "text_mapper.mapper_8.mapping.1.weight")));
        for (size_t i = 0; i < lt_params_count(params); i++)
            lt_zero_grad(lt_params_at(params, i));
        ce_mapper_require_grad(ctx, small, false);
        ce_mapper_free(small);
    }
}
END_TEST

static lt_tensor *forward(lt_ctx *c, void *user)
{
    (void)c;
    (void)user;
    return edit(1.0f);
}

START_TEST(gradients)
{
    make(&levels);
    static const char *const leaf[] = {"mapper.fc.weight",
                                       "mapper.fc.bias",
                                       "mapper.course_mapping.mapping.1.weight",
                                       "mapper.fine_mapping.mapping.4.bias",
                                       "text_mapper.mapper_0.mapping.1.weight",
                                       "text_mapper.mapper_9.mapping.3.bias"};
    /* Weights are near 100 in size; larger steps meet kinks of the leaky ReLU. */
    for (size_t i = 0; i < sizeof leaf / sizeof leaf[0]; i++)
        nn_check_gradient(ctx, leaf[i], lt_params_find(params, leaf[i]), forward, NULL, 6, 0.03f,
                          2e-2);
    nn_check_gradient(ctx, "w", w, forward, NULL, 6, 1e-3f, 2e-2);
}
END_TEST

START_TEST(errors)
{
    struct ce_mapper *none = NULL;
    ck_assert_int_eq(ce_mapper_create(ctx, params, L, &none), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "mapper.fc.weight");
    make(&levels);
    ck_assert_int_eq(ce_mapper_create(ctx, params, L + 1, &none), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "10 text mappers, one a layer, but");
    ck_assert_int_eq(ce_mapper_create(ctx, params, L - 2, &none), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "a generator of another size");
    lt_params *holed = method_params_without(ctx, params, "text_mapper.mapper_3.mapping.2.weight");
    ck_assert_int_eq(ce_mapper_create(ctx, holed, L, &none), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "text_mapper.mapper_3.mapping.2.weight");
    lt_params_free(holed);
    lt_params_set_metadata(ctx, params, CE_META_SIZE, "1024");
    ck_assert_int_eq(ce_mapper_create(ctx, params, L, &none), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "1024 pixels, whose latents have 18 layers");
    lt_params_set_metadata(ctx, params, CE_META_SIZE, "64");
    ck_assert_int_eq(ce_mapper_create(ctx, params, L, &none), LT_OK);
    ce_mapper_free(none);
    none = NULL;
    ck_assert_ptr_null(ce_mapper_text(ctx, mapper, lt_zeros(ctx, 2, (const int64_t[]){1, E + 1})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "(1, 6), expected (1, 5)");
    lt_tensor *t_w = ce_mapper_text(ctx, mapper, text);
    ck_assert_ptr_null(
        ce_mapper_edit(ctx, mapper, lt_zeros(ctx, 3, (const int64_t[]){1, L - 2, D}), t_w, 1.0f));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "expected (N, 10, 6)");
    lt_params *other = NULL;
    lt_params_create(ctx, &other);
    struct ce_mapper_config config = levels;
    config.text_dim = 0;
    ck_assert_int_eq(ce_mapper_init(ctx, other, &config, &rng), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    lt_params_free(other);
}
END_TEST

/* A file with other things in it: only the mapper and its metadata are taken. */
START_TEST(files)
{
    make(&levels);
    temp_dir_make();
    lt_params *other = NULL, *back = NULL;
    lt_params_create(ctx, &other);
    lt_params_create(ctx, &back);
    for (size_t i = 0; i < lt_params_count(params); i++)
        lt_params_add(ctx, other, lt_params_name(params, i), lt_params_at(params, i));
    lt_params_add(ctx, other, "decoder.x", lt_scalar(ctx, 1.0f));
    lt_params_set_metadata(ctx, other, CE_META_TARGET, "green lips");
    lt_params_set_metadata(ctx, other, "train.step", "7");
    ck_assert_int_eq(lt_params_save(ctx, other, temp_path("m.safetensors"), LT_F32), LT_OK);
    ck_assert_int_eq(ce_mapper_load(ctx, back, temp_path("m.safetensors")), LT_OK);
    ck_assert_uint_eq(lt_params_count(back), lt_params_count(params));
    ck_assert_str_eq(lt_params_metadata(back, CE_META_TARGET), "green lips");
    ck_assert_ptr_null(lt_params_metadata(back, "train.step"));
    lt_params_free(other);
    lt_params_create(ctx, &other);
    lt_params_add(ctx, other, "latents", w);
    lt_params_save(ctx, other, temp_path("w.safetensors"), LT_F32);
    ck_assert_int_eq(ce_mapper_load(ctx, back, temp_path("w.safetensors")), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "w.safetensors");
    lt_params_free(other);
    lt_params_free(back);
    temp_dir_remove();
}
END_TEST

Suite *suite_mapper(void)
{
    Suite *suite = suite_create("mapper");
    TCase *tests = tcase_create("mapper");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, values);
    tcase_add_test(tests, names);
    tcase_add_loop_test(tests, levels_off, 0, CE_LEVELS);
    tcase_add_test(tests, level_off_by_metadata);
    tcase_add_test(tests, single);
    tcase_add_test(tests, without_text);
    tcase_add_test(tests, fewer_layers);
    tcase_add_test(tests, gradients);
    tcase_add_test(tests, errors);
    tcase_add_test(tests, files);
    suite_add_tcase(suite, tests);
    return suite;
}
