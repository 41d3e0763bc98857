#include <math.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "weights/measure_rich.h"
#include "weights/measuring.h"
#include "weights/training.h"
#include "weights/world/rich/render.h"
#include "weights/world/world.h"

enum { GROUP_LAYERS = 2 };

/* Draws the attributes of a held-out portrait into *attr and returns the generator's image of it,
 * size x size. A mixed portrait takes each group of attributes, and the W+ layers of the group,
 * from one of two faces. Groups whose layers lie beyond the image have their median. */
static lt_tensor *reconstruct(const struct ce_models *m, int size, int64_t item, bool mixed,
                              struct rich_attr *attr)
{
    lt_ctx *ctx = m->ctx;
    const int layers = lt_stylegan2_latents_at(m->generator, size);
    uint64_t rng = training_seed(MEASURE_HELD_OUT, mixed, item);
    struct rich_attr face[2], median;
    lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){2, RICH_Z});
    if (!z)
        return NULL;
    rich_attr_random_natural(&rng, &face[0], lt_f32(z));
    rich_attr_random_natural(&rng, &face[1], lt_f32(z) + RICH_Z);
    rich_attr_from_z((const float[RICH_Z]){0}, &median);
    lt_tensor *w =
        lt_stylegan2_broadcast(ctx, m->generator, lt_stylegan2_mapping(ctx, m->generator, z));
    const struct rich_attr *from[RICH_GROUPS];
    lt_tensor *part[RICH_GROUPS];
    for (int g = 0; g < RICH_GROUPS; g++) {
        const int second = mixed ? (int)(world_random(&rng) >> 31 & 1) : 0;
        from[g] = GROUP_LAYERS * g < layers ? &face[second] : &median;
        part[g] = lt_slice(ctx, lt_slice(ctx, w, 0, second, 1), 1, GROUP_LAYERS * g, GROUP_LAYERS);
    }
    rich_attr_mix(from, attr);
    return lt_stylegan2_synthesis_at(ctx, m->generator, lt_concat(ctx, RICH_GROUPS, part, 1), size);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The 99th percentile of the size of the gradient of an image [3][size][size], by differences of
 * neighbours, over all channels. `room` has space for it. */
static double steepest(const float *image, int size, float *room)
{
    size_t n = 0;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y + 1 < size; y++)
            for (int x = 0; x + 1 < size; x++) {
                const float *p = image + ((size_t)c * (size_t)size + (size_t)y) * (size_t)size + x;
                const float dx = p[1] - p[0], dy = p[size] - p[0];
                room[n++] = sqrtf(dx * dx + dy * dy);
            }
    qsort(room, n, sizeof *room, by_value);
    return (double)room[(size_t)(0.99 * (double)(n - 1))];
}

static lt_status measure_portraits(const struct ce_models *m, const struct measure_pictures *what,
                                   bool mixed, double *psnr, double *edges)
{
    const int size = what->size;
    const size_t numbers = 3 * (size_t)size * (size_t)size;
    float *truth = malloc(sizeof *truth * numbers), *room = malloc(sizeof *room * numbers);
    lt_status status = LT_OK;
    if (!truth || !room)
        status = lt_fail(m->ctx, LT_ERR_MEMORY, "out of memory for a picture");
    *psnr = *edges = 0.0;
    for (int64_t i = 0; i < what->count && status == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(m->ctx);
        struct rich_attr attr;
        const lt_tensor *image = reconstruct(m, size, i, mixed, &attr);
        if (image) {
            rich_render(&attr, size, truth, NULL);
            *psnr += measuring_psnr(lt_f32(image), truth, numbers) / (double)what->count;
            *edges += steepest(lt_f32(image), size, room) / steepest(truth, size, room) /
                      (double)what->count;
        }
        status = lt_ctx_status(m->ctx);
        lt_scope_close(m->ctx, scope, NULL);
    }
    free(truth);
    free(room);
    return status;
}

lt_status measure_generator(const struct ce_models *m, const struct measure_pictures *what,
                            lt_json_writer *writer)
{
    lt_status status = LT_OK;
    for (int mixed = 0; mixed < 2 && status == LT_OK; mixed++) {
        double psnr, edges;
        status = measure_portraits(m, what, mixed, &psnr, &edges);
        lt_json_put_key(writer, mixed ? "psnr_mixed" : "psnr_natural");
        lt_json_put_float(writer, (float)(round(100.0 * psnr) / 100.0));
        lt_json_put_key(writer, mixed ? "edges_mixed" : "edges_natural");
        lt_json_put_float(writer, (float)(round(1000.0 * edges) / 1000.0));
    }
    return status;
}

static lt_tensor *draw_portrait(const struct ce_models *m, int size, int64_t item, bool mixed,
                                float *truth)
{
    struct rich_attr attr;
    lt_tensor *drawn = reconstruct(m, size, item, mixed, &attr);
    if (drawn)
        rich_render(&attr, size, truth, NULL);
    return drawn;
}

lt_status measure_sheet(const struct ce_models *m, int size, const char *path)
{
    return measuring_sheet(m, size, draw_portrait, path);
}
