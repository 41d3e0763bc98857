/* The method: mapper, CLIP-NCE, optimisers, training steps. */
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/mapper/trainer.h"
#include "parity/method_dump.h"
#include "tensor/files/json_reader.h"

enum { NAME_CAP = 144 };

/* ---- mapper ---- */

/* w (B,L,D), text_feature (1,E), probe (B,L,D); setting strength -> t_w, w_hat, gradients of
 * sum(w_hat * probe) to w and to every weight. */
void dump_mapper(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    lt_params *params = NULL;
    struct ce_mapper *mapper = NULL;
    lt_tensor *w = dump_leaf(d, "w");
    if (!w || lt_params_create(ctx, &params) || ce_mapper_load(ctx, params, d->mapper) ||
        ce_mapper_create(ctx, params, (int)lt_dim(w, 1), &mapper) ||
        ce_mapper_require_grad(ctx, mapper, true))
        goto done;
    lt_tensor *t_w = ce_mapper_text(ctx, mapper, dump_in(d, "text_feature"));
    dump_out(d, "t_w", t_w);
    lt_tensor *w_hat = ce_mapper_edit(ctx, mapper, w, t_w, (float)dump_number(d, "strength", 1));
    dump_out(d, "w_hat", w_hat);
    dump_backward(d, w_hat, "probe");
    dump_grad(d, "w", w);
    for (size_t i = 0; i < lt_params_count(params); i++)
        if (lt_requires_grad(lt_params_at(params, i)))
            dump_grad(d, lt_params_name(params, i), lt_params_at(params, i));
done:
    ce_mapper_free(mapper);
    lt_params_free(params);
}

/* ---- CLIP-NCE ---- */

static struct ce_nce_config nce_settings(struct dump *d)
{
    struct ce_nce_config c = ce_nce_defaults();
    c.temperature = (float)dump_number(d, "temperature", (double)c.temperature);
    c.copies = (int)dump_number(d, "copies", c.copies);
    c.templates = (int)dump_number(d, "templates", c.templates);
    c.use_pos1 = dump_number(d, "use_pos1", c.use_pos1) > 0;
    c.use_pos2 = dump_number(d, "use_pos2", c.use_pos2) > 0;
    c.use_negatives = dump_number(d, "use_negatives", c.use_negatives) > 0;
    c.global = dump_number(d, "global", c.global) > 0;
    c.antialias = dump_number(d, "antialias", c.antialias) > 0;
    c.contrast_lambda = (float)dump_number(d, "contrast_lambda", (double)c.contrast_lambda);
    c.contrast_temperature =
        (float)dump_number(d, "contrast_temperature", (double)c.contrast_temperature);
    return c;
}

/* source, target (B,3,H,W), points (copies,2,4,2) where copies > 0; settings source_text,
 * target_text, contrasts (a JSON list), those of nce_settings() -> text_direction, source_features,
 * target_features, query, positive, negatives, rows, loss, gradient to target. */
void dump_nce(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    const lt_clip *clip = d->models.clip;
    const struct ce_nce_config config = nce_settings(d);
    struct ce_nce_texts texts = {0};
    struct ce_nce_parts parts = {0};
    double coeffs[CE_NCE_MAX_COPIES][8];
    const char *contrast[CE_NCE_MAX_CONTRASTS], *list = dump_text(d, "contrasts", "[]");
    lt_json *root = NULL;
    if (lt_json_parse(ctx, "contrasts", list, strlen(list), &root))
        return;
    struct ce_texts said = {.source = dump_text(d, "source_text", "face"),
                            .target = dump_text(d, "target_text", ""),
                            .contrasts = contrast};
    for (size_t i = 0; i < lt_json_count(root) && i < CE_NCE_MAX_CONTRASTS; i++)
        contrast[said.contrast_count++] = lt_json_string(lt_json_at(root, i), NULL);
    if (ce_nce_texts_prepare(&d->models, &config, &said, &texts) ||
        (config.copies > 0 && dump_coefficients(d, dump_in(d, "points"), coeffs)))
        goto done;
    lt_no_grad_begin(ctx);
    lt_tensor *source = ce_image_features(ctx, clip, dump_in(d, "source"), config.antialias);
    lt_no_grad_end(ctx);
    lt_tensor *target = dump_leaf(d, "target");
    lt_tensor *edited =
        ce_nce_augmented_features(ctx, clip, &config, target, (const double(*)[8])coeffs);
    lt_tensor *loss = ce_nce_from_features(ctx, &config, &texts, source, edited, &parts);
    dump_out(d, "text_direction", texts.direction);
    dump_out(d, "source_features", source);
    dump_out(d, "target_features", edited);
    dump_out(d, "query", parts.query);
    dump_out(d, "positive", parts.positive);
    dump_out(d, "negatives", parts.negatives);
    dump_out(d, "rows", parts.rows);
    dump_out(d, "loss", loss);
    if (loss)
        lt_backward(ctx, loss);
    dump_grad(d, "target", target);
done:
    ce_nce_texts_free(&texts);
    lt_json_free(root);
}

/* ---- optimisers ---- */

static lt_optim_kind optimizer_kind(struct dump *d)
{
    return strcmp(dump_text(d, "optimizer", "ranger"), "adam") ? LT_RANGER : LT_ADAM;
}

/* param.N and grad.K.N for the steps K from 1; settings steps, params, lr, optimizer -> step.K.N
 * after each step. */
