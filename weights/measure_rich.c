/* Measures a model of the rich world on held-out portraits and prints one JSON object. The text
 * `usage` below lists the options. */
#include "weights/measure_rich.h"

#include <stdio.h>

#include "autograd/tape.h"
#include "weights/measuring.h"
#include "weights/training.h"
#include "weights/world/rich/attr.h"

static const char usage[] =
    "usage: measure_rich [--generator FILE] [--clip FILE] [--count N] [--size N] [--sheet FILE.png]\n"
    "Measures the networks that are given; --size measures the generator's skip picture of that size.\n";

static lt_status measure(const struct ce_models *m, const struct measuring_options *o,
                         lt_json_writer *writer)
{
    lt_status status = LT_OK;
    lt_json_begin_object(writer);
    if (m->generator)
        status = measure_generator(
            m, &(struct measure_pictures){.size = o->size, .count = o->count}, writer);
    if (status == LT_OK && m->clip)
        status = measure_clip(m, o->count, writer);
    lt_json_end_object(writer);
    if (status == LT_OK) {
        const char *text = lt_json_writer_text(writer, NULL);
        if (!text)
            return lt_fail(m->ctx, LT_ERR_MEMORY, "out of memory for the report");
        printf("%s\n", text);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct measuring_options o = {.count = 200, .size = 256};
    struct ce_models m = {0};
    lt_ctx *ctx = NULL;
    const int parsed = measuring_parse("measure_rich", usage, &o, argc, argv);
    if (parsed)
        return parsed < 0 ? 0 : parsed;
    if (lt_ctx_create(&ctx) != LT_OK)
        return training_fail(NULL, "measure_rich");
    lt_no_grad_begin(ctx);
    const unsigned needs = (o.paths.generator ? (unsigned)CE_NEED_GENERATOR : 0u) |
                           (o.paths.clip ? (unsigned)CE_NEED_TEXT : 0u);
    lt_status status = ce_models_open(ctx, &o.paths, needs, &m);
    if (status == LT_OK && m.generator && lt_stylegan2_describe(m.generator)->z_dim != RICH_Z)
        status =
            lt_fail(ctx, LT_ERR_SHAPE, "%s: not a generator of the rich world", o.paths.generator);
    if (status == LT_OK && m.generator)
        lt_stylegan2_set_noise(m.generator, LT_NOISE_NONE, NULL);
    lt_json_writer *writer = lt_json_writer_create();
    if (status == LT_OK)
        status = measure(&m, &o, writer);
    if (status == LT_OK && o.sheet)
        status = measure_sheet(&m, o.size, o.sheet);
    const int code = status == LT_OK ? 0 : training_fail(ctx, "measure_rich");
    lt_json_writer_free(writer);
    ce_models_close(&m);
    lt_ctx_destroy(ctx);
    return code;
}
