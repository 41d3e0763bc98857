/* The end of a generator's layer on dense arrays (bias_act_impl.h). */
#include "tensor/kernels/bias_act_impl.h"

#include <omp.h>
#include <string.h>

#include "tensor/kernels/pointwise_kernels.h"

void lt_bias_act_apply(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, float *y)
{
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(q, i);
        k->forward(&p, x + i * q->size, y + i * q->size);
    }
}

void lt_bias_act_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, const float *y,
                         const float *gy, float *gx, lt_bias_act_sums *sums)
{
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(q, i);
        const int64_t at = i * q->size;
        sums[i] =
            k->backward(&p, x ? x + at : NULL, y ? y + at : NULL, gy + at, gx ? gx + at : NULL);
    }
}

/* Pixels at a time: few enough that the image's stay in the cache while all channels of y pass, and
 * a channel's stay from one step to the next. */
enum { PIXELS = 4096 };

/* The sums of a piece of a plane, and its share of gscale. */
typedef struct piece_sums {
    lt_bias_act_sums act;
    double scale;
} piece_sums;

/* The gradients of up to PIXELS pixels from `at` on of plane i; `room` holds as many floats. */
static piece_sums adjoint_piece(const lt_ctx *ctx, const lt_bias_act_planes *q,
                                const lt_bias_act_picture *picture, int64_t i, int64_t at,
                                const float *y, const float *gy, float *gx, float *room)
{
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
    const struct lt_pointwise_kernels *kp = LT_ISA_SELECT(ctx, lt_pointwise_kernels);
    const int64_t count = lt_lesser(PIXELS, q->size - at), from = i * q->size + at;
    const lt_bias_act_plane p = lt_bias_act_part(lt_bias_act_plane_of(q, i), at, count);
    const float *g = picture->g + i / q->c * picture->channels * q->size + at;
    float weight[LT_POINTWISE_FEW];
    piece_sums sums;
    for (int64_t o = 0; o < picture->channels; o++)
        weight[o] = picture->weight[o * q->c + i % q->c];
    if (gy)
        memcpy(room, gy + from, (size_t)count * sizeof *room);
    sums.scale =
        kp->widen(count, (int)picture->channels, weight, g, q->size,
                  picture->scale ? picture->scale[i] : 1.0f, picture->gscale ? y + from : NULL,
                  gy ? LT_POINTWISE_ADD : LT_POINTWISE_SET, room);
    sums.act = k->backward(&p, NULL, y + from, room, gx + from);
    return sums;
}

lt_status lt_bias_act_picture_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q,
                                      const lt_bias_act_picture *picture, const float *y,
                                      const float *gy, float *gx, lt_bias_act_sums *sums)
{
    const int64_t planes = q->n * q->c, pieces = lt_ceil_quotient(q->size, PIXELS);
    const int threads = ctx->threads;
    piece_sums *part = lt_scratch(ctx, (size_t)(planes * pieces) * sizeof *part);
    float *rooms = lt_scratch(ctx, (size_t)threads * PIXELS * sizeof *rooms);
    const bool ok = part && rooms;
    if (ok) {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t j = 0; j < q->n * pieces; j++)
            for (int64_t c = 0; c < q->c; c++) {
                const int64_t i = j / pieces * q->c + c;
                part[i * pieces + j % pieces] =
                    adjoint_piece(ctx, q, picture, i, j % pieces * PIXELS, y, gy, gx,
                                  rooms + omp_get_thread_num() * PIXELS);
            }
        for (int64_t i = 0; i < planes; i++) {
            double scale = 0;
            sums[i] = (lt_bias_act_sums){0, 0, 0};
            for (int64_t j = i * pieces; j < (i + 1) * pieces; j++) {
                lt_bias_act_add(&sums[i], &part[j].act);
                scale += part[j].scale;
            }
            if (picture->gscale)
                picture->gscale[i] = (float)scale;
        }
    }
    lt_scratch_free(ctx, rooms);
    lt_scratch_free(ctx, part);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
