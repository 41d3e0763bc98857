#include "support/check_conv3.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "support/check_grad.h"
#include "tensor/kernels/conv/winograd_impl.h"

/* The input row (or column) that each of three taps meets, -1 where it meets none. */
struct taps {
    int64_t in[3];
};

/* The taps of output row `y` of an input of `limit` rows. */
static struct taps taps_of(const lt_conv3 *q, int64_t y, int64_t limit)
{
    struct taps taps;
    for (int64_t i = 0; i < 3; i++) {
        int64_t in = q->kind == LT_CONV3_SAME ? y + i - q->pad : 2 * y + i - q->pad;
        if (q->kind == LT_CONV3_UP)
            in = (y - i + q->pad) % 2 == 0 ? (y - i + q->pad) / 2 : -1;
        taps.in[i] = in < limit ? in : -1;
    }
    return taps;
}

/* The sum over the taps that meet a plane of input, each times its weight. */
static double tap_sum(const float *plane, int64_t width, const struct taps *rows,
                      const struct taps *columns, const float *weight, bool flip)
{
    double sum = 0;
    for (int64_t i = 0; i < 3; i++) {
        if (rows->in[i] < 0)
            continue;
        const float *row = plane + rows->in[i] * width;
        for (int64_t j = 0; j < 3; j++)
            if (columns->in[j] >= 0)
                sum += (double)weight[flip ? 8 - (3 * i + j) : 3 * i + j] *
                       (double)row[columns->in[j]];
    }
    return sum;
}

/* y (n,o,oh,ow): the convolution as its definition says, with scale and bias. */
static void plain_loops(const lt_conv3 *q, double *y)
{
    for (int64_t i = 0; i < q->n * q->o * q->oh * q->ow; i++) {
        const int64_t x = i % q->ow, row = i / q->ow % q->oh, o = i / q->ow / q->oh % q->o;
        const int64_t n = i / q->ow / q->oh / q->o;
        const struct taps rows = taps_of(q, row, q->h), columns = taps_of(q, x, q->w);
        double sum = q->bias ? (double)q->bias[o] : 0.0;
        for (int64_t c = 0; c < q->c; c++) {
            const double part = tap_sum(q->in + (n * q->c + c) * q->h * q->w, q->w, &rows, &columns,
                                        q->weight + o * q->w_out + c * q->w_in, q->flip);
            sum += q->scale ? part * (double)q->scale[n * q->c + c] : part;
        }
        y[i] = sum;
    }
}

int64_t check_conv3_size(const lt_conv3 *q, int64_t size)
{
    if (q->kind == LT_CONV3_UP)
        return 2 * size + 1 - 2 * q->pad;
    return q->kind == LT_CONV3_SAME ? size + 2 * q->pad - 2 : (size + 2 * q->pad - 3) / 2 + 1;
}

/* Checks what a run does after its sums: out_scale multiplies each plane of the result, and dot is
 * the product of each plane with `with`. Both must equal separate passes over the plain result. */
static void check_epilogue(lt_ctx *ctx, lt_conv3_run *run, const lt_conv3 *plain, bool sums)
{
    const int64_t planes = plain->n * plain->o, area = plain->oh * plain->ow, size = planes * area;
    const lt_scope scope = lt_scope_open(ctx);
    lt_conv3 q = *plain;
    q.out_scale = lt_f32(check_random(ctx, 77, 0.5f, 2, 1, &planes));
    q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
    if (sums) {
        q.with = lt_f32(check_random(ctx, 78, -1, 1, 1, &size));
        q.dot = lt_f32(lt_full(ctx, 1, &planes, NAN));
    }
    ck_assert_int_eq(run(ctx, &q), LT_OK);
    for (int64_t i = 0; i < planes; i++) {
        double dot = 0, most = 1;
        for (int64_t j = i * area; j < (i + 1) * area; j++) {
            ck_assert_msg(q.out[j] == plain->out[j] * q.out_scale[i], "output %d is %g of %g",
                          (int)j, (double)q.out[j], (double)plain->out[j]);
            if (q.with)
                dot += (double)plain->out[j] * (double)q.with[j];
            if (q.with)
                most += fabs((double)plain->out[j] * (double)q.with[j]);
        }
        if (q.dot)
            ck_assert_msg(fabs((double)q.dot[i] - dot) <= 1e-6 * most, "dot %d is %g, expected %g",
                          (int)i, (double)q.dot[i], dot);
    }
    lt_scope_close(ctx, scope, NULL);
}

double check_conv3_error(lt_ctx *ctx, lt_conv3_run *run, lt_conv3 q, uint64_t seed, bool scaled,
                         bool shifted, int check_threads)
{
    const lt_scope scope = lt_scope_open(ctx);
    q.oh = check_conv3_size(&q, q.h);
    q.ow = check_conv3_size(&q, q.w);
    const int64_t size = q.n * q.o * q.oh * q.ow;
    q.in = lt_f32(check_random(ctx, seed, -1, 1, 4, (int64_t[]){q.n, q.c, q.h, q.w}));
    q.weight = lt_f32(check_random(ctx, seed + 1, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
    q.scale =
        scaled ? lt_f32(check_random(ctx, seed + 2, 0.5f, 2, 2, (int64_t[]){q.n, q.c})) : NULL;
    q.bias = shifted ? lt_f32(check_random(ctx, seed + 3, -1, 1, 1, &q.o)) : NULL;
    q.w_out = q.flip ? 9 : q.c * 9;
    q.w_in = q.flip ? q.o * 9 : 9;
    q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
    double *want = malloc(sizeof *want * (size_t)size);
    ck_assert_ptr_nonnull(want);
    ck_assert_int_eq(run(ctx, &q), LT_OK);
    plain_loops(&q, want);
    double worst = 0, most = 0;
    for (int64_t i = 0; i < size; i++) {
        const double d = fabs((double)q.out[i] - want[i]);
        if (!(d <= worst))
            worst = d;
        most = fmax(most, fabs(want[i]));
    }
    free(want);
    check_epilogue(ctx, run, &q, run != lt_winograd_run || lt_winograd_sums(ctx, &q));
    if (check_threads) { /* any number of threads must give the same bits */
        float *once = q.out;
        for (int threads = 1; threads <= check_threads; threads++) {
            lt_ctx_set_threads(ctx, threads);
            q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
            ck_assert_int_eq(run(ctx, &q), LT_OK);
            ck_assert_mem_eq(q.out, once, (size_t)size * sizeof *once);
        }
    }
    lt_scope_close(ctx, scope, NULL);
    return worst / most;
}
