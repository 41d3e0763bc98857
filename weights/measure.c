/* Measures the shipped model on held-out portraits, whose seeds training never draws, and draws a
 * sheet of samples. The text `usage` below lists the options.
 *
 * Prints one JSON object: reconstruction PSNR of the generator on N natural portraits and on N
 * mixed ones (dB, images in [0,1]), caption retrieval among 100, and the zero-shot accuracy of the
 * named colours for each part. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "cli/pictures/image_file.h"
#include "cli/pictures/sheet.h"
#include "engine/models.h"
#include "weights/training.h"
#include "weights/world/captions.h"
#include "weights/world/world.h"

enum { SIZE = 128, PIXELS = SIZE * SIZE, CROSSOVER = 6, AMONG = 100, HELD_OUT = 900 };

static lt_status open_models(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    lt_status status = ce_models_open(ctx, paths, CE_NEED_GENERATOR | CE_NEED_TEXT, m);
    if (status == LT_OK && lt_stylegan2_describe(m->generator)->z_dim != WORLD_Z)
        status =
            lt_fail(ctx, LT_ERR_SHAPE, "%s: not a generator of the drawn world", paths->generator);
    return status;
}

/* Draws the attributes of a held-out portrait, mixed from two z if `mixed`, into *attr, and returns
 * the generator's image of it. */
static lt_tensor *reconstruct(const struct ce_models *m, int64_t item, bool mixed,
                              struct world_attr *attr)
{
    lt_ctx *ctx = m->ctx;
    uint64_t rng = training_seed(HELD_OUT, mixed, item);
    struct world_attr color;
    lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){2, WORLD_Z});
    if (!z)
        return NULL;
    float *values = lt_f32(z);
    world_attr_random_natural(&rng, attr, values);
    memcpy(values + WORLD_Z, values, sizeof(float) * WORLD_Z);
    if (mixed) {
        world_attr_random_natural(&rng, &color, values + WORLD_Z);
        world_attr_mix(attr, &color, attr);
    }
    lt_tensor *w =
        lt_stylegan2_broadcast(ctx, m->generator, lt_stylegan2_mapping(ctx, m->generator, z));
    return lt_stylegan2_synthesis(
        ctx, m->generator,
        lt_stylegan2_mix(ctx, lt_slice(ctx, w, 0, 0, 1), lt_slice(ctx, w, 0, 1, 1), CROSSOVER));
}

/* The mean of the PSNR of `count` images, in dB. */
static lt_status measure_psnr(const struct ce_models *m, int64_t count, bool mixed, double *psnr)
{
    *psnr = 0.0;
    float *truth = malloc(sizeof(float) * 3 * PIXELS);
    if (!truth)
        return lt_fail(m->ctx, LT_ERR_MEMORY, "out of memory for a picture");
    for (int64_t i = 0; i < count && lt_ctx_status(m->ctx) == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(m->ctx);
        struct world_attr attr;
        const lt_tensor *image = reconstruct(m, i, mixed, &attr);
        if (image) {
            world_render(&attr, SIZE, truth, NULL);
            double sum = 0.0;
            for (int p = 0; p < 3 * PIXELS; p++) {
                const double d = 0.5 * ((double)lt_f32(image)[p] - (double)truth[p]);
                sum += d * d;
            }
            *psnr += -10.0 * log10(sum / (3.0 * PIXELS)) / (double)count;
        }
        lt_scope_close(m->ctx, scope, NULL);
    }
    free(truth);
    return lt_ctx_status(m->ctx);
}

static lt_tensor *embed_text(const struct ce_models *m, const char *text)
{
    return lt_l2_normalize(m->ctx, ce_models_embed_texts(m, &text, 1), 1e-12f);
}

static lt_tensor *embed_portrait(const struct ce_models *m, const struct world_attr *attr)
{
    lt_tensor *image = lt_zeros(m->ctx, 4, (int64_t[]){1, 3, SIZE, SIZE});
    if (!image)
        return NULL;
    world_render(attr, SIZE, lt_f32(image), NULL);
    return lt_l2_normalize(m->ctx, ce_models_embed_images(m, image, false), 1e-12f);
}

