/* Filters with up- and downsampling by small kernels (upfirdn2d). */
#include <math.h>
#include <string.h>

#include "tensor/kernels/resample/resample_impl.h"
#include "tensor/kernels/resample/resample_kernels.h"
#include "tensor/team.h"

/* Rows of output that a thread takes at a time. */
enum { BAND = 64 };

/* The columns of x that outputs read: [low, low + count); they may lie outside of the image. */
typedef struct span {
    int64_t low, count;
} span;

static span columns_read(const lt_fir_shape *s)
{
    const int64_t low = lt_floor_quotient(-s->pad_x, s->up);
    const int64_t high = lt_floor_quotient((s->ow - 1) * s->down + s->kw - 1 - s->pad_x, s->up);
    return (span){low, high - low + 1};
}

/* Filters along a row: `line` holds the columns cols of the image, already filtered along columns,
 * `weight` is a row of the kernel. */
static void filter_line(const struct lt_resample_kernels *k, const lt_fir_shape *s, span cols,
                        const float *weight, const float *line, float *out, int add)
{
    if (s->up == 1) {
        k->fir(s->ow, s->kw, weight, 1, line, s->down, out, 1, add);
        return;
    }
    if (s->up == 2 && s->down == 1 && s->ow >= 2) {
        int64_t taps[2];
        const float *w[2], *in[2];
        for (int r = 0; r < 2; r++) {
            const int64_t first = ((s->pad_x - r) % 2 + 2) % 2;
            taps[r] = (s->kw - first + 1) / 2;
            w[r] = weight + first;
            in[r] = line + (r - s->pad_x + first) / 2 - cols.low;
        }
        k->fir_pair(s->ow / 2, taps, w, in, out, add);
        if (s->ow % 2)
            k->fir(1, taps[0], w[0], 2, in[0] + s->ow / 2, 1, out + s->ow - 1, 1, add);
        return;
    }
    for (int64_t j = 0; j < s->ow; j++) {
        const int64_t at = j * s->down - s->pad_x, source = -lt_floor_quotient(-at, s->up);
        const int64_t first = source * s->up - at;
        float sum = add ? out[j] : 0.0f;
        for (int64_t t = first; t < s->kw; t += s->up)
            sum += weight[t] * line[source + (t - first) / s->up - cols.low];
        out[j] = sum;
    }
}

bool lt_fir_factor(int64_t kh, int64_t kw, const float *kernel, float *column, float *row)
{
    int64_t best = 0;
    for (int64_t i = 1; i < kh * kw; i++)
        if (fabsf(kernel[i]) > fabsf(kernel[best]))
            best = i;
    const float pivot = kernel[best];
    for (int64_t i = 0; i < kh; i++)
        column[i] = kernel[i * kw + best % kw];
    for (int64_t j = 0; j < kw; j++)
        row[j] = pivot == 0.0f ? 0.0f : kernel[best / kw * kw + j] / pivot;
    for (int64_t i = 0; i < kh; i++)
        for (int64_t j = 0; j < kw; j++)
            if (!(fabsf(column[i] * row[j] - kernel[i * kw + j]) <= 2e-7f * fabsf(pivot)))
                return false;
    return true;
}

/* A thread's work space, and the plane x that it works on. */
typedef struct work {
    const float **row;
    float *weight, *line;
    const float *x;
} work;

/* Computes row y of a plane. Where the kernel is a product of column and row, rows are summed up
 * first and the sum is filtered once; else each row of the kernel filters a row of the image. */
static void output_row(const struct lt_resample_kernels *k, const lt_fir_shape *s, span cols,
                       const float *kernel, const float *column, const float *row, work *t,
                       int64_t y, float *out)
{
    const int64_t at = y * s->down - s->pad_y, source = -lt_floor_quotient(-at, s->up);
    const int64_t from = cols.low > 0 ? cols.low : 0;
    const int64_t to = cols.low + cols.count < s->w ? cols.low + cols.count : s->w;
    const int64_t width = to > from ? to - from : 0;
    float *inner = t->line + (from - cols.low);
    int64_t rows = 0;
    int add = 0;
    for (int64_t i = source * s->up - at; i < s->kh; i += s->up) {
        const int64_t r = (at + i) / s->up;
        if (at + i < 0 || r >= s->h)
            continue;
        if (column) {
            t->row[rows] = t->x + r * s->w + from;
            t->weight[rows++] = column[i];
        } else {
            if (width)
                memcpy(inner, t->x + r * s->w + from, (size_t)width * sizeof *inner);
            filter_line(k, s, cols, kernel + i * s->kw, t->line, out, add);
            add = 1;
        }
    }
    if (column && rows) {
        if (width)
            k->combine(width, rows, t->row, t->weight, inner);
        filter_line(k, s, cols, row, t->line, out, 0);
    } else if (!add) {
        memset(out, 0, (size_t)s->ow * sizeof *out);
    }
}