void dump_optimizer(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    const int steps = (int)dump_number(d, "steps", 0), count = (int)dump_number(d, "params", 0);
    lt_optim_config config = lt_optim_defaults(optimizer_kind(d));
    config.lr = (float)dump_number(d, "lr", (double)config.lr);
    lt_params *params = NULL;
    lt_optim *optim = NULL;
    char name[NAME_CAP];
    lt_status status = lt_params_create(ctx, &params);
    for (int i = 0; i < count && !status; i++) {
        snprintf(name, sizeof name, "param.%d", i);
        lt_tensor *p = dump_leaf(d, name);
        status = p ? lt_params_add(ctx, params, name, p) : lt_ctx_status(ctx);
    }
    if (!status)
        status = lt_optim_create(ctx, params, &config, &optim);
    for (int k = 1; k <= steps && !status; k++) {
        lt_optim_zero_grad(optim);
        for (int i = 0; i < count && !status; i++) {
            snprintf(name, sizeof name, "grad.%d.%d", k, i);
            lt_tensor *p = lt_params_at(params, (size_t)i), *g = dump_in(d, name);
            status =
                g ? lt_backward_seed(ctx, lt_affine(ctx, p, 1.0f, 0.0f), g) : lt_ctx_status(ctx);
        }
        if (!status)
            status = lt_optim_step(ctx, optim);
        for (int i = 0; i < count && !status; i++) {
            snprintf(name, sizeof name, "step.%d.%d", k, i);
            dump_out(d, name, lt_params_at(params, (size_t)i));
        }
    }
    lt_optim_free(optim);
    lt_params_free(params);
}

/* ---- training ---- */

struct training {
    struct dump *dump;
    lt_params *mapper;
};

/* "KIND.step.K[.NAME]". */
static void put_step(struct dump *d, int64_t step, const char *kind, const char *name,
                     const lt_tensor *t)
{
    char full[NAME_CAP];
    snprintf(full, sizeof full, "%s.step.%d%s%s", kind, (int)step + 1, name[0] ? "." : "", name);
    dump_out(d, full, t);
}

static void put_parameters(const struct training *t, int64_t step, bool gradients)
{
    lt_ctx *ctx = t->dump->run.ctx;
    for (size_t i = 0; i < lt_params_count(t->mapper); i++) {
        const lt_tensor *p = lt_params_at(t->mapper, i);
        if (!lt_requires_grad(p))
            continue;
        const lt_tensor *value = !gradients   ? p
                                 : lt_grad(p) ? lt_grad(p)
                                              : lt_zeros(ctx, lt_ndim(p), lt_shape(p));
        put_step(t->dump, step, gradients ? "grad" : "param", lt_params_name(t->mapper, i), value);
    }
}

static void observe(void *user, const struct ce_trainer *trainer, const struct ce_train_view *view)
{
    const struct training *t = user;
    float value[CE_TERMS_LOGGED];
    (void)trainer;
    ce_terms_values(&view->terms, value);
    for (int i = 0; i < CE_TERMS_LOGGED; i++)
        if (value[i] == value[i]) /* a term that is off is NaN */
            put_step(t->dump, view->step, ce_terms_name[i], "",
                     lt_scalar(t->dump->run.ctx, value[i]));
    put_step(t->dump, view->step, "w_hat", "", view->w_hat);
    put_step(t->dump, view->step, "x_hat", "", view->x_hat);
    put_parameters(t, view->step, true);
}

static struct ce_train_config train_settings(struct dump *d)
{
    struct ce_train_config c = ce_train_defaults();
    c.objective.nce_lambda = (float)dump_number(d, "nce_lambda", (double)c.objective.nce_lambda);
    c.objective.latent_l2_lambda =
        (float)dump_number(d, "latent_l2_lambda", (double)c.objective.latent_l2_lambda);
    c.objective.id_lambda = (float)dump_number(d, "id_lambda", 0);
    c.objective.perc_lambda = (float)dump_number(d, "perc_lambda", 0);
    c.objective.nce = nce_settings(d);
    c.level[CE_LEVEL_COARSE] = !(dump_number(d, "no_coarse_mapper", 0) > 0);
    c.level[CE_LEVEL_MEDIUM] = !(dump_number(d, "no_medium_mapper", 0) > 0);
    c.level[CE_LEVEL_FINE] = !(dump_number(d, "no_fine_mapper", 0) > 0);
    c.optimizer = optimizer_kind(d);
    c.lr = (float)dump_number(d, "lr", (double)c.lr);
    c.batch = (int)dump_number(d, "batch", c.batch);
    c.shuffle = false;
    return c;
}

/* latents (steps B, L, D) in order, points (steps, copies, 2, 4, 2); settings source_text,
 * target_text, steps, those of train_settings() -> per step the terms of the loss, w_hat, x_hat,
 * gradients of the mapper's weights, and the weights after it. */
void dump_train(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    const struct ce_train_config config = train_settings(d);
    struct ce_trainer *trainer = NULL;
    struct training t = {.dump = d};
    if (ce_models_open(d->run.ctx, &d->run.paths, ce_objective_needs(&config.objective),
                       &d->models))
        return;
    const struct ce_train_data data = {
        .texts = {.source = dump_text(d, "source_text", "face"),
                  .target = dump_text(d, "target_text", "")},
        .latents = dump_in(d, "latents"),
        .points = config.objective.nce.copies > 0 ? dump_in(d, "points") : NULL};
    const int64_t steps = (int64_t)dump_number(d, "steps", 1);
    if (lt_ctx_status(ctx) || lt_params_create(ctx, &t.mapper) ||
        ce_mapper_load(ctx, t.mapper, d->mapper) ||
        ce_trainer_create(&d->models, &config, &data, t.mapper, &trainer))
        goto done;
    ce_trainer_observe(trainer, observe, &t);
    for (int64_t k = 0; k < steps && ce_trainer_step(trainer, NULL) == LT_OK; k++)
        put_parameters(&t, k, false);
done:
    ce_trainer_free(trainer);
    lt_params_free(t.mapper);
}
