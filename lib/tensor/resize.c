/* Separable resizing by precomputed windows. */
#include <math.h>
#include <omp.h>

#include "tensor/resample_impl.h"
#include "tensor/resample_kernels.h"

enum { BAND = 32 };

static void windows_free(lt_ctx *ctx, lt_windows *t)
{
    lt_scratch_free(ctx, t->start);
    lt_scratch_free(ctx, t->count);
    lt_scratch_free(ctx, t->first);
    lt_scratch_free(ctx, t->weight);
}

static bool windows_alloc(lt_ctx *ctx, int64_t in, int64_t out, int64_t weights, lt_windows *t)
{
    t->in = in;
    t->out = out;
    t->start = lt_scratch(ctx, (size_t)out * sizeof *t->start);
    t->count = lt_scratch(ctx, (size_t)out * sizeof *t->count);
    t->first = lt_scratch(ctx, (size_t)out * sizeof *t->first);
    t->weight = lt_scratch(ctx, (size_t)weights * sizeof *t->weight);
    return t->start && t->count && t->first && t->weight;
}

/* Cubic convolution (Keys 1981) with parameter a. */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    return 0.0;
}

/* Four taps around the source position; those over the edge fall on the edge. */
static void cubic_window(lt_windows *t, int64_t i)
{
    const double at = (double)t->in / (double)t->out * ((double)i + 0.5) - 0.5;
    const int64_t base = (int64_t)floor(at) - 1;
    int64_t low = base > 0 ? base : 0, high = base + 3;
    if (high > t->in - 1) high = t->in - 1;
    if (low > high) low = high;
    if (high < low) high = low;
    t->start[i] = (int32_t)low;
    t->count[i] = (int32_t)(high - low + 1);
    double sum[4] = {0, 0, 0, 0};
    for (int64_t j = base; j < base + 4; j++) {
        const int64_t pixel = j < low ? low : j > high ? high : j;
        sum[pixel - low] += cubic(at - (double)j, -0.75);
    }
    for (int64_t j = 0; j < t->count[i]; j++) t->weight[t->first[i] + j] = (float)sum[j];
}

/* Support widened by the shrinking factor, weights made to sum to 1. */
static void antialias_window(lt_windows *t, int64_t i)
{
    const double scale = (double)t->in / (double)t->out;
    const double widen = scale > 1.0 ? scale : 1.0, center = scale * ((double)i + 0.5);
    int64_t low = (int64_t)(center - 2.0 * widen + 0.5), high = (int64_t)(center + 2.0 * widen + 0.5);
    if (low < 0) low = 0;
    if (high > t->in) high = t->in;
    double sum = 0;
    for (int64_t j = low; j < high; j++) sum += cubic(((double)j - center + 0.5) / widen, -0.5);
    for (int64_t j = low; j < high; j++)
        t->weight[t->first[i] + j - low] =
            (float)(cubic(((double)j - center + 0.5) / widen, -0.5) / sum);
    t->start[i] = (int32_t)low;
    t->count[i] = (int32_t)(high - low);
}

static void area_window(lt_windows *t, int64_t i)
{
    const int64_t low = i * t->in / t->out, high = ((i + 1) * t->in + t->out - 1) / t->out;
    t->start[i] = (int32_t)low;
    t->count[i] = (int32_t)(high - low);
    for (int64_t j = 0; j < high - low; j++)
        t->weight[t->first[i] + j] = (float)(1.0 / (double)(high - low));
}

static bool windows_build(lt_ctx *ctx, lt_resize_kind kind, int64_t in, int64_t out,
                          lt_windows *t)
{
    const int64_t shrink = (in + out - 1) / out;
    const int64_t widest = kind == LT_RESIZE_CUBIC ? 4
                           : kind == LT_RESIZE_AREA ? shrink + 1
                                                    : 4 * shrink + 2;
    if (!windows_alloc(ctx, in, out, out * widest, t)) return false;
    for (int64_t i = 0; i < out; i++) {
        t->first[i] = i * widest;
        if (kind == LT_RESIZE_CUBIC)
            cubic_window(t, i);
        else if (kind == LT_RESIZE_AREA)
            area_window(t, i);
        else
            antialias_window(t, i);
    }
    return true;
}

