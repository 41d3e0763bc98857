/* Separable resizing by precomputed windows. */
#include <math.h>
#include <string.h>

#include "tensor/kernels/resample/resample_impl.h"
#include "tensor/kernels/resample/resample_kernels.h"
#include "tensor/team.h"

enum { BAND = 32 };

void lt_windows_free(lt_ctx *ctx, lt_windows *t)
{
    lt_scratch_free(ctx, t->start);
    lt_scratch_free(ctx, t->weight);
}

/* Allocates windows with all weights zero. No window is wider than the input. */
static bool windows_alloc(lt_ctx *ctx, int64_t in, int64_t out, int64_t taps, lt_windows *t)
{
    t->in = in;
    t->out = out;
    t->taps = taps < in ? taps : in;
    t->start = lt_scratch(ctx, (size_t)out * sizeof *t->start);
    t->weight = lt_scratch(ctx, (size_t)(out * t->taps) * sizeof *t->weight);
    if (t->weight)
        memset(t->weight, 0, (size_t)(out * t->taps) * sizeof *t->weight);
    return t->start && t->weight;
}

/* The weights of output i. Its window starts at input `low`, or before where it would reach beyond
 * the last input. */
static float *window(lt_windows *t, int64_t i, int64_t low)
{
    const int64_t start = low + t->taps > t->in ? t->in - t->taps : low;
    t->start[i] = (int32_t)start;
    return t->weight + i * t->taps + (low - start);
}

/* Cubic convolution (Keys 1981) with parameter a. */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    return 0.0;
}

/* Four taps around the source position; taps beyond an edge are added to the pixel at the edge. */
static void cubic_window(lt_windows *t, int64_t i)
{
    const double at = (double)t->in / (double)t->out * ((double)i + 0.5) - 0.5;
    const int64_t base = (int64_t)floor(at) - 1;
    const int64_t low = base < 0 ? 0 : base > t->in - 1 ? t->in - 1 : base;
    double sum[4] = {0, 0, 0, 0};
    int64_t high = low;
    for (int64_t j = base; j < base + 4; j++) {
        const int64_t pixel = j < low ? low : j > t->in - 1 ? t->in - 1 : j;
        sum[pixel - low] += cubic(at - (double)j, -0.75);
        high = pixel;
    }
    float *weight = window(t, i, low);
    for (int64_t j = 0; j <= high - low; j++)
        weight[j] = (float)sum[j];
}

/* The window is widened by the shrinking factor, and its weights are scaled to sum to 1. */
static void antialias_window(lt_windows *t, int64_t i)
{
    const double scale = (double)t->in / (double)t->out;
    const double widen = scale > 1.0 ? scale : 1.0, center = scale * ((double)i + 0.5);
    int64_t low = (int64_t)(center - 2.0 * widen + 0.5),
            high = (int64_t)(center + 2.0 * widen + 0.5);
    if (low < 0)
        low = 0;
    if (high > t->in)
        high = t->in;
    double sum = 0;
    for (int64_t j = low; j < high; j++)
        sum += cubic(((double)j - center + 0.5) / widen, -0.5);
    float *weight = window(t, i, low);
    for (int64_t j = low; j < high; j++)
        weight[j - low] = (float)(cubic(((double)j - center + 0.5) / widen, -0.5) / sum);
}

static void area_window(lt_windows *t, int64_t i)
{
    const int64_t low = i * t->in / t->out, high = ((i + 1) * t->in + t->out - 1) / t->out;
    float *weight = window(t, i, low);
    for (int64_t j = 0; j < high - low; j++)
        weight[j] = (float)(1.0 / (double)(high - low));
}

bool lt_windows_build(lt_ctx *ctx, lt_resize_kind kind, int64_t in, int64_t out, lt_windows *t)
{
    const int64_t shrink = (in + out - 1) / out;
    const int64_t widest = kind == LT_RESIZE_CUBIC  ? 4
                           : kind == LT_RESIZE_AREA ? shrink + 1
                                                    : 4 * shrink + 2;
    if (!windows_alloc(ctx, in, out, widest, t))
        return false;
    for (int64_t i = 0; i < out; i++) {
        if (kind == LT_RESIZE_CUBIC)
            cubic_window(t, i);
        else if (kind == LT_RESIZE_AREA)
            area_window(t, i);
        else
            antialias_window(t, i);
    }
    return true;
}

/* For every input j, the first and the last output that reads it with a weight other than zero;
 * first > last where no output does. */
static void readers(const lt_windows *t, int64_t *first, int64_t *last)
{
    for (int64_t j = 0; j < t->in; j++) {
        first[j] = t->out;
        last[j] = -1;
    }
    for (int64_t i = 0; i < t->out; i++) {
        for (int64_t k = 0; k < t->taps; k++) {
            const int64_t j = t->start[i] + k;
            if (t->weight[i * t->taps + k] == 0.0f)
                continue;
            if (last[j] < 0)
                first[j] = i;
            last[j] = i;
        }
    }
}

