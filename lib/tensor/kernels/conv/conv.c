/* Convolution, adjoint and input gradient: by 1 x 1 loops, as 3 x 3 requests, or as tap
 * convolutions (conv_plan_impl.h). */
#include "tensor/kernels/conv/amx_conv_impl.h"
#include "tensor/kernels/conv/conv3_impl.h"
#include "tensor/kernels/conv/conv_impl.h"
#include "tensor/kernels/conv/conv_plan_impl.h"
#include "tensor/kernels/conv/pointwise_impl.h"
#include "tensor/kernels/conv/winograd_impl.h"
#include "tensor/team.h"

/* Floats of a packed tile: with a panel of weights about a megabyte of second-level cache. */
#define TILE_BUDGET (160 * 1024)

/* The tables of a plan, in one block of scratch memory that starts at cls. */
typedef struct tables {
    int32_t *dy, *dx, *w_tap, *phase, *py, *px, *tap;
    int64_t *out_offset, *w_out;
    lt_conv_class *cls;
} tables;

static bool tables_create(lt_ctx *ctx, int64_t taps, int64_t o, int64_t classes, tables *t)
{
    const size_t words = (size_t)taps;
    char *block =
        lt_scratch(ctx, (size_t)classes * sizeof(lt_conv_class) + 2 * (size_t)o * sizeof(int64_t) +
                            7 * words * sizeof(int32_t));
    if (!block)
        return false;
    t->cls = (lt_conv_class *)(void *)block;
    t->out_offset = (int64_t *)(void *)(t->cls + classes);
    t->w_out = t->out_offset + o;
    t->dy = (int32_t *)(void *)(t->w_out + o);
    t->dx = t->dy + words;
    t->w_tap = t->dx + words;
    t->phase = t->w_tap + words;
    t->py = t->phase + words;
    t->px = t->py + words;
    t->tap = t->px + words;
    return true;
}

/* Hands the tables to the plan. cls, dy, dx, w_tap and tap are filled in already. */
static void plan_tables(lt_conv_plan *p, tables *t, int64_t taps)
{
    p->in.taps = taps;
    p->in.dy = t->dy;
    p->in.dx = t->dx;
    p->in.phase = t->phase;
    p->in.py = t->py;
    p->in.px = t->px;
    p->out_offset = t->out_offset;
    p->w_out = t->w_out;
    p->w_tap = t->w_tap;
    p->cls = t->cls;
    lt_conv_view_taps(&p->in);
}

/* With a single tap that reads and writes the same pixel, the image is treated as one long row. */
static void flatten_pixels(lt_conv_plan *p)
{
    lt_conv_view *v = &p->in;
    if (v->taps != 1 || v->dy[0] != 0 || v->dx[0] != 0 || v->step != 1 || p->os != 1)
        return;
    if (v->h != p->out_h || v->w != p->out_w || p->classes != 1)
        return;
    v->w = v->qw = p->out_w = p->cls[0].qw = v->h * v->w;
    v->h = v->qh = p->out_h = p->cls[0].qh = 1;
}

static lt_status plan_run(lt_conv_plan *p)
{
    p->k = LT_ISA_SELECT(p->ctx, lt_conv_kernels);
    flatten_pixels(p);
    lt_conv_view_tiles(&p->in, TILE_BUDGET, true, p->k->lanes);
    return lt_conv_run(p);
}

/* The map, or its adjoint, as a 3 x 3 request. */
static lt_conv3 conv3_of(const lt_conv_shape *s, bool adjoint, const float *in, const float *scale,
                         const float *weight, const float *bias, float *out)
{
    lt_conv3 q = {
        .kind = s->stride == 1 ? LT_CONV3_SAME : LT_CONV3_DOWN,
        .n = s->n,
        .c = s->c,
        .h = s->h,
        .w = s->w,
        .o = s->o,
        .oh = s->oh,
        .ow = s->ow,
        .pad = s->pad,
        .w_out = s->w_small,
        .w_in = s->w_big,
        .in = in,
        .scale = scale,
        .weight = weight,
        .bias = bias,
        .out = out,
    };
    if (!adjoint)
        return q;
    q.c = s->o, q.h = s->oh, q.w = s->ow;
    q.o = s->c, q.oh = s->h, q.ow = s->w;
    q.w_out = s->w_big, q.w_in = s->w_small;
    if (s->stride == 1) {
        q.pad = 2 - s->pad;
        q.flip = true;
    } else {
        q.kind = LT_CONV3_UP;
    }
    return q;
}

/* The way to run a convolution of shape `s` that is `q` as a 3 x 3 request; NULL where it is no
 * such request or the general convolution is faster. */
static lt_conv3_run *conv3_way(const lt_ctx *ctx, const lt_conv_shape *s, const lt_conv3 *q)
{
    if (s->kh != 3 || s->kw != 3 || s->stride > 2 || s->pad > 2)
        return NULL;
    if (lt_amx_conv_pays(ctx, q))
        return lt_amx_conv_run;
    const bool winograd = lt_winograd_pays(ctx, q) && (!q->with || lt_winograd_sums(ctx, q));
    return winograd ? lt_winograd_run : NULL;
}

