#include "weights/training.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"
#include "weights/world/world.h"

static bool parse_number(const char *option, const char *text, double low, double high, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (errno || end == text || *end || !(*out >= low && *out <= high)) {
        fprintf(stderr, "%s: '%s' is not a number from %g to %g\n", option, text, low, high);
        return false;
    }
    return true;
}

bool training_parse(struct training_options *o, int argc, char **argv)
{
    double steps = (double)o->steps, save_every = (double)o->save_every, batch = o->batch,
           threads = o->threads, lr = (double)o->lr, size = o->size;
    const struct {
        const char *name;
        double low, high, *number;
        const char **text;
    } known[] = {
        {"--steps", 1, 1e9, &steps, NULL},
        {"--save-every", 1, 1e9, &save_every, NULL},
        {"--batch", 2, 1024, &batch, NULL},
        {"--threads", 1, 256, &threads, NULL},
        {"--lr", 1e-9, 10, &lr, NULL},
        {"--size", 8, 1024, &size, NULL},
        {"--from", 0, 0, NULL, &o->from},
        {"--out", 0, 0, NULL, &o->out},
        {"--checkpoint", 0, 0, NULL, &o->checkpoint},
        {"--log", 0, 0, NULL, &o->log},
    };
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(argv[i], known[k].name) != 0)
            k++;
        if (k == sizeof known / sizeof *known) {
            fprintf(stderr, "unknown option %s\n", argv[i]);
            return false;
        }
        if (i + 1 == argc) {
            fprintf(stderr, "%s: needs a value\n", argv[i]);
            return false;
        }
        if (known[k].text)
            *known[k].text = argv[i + 1];
        else if (!parse_number(argv[i], argv[i + 1], known[k].low, known[k].high, known[k].number))
            return false;
    }
    o->steps = (int64_t)steps;
    o->save_every = (int64_t)save_every;
    o->batch = (int)batch;
    o->threads = (int)threads;
    o->lr = (float)lr;
    o->size = (int)size;
    return true;
}

float training_lr(const struct training_options *o, int64_t step)
{
    const double warm_up = 100.0, fall = 0.4;
    const double t = (double)step / (double)o->steps;
    double factor = (double)(step + 1) / warm_up;
    if (factor > 1.0)
        factor = 1.0;
    if (t > 1.0 - fall)
        factor *= 0.5 * (1.0 + cos(3.14159265358979 * (t - (1.0 - fall)) / fall));
    return (float)(o->lr * factor);
}

/* Writes the figures to log and stderr; rate: steps a second. */
static void tell(const struct training_options *o, const struct training *t, double rate)
{
    const long long step = *t->step;
    struct training_figure figure[TRAINING_FIGURES];
    const int count = t->figures(t->user, figure);
    FILE *log = fopen(o->log, "a");
    if (log) {
        fprintf(log, "{\"step\": %lld", step);
        for (int i = 0; i < count; i++)
            fprintf(log, ", \"%s\": %.4f", figure[i].name, figure[i].value);
        fprintf(log, ", \"steps_per_second\": %.3f}\n", rate);
        fclose(log);
    }
    fprintf(stderr, "step %lld of %lld ", step, (long long)o->steps);
    for (int i = 0; i < count; i++)
        fprintf(stderr, " %s %.2f", figure[i].name, figure[i].value);
    fprintf(stderr, "  %.2f steps/s  %.0f min left\n", rate,
            (double)(o->steps - step) / rate / 60.0);
}

static bool is_finite(const struct training *t)
{
    struct training_figure figure[TRAINING_FIGURES];
    const int count = t->figures(t->user, figure);
    for (int i = 0; i < count; i++)
        if (!isfinite(figure[i].value))
            return false;
    return true;
}

/* Does the steps that are left. */
static lt_status take_steps(const struct training *t)
{
    const struct training_options *o = t->options;
    enum { TOLD_EVERY = 50 };
    const double start = ce_seconds();
    const int64_t first = *t->step;
    lt_status status = LT_OK;
    while (*t->step < o->steps && status == LT_OK) {
        status = t->once(t->user);
        const int64_t step = ++*t->step;
        /* Weights that are no numbers must not replace those of an earlier step. */
        if (status == LT_OK && !is_finite(t)) {
            fprintf(stderr, "step %lld: the loss is no number\n", (long long)step);
            status = LT_ERR_NUMERIC;
        }
        if (status == LT_OK && step % TOLD_EVERY == 0)
            tell(o, t, (double)(step - first) / (ce_seconds() - start));
        if (status == LT_OK && (step % o->save_every == 0 || step == o->steps))
            status = t->save(t->user);
    }
    return status;
}

