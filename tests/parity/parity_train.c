/* Whole training steps with recorded latents and perspective draws: losses, latents, pictures,
 * gradients of every parameter, and what the optimiser makes of them. */
#include <stdio.h>
#include <string.h>

#include "engine/mapper/trainer.h"
#include "parity/fixture.h"

/* One golden being replayed. */
struct training {
    struct golden *golden;
    struct ce_models models;
    lt_params *mapper, *initial; /* the trained mapper, and a copy from before the first step */
    int steps, batch;
};

/* ---- the run that the golden describes ---- */

static void open_models(struct training *t, const char *clip, int size, lt_tokenizer *tokenizer)
{
    char generator[32];
    snprintf(generator, sizeof generator, "stylegan2-%d", size);
    t->models = (struct ce_models){.ctx = parity_ctx, .tokenizer = tokenizer};
    PARITY_OK(lt_clip_create(parity_ctx, parity_model(clip), &t->models.clip));
    PARITY_OK(lt_stylegan2_create(parity_ctx, parity_model(generator), &t->models.generator));
    if (golden_has(t->golden, "loss_id"))
        PARITY_OK(lt_irse50_create(parity_ctx, parity_model("irse50"), &t->models.identity));
    char mapper[32];
    snprintf(mapper, sizeof mapper, "mapper-%d", lt_stylegan2_latents(t->models.generator));
    t->mapper = parity_model(mapper);
    t->initial = parity_model(mapper);
}

static void close_models(struct training *t)
{
    lt_clip_free(t->models.clip);
    lt_stylegan2_free(t->models.generator);
    lt_irse50_free(t->models.identity);
}

/* The steps' batches one after the other: (steps * batch, L, D). */
static lt_tensor *all_latents(struct training *t)
{
    lt_tensor *step[16];
    ck_assert_int_le(t->steps, 16);
    for (int i = 0; i < t->steps; i++) {
        char key[32];
        snprintf(key, sizeof key, "w.step%02d", i + 1);
        step[i] = golden_input(t->golden, key);
    }
    return lt_concat(parity_ctx, t->steps, step, 0);
}

/* The recorded draws: (steps, 8, 2, 4, 2), start and end points. */
static lt_tensor *all_points(struct training *t)
{
    static const char *const ends[2] = {"startpoints", "endpoints"};
    lt_tensor *points = lt_empty(parity_ctx, LT_F32, 5, (const int64_t[]){t->steps, 8, 2, 4, 2});
    PARITY_HAVE(points);
    for (int step = 0; step < t->steps; step++)
        for (int end = 0; end < 2; end++) {
            char key[32];
            snprintf(key, sizeof key, "step%02d.%s", step + 1, ends[end]);
            const lt_tensor *given = golden_tensor(t->golden, key);
            PARITY_HAVE(given);
            for (int i = 0; i < 64; i++)
                lt_f32(points)[((step * 8 + i / 8) * 2 + end) * 8 + i % 8] =
                    (float)lt_i32(given)[i];
        }
    return points;
}

static struct ce_train_config recorded_config(struct training *t)
{
    struct golden *g = t->golden;
    struct ce_train_config config = ce_train_defaults();
    config.objective.nce_lambda = (float)golden_option(g, "nce_lambda");
    config.objective.latent_l2_lambda = (float)golden_option(g, "latent_l2_lambda");
    config.objective.id_lambda = (float)golden_option(g, "id_lambda");
    config.objective.perc_lambda = (float)golden_option(g, "perc_lambda");
    config.lr = (float)golden_option(g, "learning_rate");
    config.optimizer =
        strcmp(golden_text(g, "option:optim_name"), "adam") == 0 ? LT_ADAM : LT_RANGER;
    config.batch = t->batch;
    config.shuffle = false;
    return config;
}

/* ---- inside a step ---- */

static void check_terms(struct golden *g, const struct ce_train_view *view)
{
    float values[CE_TERMS_LOGGED];
    ce_terms_values(&view->terms, values);
    for (int i = 0; i < CE_TERMS_LOGGED; i++)
        if (golden_has(g, ce_terms_name[i]))
            golden_check_element(g, ce_terms_name[i], view->step, values[i]);
}

/* Computes the gradients of the loss with respect to x_hat and w_hat. Training has no use for them,
 * so the loss is computed again from leaves that hold the values of the step. */
static void check_inner_gradients(struct training *t, const char *step,
                                  const struct ce_trainer *trainer,
                                  const struct ce_train_view *view)
{
    char name[32];
    lt_tensor *w_hat = lt_detach(parity_ctx, view->w_hat);
    lt_tensor *x_hat = lt_detach(parity_ctx, view->x_hat);
    PARITY_OK(lt_set_requires_grad(parity_ctx, w_hat, true));
    PARITY_OK(lt_set_requires_grad(parity_ctx, x_hat, true));
    lt_tensor *loss = ce_objective_loss(ce_trainer_objective(trainer), view->source, w_hat, x_hat,
                                        view->coeffs, NULL);
    PARITY_HAVE(loss);
    PARITY_OK(lt_backward(parity_ctx, loss));
    snprintf(name, sizeof name, "%s.grad_x_hat", step);
    golden_check(t->golden, name, lt_grad(x_hat));
    PARITY_OK(lt_backward_seed(parity_ctx,
                               lt_stylegan2_synthesis(parity_ctx, t->models.generator, w_hat),
                               lt_grad(x_hat)));
    snprintf(name, sizeof name, "%s.grad_w_hat", step);
    golden_check(t->golden, name, lt_grad(w_hat));
}

