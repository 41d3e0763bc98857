/* The end of a generator's layer on dense arrays (bias_act_impl.h). */
#include "tensor/kernels/bias_act_impl.h"

#include <string.h>

#include "tensor/kernels/pointwise_kernels.h"
#include "tensor/team.h"

/* Planes forward, from x to out, or backward, from gy to out; out may then be NULL. */
typedef struct plane_job {
    const struct lt_bias_act_kernels *k;
    const lt_bias_act_planes *q;
    const float *x, *y, *gy;
    float *out;
    lt_bias_act_sums *sums;
} plane_job;

static void forward_planes(void *arg, lt_range range)
{
    const plane_job *j = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(j->q, i);
        j->k->forward(&p, j->x + i * j->q->size, j->out + i * j->q->size);
    }
}

void lt_bias_act_apply(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, float *y)
{
    plane_job j = {.k = LT_ISA_SELECT(ctx, lt_bias_act_kernels), .q = q, .x = x, .out = y};
    lt_for(ctx, ctx->threads, q->n * q->c, forward_planes, &j);
}

static void backward_planes(void *arg, lt_range range)
{
    const plane_job *j = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(j->q, i);
        const int64_t at = i * j->q->size;
        j->sums[i] = j->k->backward(&p, j->x ? j->x + at : NULL, j->y ? j->y + at : NULL,
                                    j->gy + at, j->out ? j->out + at : NULL);
    }
}

void lt_bias_act_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, const float *y,
                         const float *gy, float *gx, lt_bias_act_sums *sums)
{
    plane_job j = {.k = LT_ISA_SELECT(ctx, lt_bias_act_kernels),
                   .q = q,
                   .x = x,
                   .y = y,
                   .gy = gy,
                   .out = gx,
                   .sums = sums};
    lt_for(ctx, ctx->threads, q->n * q->c, backward_planes, &j);
}

/* Pixels at a time: few enough that the image's stay in the cache while all channels of y pass, and
 * a channel's stay from one step to the next. */
enum { PIXELS = 4096 };

/* The sums of a piece of a plane, and its share of gscale. */
typedef struct piece_sums {
    lt_bias_act_sums act;
    double scale;
} piece_sums;

/* The gradients of all planes, piece by piece. */
typedef struct picture_job {
    const struct lt_bias_act_kernels *k;
    const struct lt_pointwise_kernels *kp;
    const lt_bias_act_planes *q;
    const lt_bias_act_picture *picture;
    const float *y, *gy;
    float *gx;
    piece_sums *part; /* (planes, pieces) */
    float *rooms;     /* PIXELS floats for each thread */
} picture_job;

/* The gradients of up to PIXELS pixels from `at` on of plane i; `room` holds as many floats. */
static piece_sums adjoint_piece(const picture_job *j, int64_t i, int64_t at, float *room)
{
    const lt_bias_act_planes *q = j->q;
    const lt_bias_act_picture *picture = j->picture;
    const int64_t count = lt_lesser(PIXELS, q->size - at), from = i * q->size + at;
    const lt_bias_act_plane p = lt_bias_act_part(lt_bias_act_plane_of(q, i), at, count);
    const float *g = picture->g + i / q->c * picture->channels * q->size + at;
    float weight[LT_POINTWISE_FEW];
    piece_sums sums;
    for (int64_t o = 0; o < picture->channels; o++)
        weight[o] = picture->weight[o * q->c + i % q->c];
    if (j->gy)
        memcpy(room, j->gy + from, (size_t)count * sizeof *room);
    sums.scale = j->kp->widen(count, (int)picture->channels, weight, g, q->size,
                              picture->scale ? picture->scale[i] : 1.0f,
                              picture->gscale ? j->y + from : NULL,
                              j->gy ? LT_POINTWISE_ADD : LT_POINTWISE_SET, room);
    sums.act = j->k->backward(&p, NULL, j->y + from, room, j->gx + from);
    return sums;
}

/* Items are the pieces of one sample after the other, each with all its channels. */
static void adjoint_items(void *arg, lt_range range)
{
    const picture_job *j = arg;
    const int64_t pieces = lt_ceil_quotient(j->q->size, PIXELS), c = j->q->c;
    for (int64_t item = range.begin; item < range.end; item++)
        for (int64_t i = item / pieces * c; i < (item / pieces + 1) * c; i++)
            j->part[i * pieces + item % pieces] =
                adjoint_piece(j, i, item % pieces * PIXELS, j->rooms + range.worker * PIXELS);
}

lt_status lt_bias_act_picture_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q,
                                      const lt_bias_act_picture *picture, const float *y,
                                      const float *gy, float *gx, lt_bias_act_sums *sums)
{
    const int64_t planes = q->n * q->c, pieces = lt_ceil_quotient(q->size, PIXELS);
    picture_job job = {.k = LT_ISA_SELECT(ctx, lt_bias_act_kernels),
                       .kp = LT_ISA_SELECT(ctx, lt_pointwise_kernels),
                       .q = q,
                       .picture = picture,
                       .y = y,
                       .gy = gy,
                       .gx = gx};
    job.part = lt_scratch(ctx, (size_t)(planes * pieces) * sizeof *job.part);
    job.rooms = lt_scratch(ctx, (size_t)ctx->threads * PIXELS * sizeof *job.rooms);
    const bool ok = job.part && job.rooms;
    if (ok) {
        lt_for(ctx, ctx->threads, q->n * pieces, adjoint_items, &job);
        for (int64_t i = 0; i < planes; i++) {
            double scale = 0;
            sums[i] = (lt_bias_act_sums){0, 0, 0};
            for (int64_t j = i * pieces; j < (i + 1) * pieces; j++) {
                lt_bias_act_add(&sums[i], &job.part[j].act);
                scale += job.part[j].scale;
            }
            if (picture->gscale)
                picture->gscale[i] = (float)scale;
        }
    }
    lt_scratch_free(ctx, job.rooms);
    lt_scratch_free(ctx, job.part);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
