/* Blurs: separable filters without resampling. The tail of the layer, or the gradient of the tail
 * before a blur, is computed in the same pass over the memory. */
#include "tensor/kernels/resample/resample_impl.h"

#include "tensor/kernels/tail.h"
#include "tensor/kernels/resample/resample_kernels.h"
#include "tensor/team.h"

enum {
    BAND = 64, /* rows of output that a thread takes at a time */
    LINE = 16, /* rows of work space are rounded up to so many floats */
};

bool lt_blur_of(const lt_fir_shape *s, const float *kernel, lt_blur *b)
{
    if (s->up != 1 || s->down != 1 || s->kh > LT_BLUR_TAPS || s->kw > LT_BLUR_TAPS)
        return false;
    if (s->pad_y < 0 || s->pad_y >= s->kh || s->oh > s->h)
        return false;
    *b = (lt_blur){.planes = s->planes,
                   .h = s->h,
                   .w = s->w,
                   .oh = s->oh,
                   .ow = s->ow,
                   .pad_y = s->pad_y,
                   .pad_x = s->pad_x,
                   .rows = (int)s->kh,
                   .columns = (int)s->kw};
    return lt_fir_factor(s->kh, s->kw, kernel, b->column, b->row);
}

/* For the adjoint: incoming rows are gradients of y, and become gradients of the values that the
 * tail made y of. */
typedef struct before {
    const lt_bias_act_planes *act;
    const float *y;
    lt_bias_act_sums *sums; /* (planes, bands) */
} before;

/* A pass over all planes: from x, changed by `in` unless NULL, to out, with the tail `act` unless
 * NULL. */
typedef struct pass {
    const lt_blur *b;
    const struct lt_resample_kernels *k;
    const struct lt_bias_act_kernels *ka;
    const float *x;
    const before *in;
    const lt_bias_act_planes *act;
    float *out;
    bool stream;
    float *work; /* a work space for each thread */
} pass;

static int64_t bands_of(const lt_blur *b) { return lt_ceil_quotient(b->oh, BAND); }

static int64_t line_of(int64_t width) { return lt_ceil_quotient(width, LINE) * LINE; }

/* Floats of a thread's work space: the last rows that came in, filtered along themselves, and one
 * row that is not filtered yet. */
static int64_t work_floats(const lt_blur *b) { return b->rows * line_of(b->ow) + line_of(b->w); }

/* Filters along a row near its ends: to[j] = sum over t of row[t] from[j + t - pad_x] for first <=
 * j < last, where `from` counts as zero outside of the row. */
static void filter_edge(const lt_blur *b, const float *from, int64_t first, int64_t last, float *to)
{
    for (int64_t j = first; j < last; j++) {
        to[j] = 0;
        for (int64_t t = 0; t < b->columns; t++) {
            const int64_t i = j + t - b->pad_x;
            if (i >= 0 && i < b->w)
                to[j] += b->row[t] * from[i];
        }
    }
}

static void filter_row(const pass *p, const float *from, float *to)
{
    const lt_blur *b = p->b;
    const int64_t low = lt_lesser(b->pad_x < 0 ? 0 : b->pad_x, b->ow),
                  inside = lt_lesser(b->w - b->columns + b->pad_x + 1, b->ow);
    const int64_t high = inside < low ? low : inside;
    filter_edge(b, from, 0, low, to);
    if (high > low)
        p->k->fir(high - low, b->columns, b->row, 1, from + low - b->pad_x, 1, to + low, 1, 0);
    filter_edge(b, from, high, b->ow, to);
}

/* Row r of a plane, ready to be filtered. With `counts` the row belongs to this band, whose sums it
 * is added to; neighbouring bands see it, too. */
static const float *take_row(const pass *p, int64_t plane, int64_t r, bool counts, float *room,
                             lt_bias_act_sums *sums)
{
    const int64_t at = (plane * p->b->h + r) * p->b->w;
    if (!p->in)
        return p->x + at;
    const lt_bias_act_plane of =
        lt_bias_act_part(lt_bias_act_plane_of(p->in->act, plane), r * p->b->w, p->b->w);
    const lt_bias_act_sums part = p->ka->backward(&of, NULL, p->in->y + at, p->x + at, room);
    if (counts)
        lt_bias_act_add(sums, &part);
    return room;
}