static int argmax(const float *x, int64_t n, int64_t stride)
{
    int best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i * stride] > x[best * stride] ? (int)i : best;
    return best;
}

/* The share of captions whose own picture is the nearest among 100, and the share of pictures whose
 * own caption is. Captions state at least three colours, since shorter ones fit several
 * portraits. */
static lt_status measure_retrieval(const struct ce_models *m, double *by_text, double *by_image)
{
    lt_ctx *ctx = m->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *texts[AMONG] = {NULL}, *images[AMONG] = {NULL};
    for (int i = 0; i < AMONG && lt_ctx_status(ctx) == LT_OK; i++) {
        uint64_t rng = training_seed(HELD_OUT, 5, i);
        struct world_attr attr;
        char text[512];
        int said[WORLD_PARTS], stated;
        world_attr_random_any(&rng, &attr);
        do {
            world_caption(&attr, &rng, said, text, sizeof text);
            stated = 0;
            for (int p = 0; p < WORLD_PARTS; p++)
                stated += said[p] >= 0;
        } while (stated < 3);
        const lt_scope inner = lt_scope_open(ctx);
        texts[i] = embed_text(m, text);
        images[i] = embed_portrait(m, &attr);
        lt_scope_close_keep(ctx, inner, (lt_tensor *[]){texts[i], images[i]}, 2);
    }
    lt_tensor *t = lt_concat(ctx, AMONG, texts, 0), *v = lt_concat(ctx, AMONG, images, 0);
    lt_tensor *similarity = lt_matmul(ctx, t, v, false, true);
    *by_text = *by_image = 0.0;
    for (int i = 0; similarity && i < AMONG; i++) {
        *by_text += (argmax(lt_f32(similarity) + i * AMONG, AMONG, 1) == i) / (double)AMONG;
        *by_image += (argmax(lt_f32(similarity) + i, AMONG, AMONG) == i) / (double)AMONG;
    }
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

/* For each part: the share of portraits that are nearest to the prompt of their colour, among the
 * prompts of all named colours. The colours of the part take turns. */
static lt_status measure_zero_shot(const struct ce_models *m, int64_t count,
                                   double accuracy[WORLD_PARTS])
{
    lt_ctx *ctx = m->ctx;
    for (int p = 0; p < WORLD_PARTS; p++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *prompt[WORLD_COLORS];
        for (int c = 0; c < WORLD_COLORS; c++) {
            char text[128];
            world_prompt((enum world_part)p, c, text, sizeof text);
            prompt[c] = embed_text(m, text);
        }
        lt_tensor *prompts = lt_concat(ctx, WORLD_COLORS, prompt, 0);
        int64_t right = 0;
        for (int64_t i = 0; i < count && lt_ctx_status(ctx) == LT_OK; i++) {
            const lt_scope inner = lt_scope_open(ctx);
            uint64_t rng = training_seed(HELD_OUT, 10 + p, i);
            struct world_attr attr;
            do {
                world_attr_random_any(&rng, &attr);
            } while (p == WORLD_GLASSES && !world_has_glasses(&attr));
            const enum world_color color = (enum world_color)(i % WORLD_COLORS);
            world_attr_set_color(&attr, (enum world_part)p, color, &rng);
            lt_tensor *similarity = lt_matmul(ctx, embed_portrait(m, &attr), prompts, false, true);
            right += similarity && argmax(lt_f32(similarity), WORLD_COLORS, 1) == (int)color;
            lt_scope_close(ctx, inner, NULL);
        }
        accuracy[p] = (double)right / (double)count;
        lt_scope_close(ctx, scope, NULL);
    }
    return lt_ctx_status(ctx);
}

/* Writes a picture of three pairs of rows: the rendered truth, and below it the image of the
 * generator. The last pair has mixed styles. */
static lt_status draw_sheet(const struct ce_models *m, const char *path)
{
    enum { COLUMNS = 8, ROWS = 6 };
    lt_ctx *ctx = m->ctx;
    ce_image cells[ROWS * COLUMNS];
    memset(cells, 0, sizeof cells);
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = LT_OK;
    for (int i = 0; i < ROWS / 2 * COLUMNS && status == LT_OK; i++) {
        struct world_attr attr;
        lt_tensor *drawn = reconstruct(m, 1000 + i, i >= 2 * COLUMNS, &attr);
        lt_tensor *truth = lt_zeros(ctx, 4, (int64_t[]){1, 3, SIZE, SIZE});
        if (!drawn || !truth) {
            status = lt_ctx_status(ctx);
            break;
        }
        world_render(&attr, SIZE, lt_f32(truth), NULL);
        const int at = i / COLUMNS * 2 * COLUMNS + i % COLUMNS;
        status = ce_image_from_tensor(ctx, truth, 0, &cells[at]);
        if (status == LT_OK)
            status = ce_image_from_tensor(ctx, drawn, 0, &cells[at + COLUMNS]);
    }
    lt_scope_close(ctx, scope, NULL);
    const char *const rows[ROWS] = {"truth", "drawn",        "truth",
                                    "drawn", "truth, mixed", "drawn, mixed"};
    const ce_image *cell[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        cell[i] = &cells[i];
    const ce_sheet grid = {.columns = COLUMNS, .rows = ROWS, .cells = cell, .row_labels = rows};
    ce_image sheet = {0};
    if (status == LT_OK)
        status = ce_sheet_render(ctx, &grid, &sheet);
    if (status == LT_OK)
        status = ce_image_write(ctx, path, &sheet, NULL, 0);
    ce_image_free(&sheet);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ce_image_free(&cells[i]);
    return status;
}

static const char usage[] =
    "usage: measure [--generator FILE] [--clip FILE] [--count N] [--sheet FILE.png]\n";

struct options {
    struct ce_paths paths;
    const char *sheet; /* the picture of samples; NULL: none */
    int64_t count;     /* portraits of each measurement */
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
        } else {
            fprintf(stderr, "measure: '%s' is not an option, or its value is missing\n%s", argv[i],
                    usage);
            return 2;
        }
    }
    if (o->count < 1) {
        fprintf(stderr, "measure: --count must be at least 1\n");
        return 2;
    }
    return 0;
}

