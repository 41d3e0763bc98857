/* Computes parts of the method from given inputs and writes every quantity of interest, for
 * tests/reference, which computes the same in PyTorch.
 *
 *     method_dump GROUP... --input F.safetensors -o OUT.safetensors [--generator F] [--clip F]
 * [--mapper F] ...
 *
 * The groups' comments say which inputs and settings they read and what they write. */
#include "parity/method_dump.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/clip_nce.h"
#include "cli/console/options.h"

enum { NAME_CAP = 160 };

static const struct {
    const char *name;
    unsigned needs;
    void (*run)(struct dump *d);
} groups[] = {
    {"generator", CE_NEED_GENERATOR, dump_generator},
    {"mapping", CE_NEED_GENERATOR, dump_mapping},
    {"clip", CE_NEED_CLIP, dump_clip},
    {"texts", CE_NEED_TEXT, dump_texts},
    {"preprocess", CE_NEED_CLIP, dump_preprocess},
    {"perspective", 0, dump_perspective},
    {"identity", CE_NEED_IDENTITY, dump_identity},
    {"encoder", CE_NEED_GENERATOR | CE_NEED_ENCODER, dump_encoder},
    {"perceptual", CE_NEED_VGG, dump_perceptual},
    {"space", CE_NEED_GENERATOR, dump_space},
    {"mapper", 0, dump_mapper},
    {"nce", CE_NEED_TEXT, dump_nce},
    {"optimizer", 0, dump_optimizer},
    {"train", CE_NEED_GENERATOR | CE_NEED_TEXT, dump_train},
};

/* ---- inputs ---- */

static const char *full_name(const struct dump *d, const char *prefix, const char *name,
                             char buffer[NAME_CAP])
{
    snprintf(buffer, NAME_CAP, "%s.%s%s", d->group, prefix, name);
    return buffer;
}

bool dump_has(struct dump *d, const char *name)
{
    char full[NAME_CAP];
    return lt_params_find(d->in, full_name(d, "", name, full)) != NULL;
}

lt_tensor *dump_in(struct dump *d, const char *name)
{
    char full[NAME_CAP];
    lt_tensor *t = lt_params_find(d->in, full_name(d, "", name, full));
    if (!t)
        lt_fail(d->run.ctx, LT_ERR_MISSING, "there is no input %s", full);
    return t;
}

lt_tensor *dump_leaf(struct dump *d, const char *name)
{
    lt_tensor *given = dump_in(d, name);
    lt_tensor *t = given ? lt_clone(d->run.ctx, given) : NULL;
    return t && lt_set_requires_grad(d->run.ctx, t, true) == LT_OK ? t : NULL;
}

const char *dump_text(struct dump *d, const char *key, const char *fallback)
{
    const char *text = lt_params_metadata(d->in, key);
    return text ? text : fallback;
}

double dump_number(struct dump *d, const char *key, double fallback)
{
    const char *text = lt_params_metadata(d->in, key);
    double value = fallback;
    if (text && !ce_parse_real(text, &value))
        lt_fail(d->run.ctx, LT_ERR_FORMAT, "setting %s is '%s', expected a number", key, text);
    return value;
}

lt_status dump_coefficients(struct dump *d, const lt_tensor *points, double (*coeffs)[8])
{
    lt_ctx *ctx = d->run.ctx;
    if (!points)
        return lt_ctx_status(ctx);
    lt_tensor *all = lt_ndim(points) == 5
                         ? lt_view(ctx, points, 5, lt_shape(points), lt_strides(points), 0)
                         : lt_view(ctx, points, 5, (const int64_t[]){1, lt_dim(points, 0), 2, 4, 2},
                                   (const int64_t[]){0, 16, 8, 2, 1}, 0);
    lt_status status = all ? LT_OK : lt_ctx_status(ctx);
    for (int c = 0; !status && c < (int)lt_dim(all, 1); c++) {
        const struct ce_perspective p = ce_perspective_at(all, 0, c);
        status = ce_perspective_solve(ctx, &p, coeffs[c]);
    }
    return status;
}

/* ---- results ---- */

static void put(struct dump *d, const char *prefix, const char *name, const lt_tensor *t)
{
    char full[NAME_CAP];
    lt_tensor *copy = t ? lt_clone(d->run.ctx, t) : NULL;
    if (copy)
        lt_params_add(d->run.ctx, d->out, full_name(d, prefix, name, full), copy);
}

void dump_out(struct dump *d, const char *name, const lt_tensor *t) { put(d, "", name, t); }

void dump_grad(struct dump *d, const char *name, const lt_tensor *leaf)
{
    if (!leaf || lt_ctx_status(d->run.ctx))
        return;
    const lt_tensor *g = lt_grad(leaf);
    put(d, "grad.", name, g ? g : lt_zeros(d->run.ctx, lt_ndim(leaf), lt_shape(leaf)));
}

void dump_value(struct dump *d, const char *name, float value)
{
    put(d, "", name, lt_scalar(d->run.ctx, value));
}

void dump_backward(struct dump *d, lt_tensor *t, const char *name)
{
    lt_tensor *probe = dump_in(d, name);
    if (t && probe)
        lt_backward_seed(d->run.ctx, t, probe);
}

/* ---- the run ---- */

static lt_status run_group(struct dump *d, const char *name)
{
    lt_ctx *ctx = d->run.ctx;
    size_t i = 0;
    while (i < CE_COUNT(groups) && strcmp(groups[i].name, name))
        i++;
    if (i == CE_COUNT(groups))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "there is no group '%s'", name);
    d->group = name;
    const lt_status status = ce_models_open(d->run.ctx, &d->run.paths, groups[i].needs, &d->models);
    if (status)
        return status;
    const lt_scope scope = lt_scope_open(ctx);
    groups[i].run(d);
    lt_tape_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

int main(int argc, char **argv)
{
    struct dump d = {.run = {.command = "method_dump"}};
    const char *input = NULL, *output = NULL;
    struct ce_list names = {0};
    const struct ce_option table[] = {
        CE_OPT_TEXT("input", "FILE", &input, "tensors GROUP.NAME, and settings as metadata"),
        CE_OPT_TEXT("mapper", "FILE", &d.mapper, "the mapper's weights"),
        CE_OPT_OUT("FILE", &output, "the results"),
    };
    const struct ce_syntax syntax = {.usage = "GROUP... --input FILE -o FILE [OPTION]...",
                                     .takes = CE_TAKES_MODEL | CE_TAKES_ENCODER,
                                     .table = table,
                                     .count = CE_COUNT(table),
                                     .arguments = &names};
    int exit_status = ce_options_parse(&d.run, &syntax, argc, argv);
    if (exit_status != CE_PARSED)
        goto done;
    if (!input || !output || names.count == 0) {
        exit_status = ce_usage_error(&d.run, "groups, --input and -o are needed");
        goto done;
    }
    lt_status status = lt_params_create(d.run.ctx, &d.in);
    if (!status)
        status = lt_params_create(d.run.ctx, &d.out);
    if (!status)
        status = lt_params_load(d.run.ctx, d.in, input, NULL);
    for (size_t i = 0; i < names.count && !status; i++)
        status = run_group(&d, names.items[i]);
    if (!status)
        status = lt_params_save(d.run.ctx, d.out, output, LT_F32);
    exit_status = status ? ce_fail(&d.run) : CE_OK;
done:
    lt_params_free(d.in);
    lt_params_free(d.out);
    ce_models_close(&d.models);
    ce_run_end(&d.run);
    return exit_status;
}