static void observe(void *user, const struct ce_trainer *trainer, const struct ce_train_view *view)
{
    struct training *t = user;
    struct golden *g = t->golden;
    char step[16], name[32];
    check_terms(g, view);
    snprintf(step, sizeof step, "step%02d", (int)view->step + 1);
    snprintf(name, sizeof name, "%s.w_hat", step);
    if (!golden_has(g, name)) /* the files hold some steps only */
        return;
    golden_check(g, name, view->w_hat);
    snprintf(name, sizeof name, "%s.x_hat", step);
    golden_check(g, name, view->x_hat);
    lt_no_grad_begin(parity_ctx);
    snprintf(name, sizeof name, "%s.x", step);
    golden_check(g, name, lt_stylegan2_synthesis(parity_ctx, t->models.generator, view->w));
    lt_no_grad_end(parity_ctx);
    snprintf(name, sizeof name, "%s.grad", step);
    for (size_t i = 0; i < lt_params_count(t->mapper); i++) {
        const lt_tensor *p = lt_params_at(t->mapper, i);
        golden_check_summary(g, name, lt_params_name(t->mapper, i), p, lt_grad(p));
    }
    check_inner_gradients(t, step, trainer, view);
}

/* ---- after a step ---- */

static void check_parameters(struct training *t, int step)
{
    char delta[24], param[24], stored[128];
    snprintf(delta, sizeof delta, "step%02d.delta", step);
    snprintf(param, sizeof param, "step%02d.param", step);
    lt_no_grad_begin(parity_ctx);
    for (size_t i = 0; i < lt_params_count(t->mapper); i++) {
        const lt_scope scope = lt_scope_open(parity_ctx);
        const char *name = lt_params_name(t->mapper, i);
        lt_tensor *now = lt_params_at(t->mapper, i);
        snprintf(stored, sizeof stored, "%s.%s", delta, name);
        if (golden_has(t->golden, stored))
            golden_check_summary(t->golden, delta, name, now,
                                 lt_sub(parity_ctx, now, lt_params_find(t->initial, name)));
        snprintf(stored, sizeof stored, "%s.%s", param, name);
        if (golden_has(t->golden, stored))
            golden_check_summary(t->golden, param, name, now, now);
        lt_scope_close(parity_ctx, scope, NULL);
    }
    lt_no_grad_end(parity_ctx);
}

static void replay(const char *name, const char *clip)
{
    lt_tokenizer *tokenizer = parity_tokenizer(name);
    if (!tokenizer)
        return;
    struct training t = {.golden = parity_golden(name)};
    t.steps = (int)lt_numel(golden_tensor(t.golden, "loss"));
    t.batch = (int)golden_option(t.golden, "batch_size");
    open_models(&t, clip, (int)golden_option(t.golden, "stylegan_size"), tokenizer);
    const char *description = golden_text(t.golden, "option:description");
    golden_check(t.golden, "t_feat", ce_text_feature(&t.models, description));
    const struct ce_train_config config = recorded_config(&t);
    const struct ce_train_data data = {
        .texts = {.source = golden_text(t.golden, "option:source_text"), .target = description},
        .latents = all_latents(&t),
        .points = all_points(&t)};
    PARITY_OK(lt_ctx_status(parity_ctx));
    struct ce_trainer *trainer;
    PARITY_OK(ce_trainer_create(&t.models, &config, &data, t.mapper, &trainer));
    ce_trainer_observe(trainer, observe, &t);
    for (int step = 1; step <= t.steps; step++) {
        PARITY_OK(ce_trainer_step(trainer, NULL));
        check_parameters(&t, step);
    }
    ce_trainer_free(trainer);
    close_models(&t);
    parity_finish(t.golden);
}

START_TEST(tiny)
{
    static const char *const names[] = {"train_tiny", "train_tiny_lr50", "train_tiny_adam"};
    replay(names[_i], "clip-tiny512");
}
END_TEST

START_TEST(full)
{
    static const char *const names[] = {"train_256", "train_256_id", "train_1024"};
    replay(names[_i], "clip-vit-b32");
}
END_TEST

Suite *suite_parity_train(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_train", PARITY_SLOW, &tests);
    tcase_add_loop_test(tests, tiny, 0, 3);
    return suite;
}

Suite *suite_parity_train_full(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_train_full", PARITY_FULL, &tests);
    tcase_add_loop_test(tests, full, 0, 3);
    return suite;
}