/* The adjoint map: the outputs whose windows hold an input follow one another, because
 * windows begin and end in order. */
static bool windows_transpose(lt_ctx *ctx, const lt_windows *t, lt_windows *back)
{
    int64_t total = 0;
    for (int64_t i = 0; i < t->out; i++) total += t->count[i];
    if (!windows_alloc(ctx, t->out, t->in, total, back)) return false;
    for (int64_t j = 0; j < t->in; j++) back->start[j] = back->count[j] = 0;
    for (int64_t i = 0; i < t->out; i++)
        for (int64_t j = t->start[i]; j < t->start[i] + t->count[i]; j++)
            if (back->count[j]++ == 0) back->start[j] = (int32_t)i;
    int64_t next = 0;
    for (int64_t j = 0; j < t->in; j++) {
        back->first[j] = next;
        next += back->count[j];
    }
    for (int64_t i = 0; i < t->out; i++)
        for (int64_t j = t->start[i]; j < t->start[i] + t->count[i]; j++)
            back->weight[back->first[j] + i - back->start[j]] = t->weight[t->first[i] + j - t->start[i]];
    return true;
}

/* Rows are combined first, in vectors along the row; then each output pixel is a window
 * of the combined row. */
static lt_status resample(lt_ctx *ctx, int64_t planes, const lt_windows *down,
                          const lt_windows *across, const float *x, float *out)
{
    const struct lt_resample_kernels *k = LT_ISA_SELECT(ctx, lt_resample_kernels);
    const int64_t h = down->in, w = across->in, oh = down->out, ow = across->out;
    const int64_t bands = (oh + BAND - 1) / BAND;
    const int threads = ctx->threads;
    lt_status status = LT_ERR_MEMORY;
    float *lines = lt_scratch(ctx, (size_t)threads * (size_t)w * sizeof *lines);
    const float **rows = lt_scratch(ctx, (size_t)threads * (size_t)h * sizeof *rows);
    if (!lines || !rows) goto done;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < planes * bands; i++) {
        const int64_t plane = i / bands, first = i % bands * BAND;
        const int64_t last = first + BAND < oh ? first + BAND : oh;
        const int64_t me = omp_get_thread_num();
        const float **row = rows + me * h;
        float *line = lines + me * w;
        for (int64_t y = first; y < last; y++) {
            for (int64_t t = 0; t < down->count[y]; t++)
                row[t] = x + (plane * h + down->start[y] + t) * w;
            k->combine(w, down->count[y], row, down->weight + down->first[y], line);
            k->windows(ow, across->start, across->count, across->first, across->weight, line,
                       out + (plane * oh + y) * ow);
        }
    }
    status = LT_OK;

done:
    lt_scratch_free(ctx, rows);
    lt_scratch_free(ctx, lines);
    return status;
}

static lt_status resize(lt_ctx *ctx, lt_resize_kind kind, bool adjoint, int64_t planes, int64_t h,
                        int64_t w, int64_t oh, int64_t ow, const float *from, float *to)
{
    lt_windows down = {0}, across = {0}, down_back = {0}, across_back = {0};
    lt_status status = LT_ERR_MEMORY;
    if (!windows_build(ctx, kind, h, oh, &down) || !windows_build(ctx, kind, w, ow, &across))
        goto done;
    if (!adjoint) {
        status = resample(ctx, planes, &down, &across, from, to);
        goto done;
    }
    if (!windows_transpose(ctx, &down, &down_back) || !windows_transpose(ctx, &across, &across_back))
        goto done;
    status = resample(ctx, planes, &down_back, &across_back, from, to);

done:
    windows_free(ctx, &across_back);
    windows_free(ctx, &down_back);
    windows_free(ctx, &across);
    windows_free(ctx, &down);
    return status;
}

lt_status lt_resize_apply(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                          const float *x, int64_t oh, int64_t ow, float *out)
{
    return resize(ctx, kind, false, planes, h, w, oh, ow, x, out);
}

lt_status lt_resize_adjoint(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                            float *x, int64_t oh, int64_t ow, const float *out)
{
    return resize(ctx, kind, true, planes, h, w, oh, ow, out, x);
}