static void run_band(const pass *p, int64_t index, float *work)
{
    const lt_blur *b = p->b;
    const int64_t bands = bands_of(b), plane = index / bands, first = index % bands * BAND,
                  last = lt_lesser(first + BAND, b->oh);
    const int64_t pitch = line_of(b->ow);
    float *room = work + b->rows * pitch;
    lt_bias_act_sums sums = {0, 0, 0};
    const float *noise = NULL;
    lt_tail tail =
        lt_tail_of(NULL, NULL, p->act, p->act ? p->act->c : 1, p->act ? plane : 0, &noise);
    tail.stream = p->stream;
    int64_t next = first > b->pad_y ? first - b->pad_y : 0;
    for (int64_t y = first; y < last; y++) {
        const float *row[LT_BLUR_TAPS];
        float weight[LT_BLUR_TAPS];
        const int64_t top = y - b->pad_y, end = lt_lesser(top + b->rows, b->h);
        for (; next < end; next++)
            filter_row(p, take_row(p, plane, next, next >= first && next < last, room, &sums),
                       work + next % b->rows * pitch);
        int taps = 0;
        for (int64_t r = top < 0 ? 0 : top; r < end; r++, taps++) {
            row[taps] = work + r % b->rows * pitch;
            weight[taps] = b->column[r - top];
        }
        p->k->blend(b->ow, taps, row, weight, &tail, noise ? noise + y * b->ow : NULL,
                    p->out + (plane * b->oh + y) * b->ow);
    }
    if (p->in)
        p->in->sums[index] = sums;
    if (p->stream)
        p->k->stream_end();
}

static void run_bands(void *arg, lt_range range)
{
    const pass *p = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        run_band(p, i, p->work + range.worker * work_floats(p->b));
}

static lt_status run(lt_ctx *ctx, const lt_blur *b, const float *x, const before *in,
                     const lt_bias_act_planes *act, float *out)
{
    if (b->planes == 0 || b->oh <= 0 || b->ow <= 0)
        return LT_OK;
    pass p = {.b = b,
              .k = LT_ISA_SELECT(ctx, lt_resample_kernels),
              .ka = LT_ISA_SELECT(ctx, lt_bias_act_kernels),
              .x = x,
              .in = in,
              .act = act,
              .out = out,
              .stream = lt_large(b->planes * b->oh * b->ow) && b->ow >= 2 * LINE};
    p.work = lt_scratch(ctx, (size_t)(ctx->threads * work_floats(b)) * sizeof *p.work);
    if (!p.work)
        return LT_ERR_MEMORY;
    lt_for(ctx, ctx->threads, b->planes * bands_of(b), run_bands, &p);
    lt_scratch_free(ctx, p.work);
    return LT_OK;
}

lt_status lt_blur_apply(lt_ctx *ctx, const lt_blur *b, const float *x,
                        const lt_bias_act_planes *act, float *out)
{
    return run(ctx, b, x, NULL, act, out);
}

/* The adjoint of a blur is a blur with its taps reversed. */
static lt_blur reverse(const lt_blur *b)
{
    lt_blur back = *b;
    back.h = b->oh, back.w = b->ow, back.oh = b->h, back.ow = b->w;
    back.pad_y = b->rows - 1 - b->pad_y, back.pad_x = b->columns - 1 - b->pad_x;
    for (int t = 0; t < b->rows; t++)
        back.column[t] = b->column[b->rows - 1 - t];
    for (int t = 0; t < b->columns; t++)
        back.row[t] = b->row[b->columns - 1 - t];
    return back;
}

lt_status lt_blur_act_adjoint(lt_ctx *ctx, const lt_blur *b, const lt_bias_act_planes *act,
                              const float *y, const float *gy, float *gx, lt_bias_act_sums *sums)
{
    const lt_blur back = reverse(b);
    const int64_t bands = bands_of(&back);
    before in = {
        .act = act, .y = y, .sums = lt_scratch(ctx, (size_t)(b->planes * bands) * sizeof *in.sums)};
    if (!in.sums)
        return LT_ERR_MEMORY;
    const lt_status status = run(ctx, &back, gy, &in, NULL, gx);
    for (int64_t i = 0; status == LT_OK && i < b->planes; i++) {
        sums[i] = (lt_bias_act_sums){0, 0, 0};
        for (int64_t j = 0; j < bands; j++)
            lt_bias_act_add(&sums[i], &in.sums[i * bands + j]);
    }
    lt_scratch_free(ctx, in.sums);
    return status;
}