/* What the threads read and write; rows, weights and lines have room for each thread. */
typedef struct filter {
    const struct lt_resample_kernels *k;
    const lt_fir_shape *s;
    span cols;
    bool separable;
    const float *kernel, *x;
    float *factors, *lines, *weights, *out;
    const float **rows;
} filter;

static int64_t bands_of(const lt_fir_shape *s) { return lt_ceil_quotient(s->oh, BAND); }

static void filter_bands(void *arg, lt_range range)
{
    const filter *f = arg;
    const lt_fir_shape *s = f->s;
    const int64_t bands = bands_of(s);
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t plane = i / bands, first = i % bands * BAND;
        const int64_t last = first + BAND < s->oh ? first + BAND : s->oh;
        work t = {.row = f->rows + range.worker * s->kh,
                  .weight = f->weights + range.worker * s->kh,
                  .line = f->lines + range.worker * f->cols.count,
                  .x = f->x + plane * s->h * s->w};
        for (int64_t y = first; y < last; y++)
            output_row(f->k, s, f->cols, f->kernel, f->separable ? f->factors : NULL,
                       f->factors + s->kh, &t, y, f->out + (plane * s->oh + y) * s->ow);
    }
}

lt_status lt_fir_apply(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *x,
                       float *out)
{
    if (s->planes == 0 || s->oh <= 0 || s->ow <= 0)
        return LT_OK;
    const size_t threads = (size_t)ctx->threads;
    filter f = {.k = LT_ISA_SELECT(ctx, lt_resample_kernels),
                .s = s,
                .cols = columns_read(s),
                .kernel = kernel,
                .x = x,
                .out = out};
    const size_t line_floats = threads * (size_t)f.cols.count;
    f.factors = lt_scratch(ctx, (size_t)(s->kh + s->kw) * sizeof *f.factors);
    f.lines = lt_scratch(ctx, line_floats * sizeof *f.lines);
    f.rows = lt_scratch(ctx, threads * (size_t)s->kh * sizeof *f.rows);
    f.weights = lt_scratch(ctx, threads * (size_t)s->kh * sizeof *f.weights);
    const bool ok = f.factors && f.lines && f.rows && f.weights;
    if (ok) {
        f.separable = lt_fir_factor(s->kh, s->kw, kernel, f.factors, f.factors + s->kh);
        memset(f.lines, 0, line_floats * sizeof *f.lines);
        lt_for(ctx, ctx->threads, s->planes * bands_of(s), filter_bands, &f);
    }
    lt_scratch_free(ctx, f.weights);
    lt_scratch_free(ctx, f.rows);
    lt_scratch_free(ctx, f.lines);
    lt_scratch_free(ctx, f.factors);
    return ok ? LT_OK : LT_ERR_MEMORY;
}

/* The adjoint of a filter is a filter; this is its shape. */
static lt_fir_shape reverse(const lt_fir_shape *s)
{
    return (lt_fir_shape){
        .planes = s->planes,
        .h = s->oh,
        .w = s->ow,
        .oh = s->h,
        .ow = s->w,
        .kh = s->kh,
        .kw = s->kw,
        .up = s->down,
        .down = s->up,
        .pad_y = s->kh - 1 - s->pad_y,
        .pad_x = s->kw - 1 - s->pad_x,
    };
}

/* x[i] collects out[j] kernel[k] for all j down + k - pad = i up. This is a filter with the kernel
 * reversed, and up and down exchanged. */
lt_status lt_fir_adjoint(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *out,
                         float *x)
{
    const lt_fir_shape back = reverse(s);
    float *reversed = lt_scratch(ctx, (size_t)(s->kh * s->kw) * sizeof *reversed);
    if (!reversed)
        return LT_ERR_MEMORY;
    for (int64_t i = 0; i < s->kh * s->kw; i++)
        reversed[i] = kernel[s->kh * s->kw - 1 - i];
    const lt_status status = lt_fir_apply(ctx, &back, reversed, out, x);
    lt_scratch_free(ctx, reversed);
    return status;
}