lt_status lt_conv_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, const lt_bias_act_planes *act,
                        float *small)
{
    lt_conv3 fast = conv3_of(s, false, big, scale, weight, bias, small);
    fast.act = act;
    lt_conv3_run *run = conv3_way(ctx, s, &fast);
    if (run)
        return run(ctx, &fast);
    if (!act && lt_pointwise_fits(s)) {
        lt_pointwise_apply(ctx, s, big, scale, weight, bias, small);
        return LT_OK;
    }

    tables t;
    const int64_t taps = s->kh * s->kw;
    if (s->n == 0 || s->o == 0 || s->oh == 0 || s->ow == 0)
        return LT_OK;
    if (!tables_create(ctx, taps, s->o, 1, &t))
        return LT_ERR_MEMORY;
    lt_conv_plan p = {
        .ctx = ctx,
        .in = {.n = s->n,
               .c = s->c,
               .h = s->h,
               .w = s->w,
               .step = s->stride,
               .qh = s->oh,
               .qw = s->ow},
        .input = big,
        .scale = scale,
        .o = s->o,
        .out_n = s->o * s->oh * s->ow,
        .out_h = s->oh,
        .out_w = s->ow,
        .os = 1,
        .bias = bias,
        .out = small,
        .weight = weight,
        .w_in = s->w_big,
        .classes = 1,
    };
    for (int64_t i = 0; i < taps; i++) {
        t.dy[i] = (int32_t)(i / s->kw - s->pad);
        t.dx[i] = (int32_t)(i % s->kw - s->pad);
        t.w_tap[i] = t.tap[i] = (int32_t)i;
    }
    for (int64_t o = 0; o < s->o; o++) {
        t.out_offset[o] = o * s->oh * s->ow;
        t.w_out[o] = o * s->w_small;
    }
    t.cls[0] = (lt_conv_class){.taps = taps, .tap = t.tap, .qh = s->oh, .qw = s->ow};
    plan_tables(&p, &t, taps);
    const lt_status status = plan_run(&p);
    lt_scratch_free(ctx, t.cls);
    if (act && status == LT_OK)
        lt_bias_act_apply(ctx, act, small, small);
    return status;
}

/* The adjoint where patches neither overlap nor leave gaps: there is one tap, and every (channel,
 * row, column) of a patch is an output channel of its own. */
static lt_status adjoint_patches(lt_ctx *ctx, const lt_conv_shape *s, const float *small,
                                 const float *scale, const float *weight, float *big)
{
    tables t;
    const int64_t patch = s->kh * s->kw;
    if (!tables_create(ctx, 1, s->c * patch, 1, &t))
        return LT_ERR_MEMORY;
    lt_conv_plan p = {
        .ctx = ctx,
        .in = {.n = s->n, .c = s->o, .h = s->oh, .w = s->ow, .step = 1, .qh = s->oh, .qw = s->ow},
        .input = small,
        .scale = scale,
        .o = s->c * patch,
        .out_n = s->c * s->h * s->w,
        .out_h = s->h,
        .out_w = s->w,
        .os = s->stride,
        .out = big,
        .weight = weight,
        .w_in = s->w_small,
        .classes = 1,
    };
    t.dy[0] = t.dx[0] = t.w_tap[0] = t.tap[0] = 0;
    for (int64_t i = 0; i < p.o; i++) {
        const int64_t c = i / patch, at = i % patch;
        t.out_offset[i] = c * s->h * s->w + at / s->kw * s->w + at % s->kw;
        t.w_out[i] = c * s->w_big + at;
    }
    t.cls[0] = (lt_conv_class){.taps = 1, .tap = t.tap, .qh = s->oh, .qw = s->ow};
    plan_tables(&p, &t, 1);
    const lt_status status = plan_run(&p);
    lt_scratch_free(ctx, t.cls);
    return status;
}