/* Measures everything and prints the JSON object. */
static lt_status measure(const struct ce_models *m, int64_t count)
{
    double natural = 0.0, mixed = 0.0, by_text = 0.0, by_image = 0.0, accuracy[WORLD_PARTS] = {0};
    lt_status status = measure_psnr(m, count, false, &natural);
    if (status == LT_OK)
        status = measure_psnr(m, count, true, &mixed);
    if (status == LT_OK)
        status = measure_retrieval(m, &by_text, &by_image);
    if (status == LT_OK)
        status = measure_zero_shot(m, count, accuracy);
    if (status != LT_OK)
        return status;
    printf("{\"psnr_natural\": %.2f, \"psnr_mixed\": %.2f, \"retrieval_by_text\": %.2f, "
           "\"retrieval_by_image\": %.2f",
           natural, mixed, by_text, by_image);
    for (int p = 0; p < WORLD_PARTS; p++)
        printf(", \"zero_shot_%s\": %.3f", world_part_name((enum world_part)p), accuracy[p]);
    printf("}\n");
    return LT_OK;
}

int main(int argc, char **argv)
{
    struct options o = {
        .paths = {.generator = "weights/generator.safetensors", .clip = "weights/clip.safetensors"},
        .count = 200};
    struct ce_models m = {0};
    lt_ctx *ctx = NULL;
    const int parsed = parse(&o, argc, argv);
    if (parsed)
        return parsed < 0 ? 0 : parsed;
    if (lt_ctx_create(&ctx) != LT_OK)
        return training_fail(NULL, "measure");
    lt_no_grad_begin(ctx);
    lt_status status = open_models(ctx, &o.paths, &m);
    if (status == LT_OK)
        status = measure(&m, o.count);
    if (status == LT_OK && o.sheet)
        status = draw_sheet(&m, o.sheet);
    const int code = status == LT_OK ? 0 : training_fail(ctx, "measure");
    ce_models_close(&m);
    lt_ctx_destroy(ctx);
    return code;
}
