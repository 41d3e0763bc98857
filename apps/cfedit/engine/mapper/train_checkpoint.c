/* Checkpoints of a training, one safetensors file each: the mapper, the state of the optimiser, and
 * in the metadata the step, the settings, the best validation loss and marks of the data. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kinds.h"
#include "engine/mapper/trainer_impl.h"
#include "engine/text.h"
#include "nn/text/tokenizer.h"
#include "tensor/hash.h"

#define META_STEP "train.step"
#define META_BEST "train.best_validation_loss"
#define HISTORY   "train.history"

enum { VALUE_CAP = 64 };

/* A hash of a float32 tensor's shape and values, by which the data of another training is
 * recognised. 0 for NULL. */
static uint64_t fingerprint(const lt_tensor *t)
{
    if (!t)
        return 0;
    const uint64_t h = lt_hash(LT_HASH_START, lt_shape(t), (size_t)lt_ndim(t) * sizeof(int64_t));
    return lt_f32(t) ? lt_hash(h, lt_f32(t), (size_t)lt_numel(t) * sizeof(float)) : h;
}

struct setting {
    const char *key;
    char value[VALUE_CAP];
    const char *differs; /* what another value means, where the value itself tells a user nothing */
};

enum { SETTINGS = 20 };

/* Lists everything, besides the state, that the rest of a training depends on. */
static void list_settings(const struct ce_trainer *trainer, struct setting out[SETTINGS])
{
    const struct ce_train_config *c = &trainer->config;
    const struct ce_objective_config *o = &c->objective;
    const struct {
        const char *key;
        double value;
    } number[] = {
        {"train.batch", c->batch},
        {"train.lr", (double)c->lr},
        {"train.shuffle", c->shuffle},
        {"train.nce_lambda", (double)o->nce_lambda},
        {"train.latent_l2_lambda", (double)o->latent_l2_lambda},
        {"train.id_lambda", (double)o->id_lambda},
        {"train.perc_lambda", (double)o->perc_lambda},
        {"train.temperature", (double)o->nce.temperature},
        {"train.copies", o->nce.copies},
        {"train.distortion", o->nce.distortion},
        {"train.templates", o->nce.templates},
        {"train.positive_1", o->nce.use_pos1},
        {"train.positive_2", o->nce.use_pos2},
        {"train.negatives", o->nce.use_negatives},
        {"train.antialias", o->nce.antialias},
    };
    const struct {
        const char *key;
        uint64_t value;
        const char *differs;
    } mark[] = {
        {"train.seed", c->seed, NULL},
        {"train.latents", fingerprint(trainer->data.latents), "the latents are other ones"},
        {"train.perspective", fingerprint(trainer->data.points),
         "the draws of the perspective are other ones"},
        {"train.text_feature", fingerprint(trainer->text_feature),
         "CLIP reads the target text differently, so that CLIP or its merge list is another one"},
    };
    int n = 0;
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++, n++) {
        out[n] = (struct setting){.key = number[i].key};
        snprintf(out[n].value, VALUE_CAP, "%.9g", number[i].value);
    }
    for (size_t i = 0; i < sizeof mark / sizeof mark[0]; i++, n++) {
        out[n] = (struct setting){.key = mark[i].key, .differs = mark[i].differs};
        snprintf(out[n].value, VALUE_CAP, "%" PRIu64, mark[i].value);
    }
    out[n] = (struct setting){.key = "train.optimizer"};
    snprintf(out[n].value, VALUE_CAP, "%s", c->optimizer == LT_ADAM ? "adam" : "ranger");
}

/* Makes *out, which shares the mapper's tensors and copies the metadata. */
static lt_status copy_mapper(struct ce_trainer *trainer, lt_params **out)
{
    lt_ctx *ctx = trainer->models->ctx;
    const lt_params *params = trainer->params;
    lt_status status = lt_params_create(ctx, out);
    for (size_t i = 0; !status && i < lt_params_count(params); i++)
        status = lt_params_add(ctx, *out, lt_params_name(params, i), lt_params_at(params, i));
    for (size_t i = 0; !status && i < lt_params_metadata_count(params); i++) {
        const char *key = lt_params_metadata_key(params, i);
        status = lt_params_set_metadata(ctx, *out, key, lt_params_metadata(params, key));
    }
    return status;
}

static lt_status put_number(lt_ctx *ctx, lt_params *params, const char *key, const char *format,
                            double value)
{
    char text[VALUE_CAP];
    snprintf(text, sizeof text, format, value);
    return lt_params_set_metadata(ctx, params, key, text);
}

lt_status ce_trainer_save_mapper(struct ce_trainer *trainer, const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    lt_params *file = NULL;
    lt_status status = copy_mapper(trainer, &file);
    if (!status)
        status = put_number(ctx, file, "steps", "%.0f", (double)trainer->steps);
    if (!status)
        status = lt_params_save(ctx, file, path, LT_F32);
    lt_params_free(file);
    return status;
}