lt_status lt_conv_adjoint(lt_ctx *ctx, const lt_conv_shape *s, const float *small,
                          const float *scale, const float *weight, const float *bias, float *big)
{
    const lt_conv3 fast = conv3_of(s, true, small, scale, weight, bias, big);
    lt_conv3_run *run = conv3_way(ctx, s, &fast);
    if (run)
        return run(ctx, &fast);

    tables t;
    const int64_t taps = s->kh * s->kw;
    const int64_t step = s->stride;
    if (s->n == 0 || s->c == 0 || s->h == 0 || s->w == 0)
        return LT_OK;
    if (step > 1 && s->kh == step && s->kw == step && s->pad == 0 && s->h == s->oh * step &&
        s->w == s->ow * step && !bias)
        return adjoint_patches(ctx, s, small, scale, weight, big);

    const int64_t across = lt_lesser(step, s->w), classes = lt_lesser(step, s->h) * across;
    if (!tables_create(ctx, taps, s->c, classes, &t))
        return LT_ERR_MEMORY;
    lt_conv_plan p = {
        .ctx = ctx,
        .in = {.n = s->n, .c = s->o, .h = s->oh, .w = s->ow, .step = 1},
        .input = small,
        .scale = scale,
        .o = s->c,
        .out_n = s->c * s->h * s->w,
        .out_h = s->h,
        .out_w = s->w,
        .os = step,
        .bias = bias,
        .out = big,
        .weight = weight,
        .w_in = s->w_small,
        .classes = classes,
    };
    /* Along one axis, pixel q step + r receives tap i from place q + (r + pad - i) / step, for the
     * taps i that leave no remainder. Taps are listed class by class, in the order of the input's
     * pixels. */
    int64_t used = 0;
    for (int64_t j = 0; j < classes; j++) {
        const int64_t ry = j / across, rx = j % across;
        lt_conv_class *cls = &t.cls[j];
        *cls = (lt_conv_class){.tap = t.tap + used, .ry = ry, .rx = rx};
        cls->qh = lt_ceil_quotient(s->h - ry, step);
        cls->qw = lt_ceil_quotient(s->w - rx, step);
        p.in.qh = lt_greater(p.in.qh, cls->qh);
        p.in.qw = lt_greater(p.in.qw, cls->qw);
        for (int64_t i = taps - 1; i >= 0; i--) {
            const int64_t y = ry + s->pad - i / s->kw, x = rx + s->pad - i % s->kw;
            if (y % step || x % step)
                continue;
            t.dy[used] = (int32_t)(y / step);
            t.dx[used] = (int32_t)(x / step);
            t.w_tap[used] = (int32_t)i;
            t.tap[used] = (int32_t)used;
            cls->taps++;
            used++;
        }
    }
    for (int64_t c = 0; c < s->c; c++) {
        t.out_offset[c] = c * s->h * s->w;
        t.w_out[c] = c * s->w_big;
    }
    plan_tables(&p, &t, used);
    const lt_status status = plan_run(&p);
    lt_scratch_free(ctx, t.cls);
    return status;
}

struct scaling {
    const struct lt_conv_kernels *k;
    int64_t size;
    const float *scale;
    float *g;
    const float *x;
    float *total;
};

static void scale_planes(void *arg, lt_range range)
{
    const struct scaling *j = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        float *g = j->g + i * j->size;
        if (j->total)
            j->total[i] = (float)j->k->dot_scale(j->size, g, j->x + i * j->size, j->scale[i], 1);
        else
            j->k->scale(j->size, g, j->scale[i]);
    }
}

/* For every plane i: total[i] = sum of g * x, unless total is NULL; then g *= scale[i]. */
static void scale_grad(lt_ctx *ctx, int64_t planes, int64_t size, const float *scale, float *g,
                       const float *x, float *total)
{
    struct scaling j = {LT_ISA_SELECT(ctx, lt_conv_kernels), size, scale, g, x, total};
    lt_for(ctx, ctx->threads, planes, scale_planes, &j);
}

bool lt_conv_input_grad_adds(const lt_conv_shape *s, bool transposed)
{
    return !transposed && lt_pointwise_fits(s);
}

lt_status lt_conv_input_grad(lt_ctx *ctx, const lt_conv_shape *s, bool transposed, const float *gy,
                             const float *weight, const float *x, const float *scale, bool add,
                             float *gx, float *gscale)
{
    if (lt_conv_input_grad_adds(s, transposed))
        return lt_pointwise_input_grad(ctx, s, gy, weight, x, scale, add, gx, gscale);

    lt_conv3 fast = conv3_of(s, !transposed, gy, NULL, weight, NULL, gx);
    fast.out_scale = scale;
    fast.with = gscale ? x : NULL;
    fast.dot = gscale;
    lt_conv3_run *run = conv3_way(ctx, s, &fast);
    if (run)
        return run(ctx, &fast);
    const lt_status status = transposed ? lt_conv_apply(ctx, s, gy, NULL, weight, NULL, NULL, gx)
                                        : lt_conv_adjoint(ctx, s, gy, NULL, weight, NULL, gx);
    if (status == LT_OK && scale)
        scale_grad(ctx, fast.n * fast.o, fast.oh * fast.ow, scale, gx, x, gscale);
    return status;
}

struct bias_grad {
    const struct lt_conv_kernels *k;
    int64_t n, c, size;
    const float *g;
    float *db;
};

static void sum_channels(void *arg, lt_range range)
{
    const struct bias_grad *b = arg;
    for (int64_t j = range.begin; j < range.end; j++) {
        double sum = 0;
        for (int64_t i = 0; i < b->n; i++)
            sum += b->k->sum(b->size, b->g + (i * b->c + j) * b->size);
        b->db[j] = (float)sum;
    }
}

void lt_conv_bias_grad(lt_ctx *ctx, int64_t n, int64_t c, int64_t size, const float *g, float *db)
{
    struct bias_grad b = {LT_ISA_SELECT(ctx, lt_conv_kernels), n, c, size, g, db};
    lt_for(ctx, ctx->threads, c, sum_channels, &b);
}