uint64_t training_seed(uint64_t run, int64_t step, int64_t item)
{
    uint64_t state =
        run * 0x9E3779B97F4A7C15u + (uint64_t)step * 0xD1B54A32D192ED03u + (uint64_t)item;
    world_random(&state);
    return world_random(&state);
}

lt_status training_store(lt_ctx *ctx, lt_params *into, const char *prefix, const lt_params *from)
{
    lt_status status = LT_OK;
    for (size_t i = 0; i < lt_params_count(from) && status == LT_OK; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, lt_params_name(from, i));
        status = lt_params_add(ctx, into, name, lt_params_at(from, i));
    }
    return status;
}

lt_status training_restore(lt_ctx *ctx, lt_params *to, const char *prefix, const lt_params *from)
{
    lt_status status = LT_OK;
    for (size_t i = 0; i < lt_params_count(to) && status == LT_OK; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, lt_params_name(to, i));
        lt_tensor *t = lt_params_at(to, i);
        if (lt_type(t) != LT_F32) /* a vocabulary, which is not trained */
            continue;
        const lt_tensor *saved = lt_params_get(ctx, from, name, lt_ndim(t), lt_shape(t));
        status = saved ? lt_copy_into(ctx, t, saved) : lt_ctx_status(ctx);
    }
    return status;
}

lt_status training_load(lt_ctx *ctx, lt_params *to, const char *path)
{
    lt_params *from = NULL;
    lt_status status = lt_params_create(ctx, &from);
    if (status == LT_OK)
        status = lt_params_load(ctx, from, path, NULL);
    if (status == LT_OK)
        status = training_restore(ctx, to, "", from);
    lt_params_free(from);
    return status;
}

lt_status training_average(lt_ctx *ctx, lt_params *average, const lt_params *params, float decay)
{
    for (size_t i = 0; i < lt_params_count(params); i++) {
        lt_tensor *a = lt_params_find(average, lt_params_name(params, i));
        const lt_tensor *p = lt_params_at(params, i);
        float *restrict dst = a ? lt_f32(a) : NULL;
        const float *restrict src = lt_f32(p);
        if (lt_type(p) != LT_F32)
            continue;
        if (!dst || !lt_same_shape(a, p))
            return lt_fail(ctx, LT_ERR_SHAPE, "average: %s does not match",
                           lt_params_name(params, i));
        const int64_t n = lt_numel(p);
        for (int64_t j = 0; j < n; j++)
            dst[j] += (1.0f - decay) * (src[j] - dst[j]);
    }
    return LT_OK;
}

lt_status training_clone(lt_ctx *ctx, const lt_params *from, lt_params **out)
{
    lt_status status = lt_params_create(ctx, out);
    const lt_scope scope = lt_scope_open(ctx);
    for (size_t i = 0; i < lt_params_count(from) && status == LT_OK; i++) {
        lt_tensor *copy = lt_clone(ctx, lt_params_at(from, i));
        status =
            copy ? lt_params_add(ctx, *out, lt_params_name(from, i), copy) : lt_ctx_status(ctx);
    }
    for (size_t i = 0; i < lt_params_metadata_count(from) && status == LT_OK; i++) {
        const char *key = lt_params_metadata_key(from, i);
        status = lt_params_set_metadata(ctx, *out, key, lt_params_metadata(from, key));
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

bool training_file_exists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    fclose(f);
    return true;
}

int training_fail(lt_ctx *ctx, const char *program)
{
    fprintf(stderr, "%s: %s\n", program, ctx ? lt_ctx_message(ctx) : "out of memory");
    return 1;
}

int training_main(const struct training *t, int argc, char **argv)
{
    if (!training_parse(t->options, argc, argv))
        return 2;
    if (lt_ctx_create(t->ctx) != LT_OK)
        return training_fail(NULL, t->name);
    lt_status status = lt_ctx_set_threads(*t->ctx, t->options->threads);
    if (status == LT_OK)
        status = t->set_up(t->user);
    if (status == LT_OK)
        status = take_steps(t);
    const int code = status == LT_OK ? 0 : training_fail(*t->ctx, t->name);
    t->clean_up(t->user);
    lt_ctx_destroy(*t->ctx);
    return code;
}