/* The adjoint map, which has windows, too: the outputs that read an input follow each other. */
static bool windows_transpose(lt_ctx *ctx, const lt_windows *t, lt_windows *back)
{
    int64_t *first = lt_scratch(ctx, 2 * (size_t)t->in * sizeof *first), widest = 1;
    if (!first)
        return false;
    int64_t *last = first + t->in;
    readers(t, first, last);
    for (int64_t j = 0; j < t->in; j++)
        if (last[j] - first[j] + 1 > widest)
            widest = last[j] - first[j] + 1;
    const bool ok = windows_alloc(ctx, t->out, t->in, widest, back);
    for (int64_t j = 0; ok && j < t->in; j++) {
        float *weight = window(back, j, last[j] < 0 ? 0 : first[j]);
        for (int64_t i = first[j]; i <= last[j]; i++)
            if (j >= t->start[i] && j < t->start[i] + t->taps)
                weight[i - first[j]] = t->weight[i * t->taps + j - t->start[i]];
    }
    lt_scratch_free(ctx, first);
    return ok;
}

/* What the threads read and write; lines and rows have room for each thread. */
struct resampling {
    const struct lt_resample_kernels *k;
    const lt_windows *down, *across;
    const float *x;
    float *out, *lines;
    const float **rows;
};

static int64_t bands_of(const lt_windows *down) { return lt_ceil_quotient(down->out, BAND); }

/* Rows are combined first, in vectors along the row. Then each output pixel is the sum of a window
 * of the combined row. */
static void resample_row(const struct resampling *r, int64_t plane, int64_t y, const float **row,
                         float *line)
{
    const lt_windows *down = r->down, *across = r->across;
    const float *weight = down->weight + y * down->taps;
    float *to = r->out + (plane * down->out + y) * across->out;
    int64_t from = 0, end = down->taps;
    while (from < end && weight[from] == 0.0f)
        from++;
    while (from < end && weight[end - 1] == 0.0f)
        end--;
    if (from == end) {
        memset(to, 0, (size_t)across->out * sizeof *to);
        return;
    }
    for (int64_t t = from; t < end; t++)
        row[t - from] = r->x + (plane * down->in + down->start[y] + t) * across->in;
    r->k->combine(across->in, end - from, row, weight + from, line);
    r->k->windows(across->out, across->taps, across->start, across->weight, line, to);
}

static void resample_bands(void *arg, lt_range range)
{
    const struct resampling *r = arg;
    const int64_t bands = bands_of(r->down);
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t first = i % bands * BAND, last = lt_lesser(first + BAND, r->down->out);
        for (int64_t y = first; y < last; y++)
            resample_row(r, i / bands, y, r->rows + range.worker * r->down->taps,
                         r->lines + range.worker * r->across->in);
    }
}

static lt_status resample(lt_ctx *ctx, int64_t planes, const lt_windows *down,
                          const lt_windows *across, const float *x, float *out)
{
    struct resampling r = {.k = LT_ISA_SELECT(ctx, lt_resample_kernels),
                           .down = down,
                           .across = across,
                           .x = x,
                           .out = out};
    const size_t threads = (size_t)ctx->threads;
    lt_status status = LT_ERR_MEMORY;
    r.lines = lt_scratch(ctx, threads * (size_t)across->in * sizeof *r.lines);
    r.rows = lt_scratch(ctx, threads * (size_t)down->taps * sizeof *r.rows);
    if (!r.lines || !r.rows)
        goto done;
    lt_for(ctx, ctx->threads, planes * bands_of(down), resample_bands, &r);
    status = LT_OK;

done:
    lt_scratch_free(ctx, r.rows);
    lt_scratch_free(ctx, r.lines);
    return status;
}

static lt_status resize(lt_ctx *ctx, lt_resize_kind kind, bool adjoint, int64_t planes, int64_t h,
                        int64_t w, int64_t oh, int64_t ow, const float *from, float *to)
{
    lt_windows down = {0}, across = {0}, down_back = {0}, across_back = {0};
    lt_status status = LT_ERR_MEMORY;
    if (!lt_windows_build(ctx, kind, h, oh, &down) || !lt_windows_build(ctx, kind, w, ow, &across))
        goto done;
    if (!adjoint) {
        status = resample(ctx, planes, &down, &across, from, to);
        goto done;
    }
    if (!windows_transpose(ctx, &down, &down_back) ||
        !windows_transpose(ctx, &across, &across_back))
        goto done;
    status = resample(ctx, planes, &down_back, &across_back, from, to);

done:
    lt_windows_free(ctx, &across_back);
    lt_windows_free(ctx, &down_back);
    lt_windows_free(ctx, &across);
    lt_windows_free(ctx, &down);
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
