/* Measures a model of the rich world on held-out portraits and prints one JSON object. The text
 * `usage` below lists the options. */
#include "weights/measure_rich.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "weights/training.h"
#include "weights/world/rich/attr.h"

static const char usage[] =
    "usage: measure_rich [--generator FILE] [--clip FILE] [--count N] [--size N] [--sheet FILE.png]\n"
    "Measures the networks that are given; --size measures the generator's skip picture of that size.\n";

struct options {
    struct ce_paths paths;
    const char *sheet; /* the picture of samples; NULL: none */
    int64_t count;     /* portraits of each measurement */
    int size;
};

/* Reads the command line into *o, which holds the defaults. Returns 0; 2 after a message about a
 * mistake; -1 after --help. */
static int parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return -1;
        }
        if (value && strcmp(argv[i], "--generator") == 0) {
            o->paths.generator = value;
        } else if (value && strcmp(argv[i], "--clip") == 0) {
            o->paths.clip = value;
        } else if (value && strcmp(argv[i], "--sheet") == 0) {
            o->sheet = value;
        } else if (value && strcmp(argv[i], "--count") == 0) {
            o->count = strtoll(value, NULL, 10);
        } else if (value && strcmp(argv[i], "--size") == 0) {
            o->size = atoi(value);
        } else {
            fprintf(stderr, "measure_rich: '%s' is not an option, or its value is missing\n%s",
                    argv[i], usage);
            return 2;
        }
    }
    if (o->count < 1 || !(o->paths.generator || o->paths.clip)) {
        fprintf(stderr, "measure_rich: --count must be at least 1, and a network must be given\n");
        return 2;
    }
    return 0;
}

static lt_status measure(const struct ce_models *m, const struct options *o, lt_json_writer *writer)
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
    struct options o = {.count = 200, .size = 256};
    struct ce_models m = {0};
    lt_ctx *ctx = NULL;
    const int parsed = parse(&o, argc, argv);
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
