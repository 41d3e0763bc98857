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
#include "weights/measuring.h"
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
            *psnr += measuring_psnr(lt_f32(image), truth, (size_t)3 * PIXELS) / (double)count;
        }
        lt_scope_close(m->ctx, scope, NULL);
    }
    free(truth);
    return lt_ctx_status(m->ctx);
}

static lt_tensor *embed_portrait(const struct ce_models *m, const struct world_attr *attr)
{
    lt_tensor *image = lt_zeros(m->ctx, 4, (int64_t[]){1, 3, SIZE, SIZE});
    if (!image)
        return NULL;
    world_render(attr, SIZE, lt_f32(image), NULL);
    return measuring_embed_image(m, image);
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
        texts[i] = measuring_embed_text(m, text);
        images[i] = embed_portrait(m, &attr);
        lt_scope_close_keep(ctx, inner, (lt_tensor *[]){texts[i], images[i]}, 2);
    }
    int64_t right[2];
    measuring_retrieve(ctx, texts, images, AMONG, &right[0], &right[1]);
    *by_text = (double)right[0] / (double)AMONG;
    *by_image = (double)right[1] / (double)AMONG;
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
            prompt[c] = measuring_embed_text(m, text);
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
            right +=
                similarity && measuring_argmax(lt_f32(similarity), WORLD_COLORS, 1) == (int)color;
            lt_scope_close(ctx, inner, NULL);
        }
        accuracy[p] = (double)right / (double)count;
        lt_scope_close(ctx, scope, NULL);
    }
    return lt_ctx_status(ctx);
}

static lt_tensor *draw_portrait(const struct ce_models *m, int size, int64_t item, bool mixed,
                                float *truth)
{
    struct world_attr attr;
    lt_tensor *drawn = reconstruct(m, item, mixed, &attr);
    if (drawn)
        world_render(&attr, size, truth, NULL);
    return drawn;
}

static const char usage[] =
    "usage: measure [--generator FILE] [--clip FILE] [--count N] [--sheet FILE.png]\n";

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
    struct measuring_options o = {
        .paths = {.generator = "weights/generator.safetensors", .clip = "weights/clip.safetensors"},
        .count = 200};
    struct ce_models m = {0};
    lt_ctx *ctx = NULL;
    const int parsed = measuring_parse("measure", usage, &o, argc, argv);
    if (parsed)
        return parsed < 0 ? 0 : parsed;
    if (lt_ctx_create(&ctx) != LT_OK)
        return training_fail(NULL, "measure");
    lt_no_grad_begin(ctx);
    lt_status status = open_models(ctx, &o.paths, &m);
    if (status == LT_OK)
        status = measure(&m, o.count);
    if (status == LT_OK && o.sheet)
        status = measuring_sheet(&m, SIZE, draw_portrait, o.sheet);
    const int code = status == LT_OK ? 0 : training_fail(ctx, "measure");
    ce_models_close(&m);
    lt_ctx_destroy(ctx);
    return code;
}
