/* Training: steps, order, recorded draws, checkpoints that continue to the bit, the log. */
#include <math.h>
#include <string.h>

#include "cli/inout/train_report.h"
#include "support/method_fixture.h"
#include "support/temp_dir.h"
#include "tensor/files/file.h"

Suite *suite_trainer(void);

enum { N = 5, STEPS = 8 };

static struct ce_models models;
static lt_ctx *ctx;
static struct ce_train_config config;
static struct ce_train_data data;

/* One training and its weights. */
struct training {
    lt_params *params;
    struct ce_trainer *trainer;
};

static void setup(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    ctx = models.ctx;
    config = ce_train_defaults();
    config.objective.id_lambda = 0.0f;
    config.objective.nce.templates = 3;
    config.objective.nce.copies = 2;
    config.seed = 11;
    data = (struct ce_train_data){.texts = {.source = "face", .target = "green face"},
                                  .latents = method_latents(ctx, N, 1),
                                  .tests = method_latents(ctx, 3, 2)};
    temp_dir_make();
}

static void teardown(void)
{
    temp_dir_remove();
    method_models_free(&models);
}

static struct training start(void)
{
    struct training t = {0};
    lt_params_create(ctx, &t.params);
    ck_assert_msg(ce_trainer_create(&models, &config, &data, t.params, &t.trainer) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    return t;
}

static void stop(struct training *t)
{
    ce_trainer_free(t->trainer);
    lt_params_free(t->params);
}

static void steps(struct training *t, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(ce_trainer_step(t->trainer, NULL) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void same_weights(const struct training *a, const struct training *b)
{
    ck_assert_uint_eq(lt_params_count(a->params), lt_params_count(b->params));
    for (size_t i = 0; i < lt_params_count(a->params); i++)
        ck_assert_msg(method_same_bits(lt_params_at(a->params, i), lt_params_at(b->params, i)),
                      "%s differs", lt_params_name(a->params, i));
}

START_TEST(defaults)
{
    const struct ce_train_config c = ce_train_defaults();
    ck_assert_int_eq(c.optimizer, LT_RANGER);
    ck_assert_float_eq(c.lr, 0.5f);
    ck_assert_int_eq(c.batch, 2);
    ck_assert(c.shuffle && c.mapper_type == CE_MAPPER_LEVELS && c.level[0] && c.level[1] &&
              c.level[2]);
}
END_TEST

/* A training stopped after k steps and continued by a new trainer gives the bits, losses and
 * validation of one that was not stopped. */
START_TEST(resume_is_exact)
{
    const int stopped = _i;
    config.optimizer = _i % 2 ? LT_ADAM : LT_RANGER;
    config.lr = 0.3f;
    struct ce_terms mean;
    bool better;
    struct training whole = start(), first = start();
    steps(&whole, STEPS);
    steps(&first, stopped);
    if (stopped > 0)
        ck_assert_int_eq(ce_trainer_validate(first.trainer, 2, &mean, &better), LT_OK);
    ck_assert_int_eq(ce_trainer_save(first.trainer, temp_path("c.safetensors")), LT_OK);
    const double best = ce_trainer_best(first.trainer);
    stop(&first);

    struct training second = start();
    ck_assert_msg(ce_trainer_restore(second.trainer, temp_path("c.safetensors")) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    ck_assert_int_eq((int)ce_trainer_steps(second.trainer), stopped);
    ck_assert_mem_eq(&best, &(double){ce_trainer_best(second.trainer)},
                     stopped > 0 ? sizeof best : 0);
    steps(&second, STEPS - stopped);
    same_weights(&whole, &second);
    for (int i = 0; i < STEPS; i++)
        ck_assert_mem_eq(ce_trainer_history(whole.trainer, i),
                         ce_trainer_history(second.trainer, i), 3 * sizeof(float));
    stop(&whole);
    stop(&second);
}
END_TEST

START_TEST(foreign_checkpoints)
{
    struct training t = start();
    steps(&t, 1);
    ck_assert_int_eq(ce_trainer_save(t.trainer, temp_path("c.safetensors")), LT_OK);
    ck_assert_int_eq(ce_trainer_save_mapper(t.trainer, temp_path("m.safetensors")), LT_OK);
    ck_assert_int_eq(ce_trainer_restore(t.trainer, temp_path("m.safetensors")), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "not a training's checkpoint");
    ck_assert_int_eq(ce_trainer_restore(t.trainer, temp_path("none.safetensors")), LT_ERR_IO);
    lt_ctx_clear(ctx);
    stop(&t);

    config.lr = 0.25f;
    t = start();
    ck_assert_int_eq(ce_trainer_restore(t.trainer, temp_path("c.safetensors")), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "lr was 0.5, now it is 0.25");
    stop(&t);
    config.lr = 0.5f;
    data.texts.source = "blue face";
    t = start();
    ck_assert_int_eq(ce_trainer_restore(t.trainer, temp_path("c.safetensors")), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "the source text was \"face\", now it is");
    stop(&t);
    data.texts.source = "face";
    data.latents = method_latents(ctx, N, 3);
    t = start();
    ck_assert_int_eq(ce_trainer_restore(t.trainer, temp_path("c.safetensors")), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "the latents are other ones");
    stop(&t);
}
END_TEST

struct seen {
    int count[N];
    int64_t first[2];
    lt_params *params;
    bool whole; /* gradients, latents and pictures were there */
};

static void look(void *user, const struct ce_trainer *trainer, const struct ce_train_view *view)
{
    struct seen *seen = user;
    for (int i = 0; i < 2; i++)
        seen->count[view->index[i]]++;
    if (view->step == 0)
        memcpy(seen->first, view->index, sizeof seen->first);
    seen->whole = lt_grad(lt_params_find(seen->params, "mapper.fc.weight")) &&
                  lt_dim(view->x_hat, 2) == METHOD_SIDE && lt_same_shape(view->w, view->w_hat) &&
                  isfinite(view->terms.loss) && view->source->clip &&
                  ce_trainer_objective(trainer) && ce_trainer_mapper(trainer);
}

/* Two batches of two an epoch: four of the five latents, each once. */
START_TEST(order)
{
    config.shuffle = _i == 1;
    struct training t = start();
    struct seen seen = {.params = t.params};
    ce_trainer_observe(t.trainer, look, &seen);
    steps(&t, 2);
    ck_assert(seen.whole);
    int used = 0;
    for (int i = 0; i < N; i++) {
        ck_assert_int_le(seen.count[i], 1);
        used += seen.count[i];
    }
    ck_assert_int_eq(used, 4);
    if (!config.shuffle)
        ck_assert(seen.first[0] == 0 && seen.first[1] == 1 && seen.count[4] == 0);
    ck_assert_ptr_null(lt_grad(lt_params_find(t.params, "mapper.fc.weight")));
    for (size_t i = 0; i < lt_params_count(models.generator_params); i++)
        ck_assert_ptr_null(lt_grad(lt_params_at(models.generator_params, i)));
    stop(&t);
}
END_TEST

/* With recorded draws the seed makes no difference to the losses; without, it does. */
START_TEST(recorded_draws)
{
    float loss[2][2];
    struct training fresh = start();
    ck_assert_int_eq(ce_trainer_save_mapper(fresh.trainer, temp_path("m.safetensors")), LT_OK);
    stop(&fresh);
    lt_rng rng = lt_rng_make(2, 2);
    lt_tensor *points = lt_empty(ctx, LT_F32, 5, (const int64_t[]){2, 2, 2, 4, 2});
    for (int i = 0; i < 4; i++) {
        const struct ce_perspective p = ce_perspective_draw(&rng, METHOD_SIDE, METHOD_SIDE, 0.5);
        for (int k = 0; k < 8; k++) {
            lt_f32(points)[16 * i + k] = (float)p.start[k / 2][k % 2];
            lt_f32(points)[16 * i + 8 + k] = (float)p.end[k / 2][k % 2];
        }
    }
    config.shuffle = false;
    for (int recorded = 0; recorded < 2; recorded++) {
        data.points = recorded ? points : NULL;
        for (int i = 0; i < 2; i++) {
            struct training t = {0};
            struct ce_terms terms;
            config.seed = (uint64_t)i;
            lt_params_create(ctx, &t.params);
            ck_assert_int_eq(ce_mapper_load(ctx, t.params, temp_path("m.safetensors")), LT_OK);
            ck_assert_int_eq(ce_trainer_create(&models, &config, &data, t.params, &t.trainer),
                             LT_OK);
            steps(&t, 1);
            ck_assert_int_eq(ce_trainer_step(t.trainer, &terms), LT_OK);
            loss[recorded][i] = terms.value[CE_TERM_TEXT];
            if (recorded) {
                ck_assert_int_eq(ce_trainer_step(t.trainer, NULL), LT_ERR_ARGUMENT);
                nn_assert_failed(ctx, LT_ERR_ARGUMENT, "2 steps only");
            }
            stop(&t);
        }
    }
    ck_assert(loss[0][0] != loss[0][1]);
    ck_assert(loss[1][0] == loss[1][1]);
}
END_TEST

/* The loss falls, and validation on the same pictures says so (nothing carries over to others in a
 * random world). */
START_TEST(learns)
{
    data.tests = data.latents;
    config.objective.nce.copies = 0;
    config.optimizer = LT_ADAM;
    config.lr = 2.0f;
    struct training t = start();
    struct ce_terms before, after;
    bool better = false;
    ck_assert(isnan(ce_trainer_best(t.trainer)));
    ck_assert_int_eq(ce_trainer_validate(t.trainer, 200, &before, &better), LT_OK);
    ck_assert(better && (float)ce_trainer_best(t.trainer) == before.loss);
    steps(&t, 60);
    ck_assert_int_eq(ce_trainer_validate(t.trainer, 200, &after, &better), LT_OK);
    ck_assert(better);
    ck_assert_float_lt(after.value[CE_TERM_TEXT], 0.5f * before.value[CE_TERM_TEXT]);
    lt_tensor *x = NULL, *x_hat = NULL;
    ck_assert_int_eq(ce_trainer_pictures(t.trainer, data.tests, &x, &x_hat), LT_OK);
    ck_assert(lt_dim(x, 0) == N && lt_same_shape(x, x_hat));
    ck_assert_double_gt(nn_distance(x_hat, x), 1e-3);
    ck_assert_int_eq(ce_train_plot(ctx, t.trainer, temp_path("loss.png")), LT_OK);
    ck_assert_int_eq(
        ce_train_sheet(ctx, t.trainer, data.tests, "green face", temp_path("sheet.png")), LT_OK);
    stop(&t);
}
END_TEST

START_TEST(levels_off)
{
    config.level[CE_LEVEL_COARSE] = false;
    struct training t = start();
    ck_assert_ptr_null(lt_params_find(t.params, "mapper.course_mapping.mapping.1.weight"));
    ck_assert_str_eq(lt_params_metadata(t.params, "no_coarse_mapper"), "true");
    ck_assert_str_eq(lt_params_metadata(t.params, CE_META_TARGET), "green face");
    steps(&t, 1);
    stop(&t);
}
END_TEST

START_TEST(errors)
{
    struct training t = {0};
    lt_params_create(ctx, &t.params);
    config.batch = N + 1;
    ck_assert_int_eq(ce_trainer_create(&models, &config, &data, t.params, &t.trainer),
                     LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "a batch of 6 needs as many latents; there are 5");
    ck_assert_ptr_null(t.trainer);
    config.batch = 2;
    config.objective.id_lambda = 0.2f;
    ck_assert_int_eq(ce_trainer_create(&models, &config, &data, t.params, &t.trainer),
                     LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "identity network");
    config.objective.id_lambda = 0.0f;
    data.tests = NULL;
    stop(&t);
    t = start();
    struct ce_terms mean;
    bool better;
    ck_assert_int_eq(ce_trainer_validate(t.trainer, 1, &mean, &better), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    lt_fill(ctx, lt_params_find(t.params, "mapper.fc.bias"), NAN);
    ck_assert_int_eq(ce_trainer_step(t.trainer, NULL), LT_ERR_NUMERIC);
    nn_assert_failed(ctx, LT_ERR_NUMERIC, "step 1");
    ck_assert_int_eq((int)ce_trainer_steps(t.trainer), 0);
    stop(&t);
}
END_TEST

static void check_file(const char *path, const char *expected)
{
    void *text = NULL;
    size_t size = 0;
    ck_assert_int_eq(lt_file_read(ctx, path, 1 << 20, &text, &size), LT_OK);
    ck_assert_str_eq((const char *)text, expected);
    free(text);
}

START_TEST(log_lines)
{
    const char *path = temp_path("log.jsonl");
    struct ce_train_log *log = NULL;
    const struct ce_terms terms = {1.5f, {4.0f, 0.25f, NAN, NAN}};
    ck_assert_int_eq(ce_train_log_open(ctx, path, 0, &log), LT_OK);
    for (int step = 1; step <= 3; step++)
        ck_assert_int_eq(ce_train_log_write(log, step, &terms, 0.5, step == 2 ? &terms : NULL),
                         LT_OK);
    ck_assert_int_eq(ce_train_log_sync(log), LT_OK);
    ce_train_log_close(log);
#define STEP(n, more) \
    "{\"step\":" n ",\"loss\":1.5,\"loss_nce\":4,\"loss_l2_latent\":0.25," more "\"seconds\":0.5}\n"
#define VALIDATION "\"val_loss\":1.5,\"val_loss_nce\":4,\"val_loss_l2_latent\":0.25,"
    check_file(path, STEP("1", "") STEP("2", VALIDATION) STEP("3", ""));

    /* Continued from step 2, with half a line at the end. */
    FILE *f = fopen(path, "ab");
    fputs("{\"step\":4,\"lo", f);
    fclose(f);
    ck_assert_int_eq(ce_train_log_open(ctx, path, 2, &log), LT_OK);
    ck_assert_int_eq(ce_train_log_write(log, 3, &terms, 0.5, NULL), LT_OK);
    ce_train_log_close(log);
    check_file(path, STEP("1", "") STEP("2", VALIDATION) STEP("3", ""));

    /* From the beginning; and what is no log is left alone. */
    ck_assert_int_eq(ce_train_log_open(ctx, path, 0, &log), LT_OK);
    ce_train_log_close(log);
    check_file(path, "");
    temp_write(path, "dear diary\n", 11);
    ck_assert_int_eq(ce_train_log_open(ctx, path, 2, &log), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "not a training's log");
    check_file(path, "dear diary\n");
    ck_assert_int_eq(ce_train_log_open(ctx, temp_path("no/where.jsonl"), 0, &log), LT_ERR_IO);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(ce_train_log_write(NULL, 1, &terms, 0.5, NULL), LT_OK);
}
END_TEST

Suite *suite_trainer(void)
{
    Suite *suite = suite_create("trainer");
    TCase *tests = tcase_create("trainer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, defaults);
    tcase_add_loop_test(tests, resume_is_exact, 0, STEPS);
    tcase_add_test(tests, foreign_checkpoints);
    tcase_add_loop_test(tests, order, 0, 2);
    tcase_add_test(tests, recorded_draws);
    tcase_add_test(tests, learns);
    tcase_add_test(tests, levels_off);
    tcase_add_test(tests, errors);
    tcase_add_test(tests, log_lines);
    suite_add_tcase(suite, tests);
    return suite;
}