lt_status ce_trainer_save(struct ce_trainer *trainer, const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_params *file = NULL;
    struct setting setting[SETTINGS];
    list_settings(trainer, setting);
    lt_status status = copy_mapper(trainer, &file);
    if (!status)
        status = lt_optim_store(ctx, trainer->optim, file);
    if (!status)
        status =
            lt_params_add(ctx, file, HISTORY,
                          lt_from_copy(ctx, LT_F32, 2, (int64_t[]){trainer->steps, CE_TERMS_LOGGED},
                                       trainer->history));
    for (int i = 0; i < SETTINGS && !status; i++)
        status = lt_params_set_metadata(ctx, file, setting[i].key, setting[i].value);
    if (!status)
        status = put_number(ctx, file, META_STEP, "%.0f", (double)trainer->steps);
    if (!status)
        status = put_number(ctx, file, META_BEST, "%.17g", trainer->best);
    if (!status)
        status = lt_params_save(ctx, file, path, LT_F32);
    lt_params_free(file);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* ---- continuing ---- */

static lt_status differs(lt_ctx *ctx, const char *path, const char *how)
{
    return lt_fail(ctx, LT_ERR_ARGUMENT,
                   "%s: the checkpoint is of another training: %s; give the same settings and "
                   "files, or start a new training",
                   path, how);
}

/* Whether the words of two texts are the same (lt_text_words()). A failure is left in ctx. */
static bool same_words(lt_ctx *ctx, const char *a, const char *b)
{
    char *words[2] = {NULL, NULL};
    const bool same = lt_text_words(ctx, a, strlen(a), &words[0]) == LT_OK &&
                      lt_text_words(ctx, b, strlen(b), &words[1]) == LT_OK &&
                      strcmp(words[0], words[1]) == 0;
    free(words[0]);
    free(words[1]);
    return same;
}

static lt_status check_texts(const struct ce_trainer *trainer, const lt_params *file,
                             const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    static const char *const text[][2] = {{CE_META_TARGET, "target"}, {CE_META_SOURCE, "source"}};
    for (int i = 0; i < 2; i++) {
        const char *was = lt_params_metadata(file, text[i][0]),
                   *is = lt_params_metadata(trainer->params, text[i][0]);
        if (!was || !is || same_words(ctx, was, is))
            continue;
        if (lt_ctx_status(ctx) != LT_OK)
            return lt_ctx_status(ctx);
        char *how = ce_format(ctx, "the %s text was \"%s\", now it is \"%s\"", text[i][1], was, is);
        const lt_status status = how ? differs(ctx, path, how) : lt_ctx_status(ctx);
        free(how);
        return status;
    }
    return LT_OK;
}

static lt_status check_settings(const struct ce_trainer *trainer, const lt_params *file,
                                const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    struct setting setting[SETTINGS];
    char how[3 * VALUE_CAP];
    list_settings(trainer, setting);
    for (int i = 0; i < SETTINGS; i++) {
        const struct setting *is = &setting[i];
        const char *was = lt_params_metadata(file, is->key);
        if (!was)
            return lt_fail(ctx, LT_ERR_FORMAT, "%s: not a training's checkpoint (no %s)", path,
                           is->key);
        if (strcmp(was, is->value) == 0)
            continue;
        snprintf(how, sizeof how, "%s was %.*s, now it is %s", is->key + strlen("train."),
                 VALUE_CAP, was, is->value);
        return differs(ctx, path, is->differs ? is->differs : how);
    }
    return LT_OK;
}

/* Reads step, best loss and history from a checkpoint. */
static lt_status restore_state(struct ce_trainer *trainer, const lt_params *file, const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    const char *step = lt_params_metadata(file, META_STEP),
               *best = lt_params_metadata(file, META_BEST);
    char *end = NULL;
    const long long steps = step ? strtoll(step, &end, 10) : -1;
    if (steps < 0 || !end || *end)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: not a training's checkpoint (%s is %s)", path,
                       META_STEP, step ? step : "missing");
    const lt_tensor *history =
        lt_params_get(ctx, file, HISTORY, 2, (int64_t[]){steps, CE_TERMS_LOGGED});
    if (!history || ce_trainer_reserve_history(trainer, steps))
        return lt_ctx_status(ctx);
    memcpy(trainer->history, lt_f32(history), (size_t)lt_numel(history) * sizeof(float));
    trainer->steps = steps;
    trainer->best = best ? strtod(best, NULL) : NAN;
    return LT_OK;
}

static lt_status restore_weights(struct ce_trainer *trainer, const lt_params *file)
{
    lt_ctx *ctx = trainer->models->ctx;
    lt_status status = LT_OK;
    for (size_t i = 0; i < lt_params_count(trainer->params) && !status; i++) {
        lt_tensor *to = lt_params_at(trainer->params, i);
        const lt_tensor *from =
            lt_params_get(ctx, file, lt_params_name(trainer->params, i), lt_ndim(to), lt_shape(to));
        status = from ? lt_copy_into(ctx, to, from) : lt_ctx_status(ctx);
    }
    return status;
}

lt_status ce_trainer_restore(struct ce_trainer *trainer, const char *path)
{
    lt_ctx *ctx = trainer->models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_params *file = NULL;
    lt_status status = lt_params_create(ctx, &file);
    if (!status)
        status = lt_params_load(ctx, file, path, NULL);
    /* The texts come first: another text also has another feature. */
    if (!status)
        status = check_texts(trainer, file, path);
    if (!status)
        status = check_settings(trainer, file, path);
    if (!status)
        status = restore_weights(trainer, file);
    if (!status && lt_params_check_finite(ctx, trainer->params) != LT_OK)
        status = ce_blame_file(ctx, path);
    if (!status)
        status = lt_optim_restore(ctx, trainer->optim, file);
    if (!status)
        status = restore_state(trainer, file, path);
    lt_params_free(file);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
