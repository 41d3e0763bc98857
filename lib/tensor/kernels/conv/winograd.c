/* Execution of 3 x 3 convolutions by Winograd's transforms: groups of tiles, one product per point.
 *
 * Tiles are numbered through rows and samples; L of them, one per lane, make a vector. Up to three
 * vectors make a group, the width of the convolution kernel's product: at each point, the weights
 * (o, c) are multiplied with the group's inputs (c, 3 L).
 *
 * Transformed inputs and weights are larger than plain ones and should be used while they are in
 * the caches. Whichever of the two takes less memory is the passing side and is transformed first,
 * by all threads. The kept side is transformed by the thread that uses it, right before: groups of
 * tiles where there are many tiles, panels of output channels where there are many weights. */
#include "tensor/kernels/conv/winograd_impl.h"

#include <string.h>

#include "tensor/kernels/conv/conv_kernels.h"
#include "tensor/kernels/tail.h"
#include "tensor/kernels/conv/winograd_kernels.h"
#include "tensor/team.h"

enum {
    COPIED_ROW = LT_WINOGRAD_STEP * (LT_CONV_MAX_LANES + 1), /* floats of a row of L tiles */
    SKEW = 16,     /* floats between points that keep them off the same cache sets */
    TOGETHER = 64, /* output channels that a thread takes at a time where it takes panels, */
    FEW_INPUTS =
        3 << 19,   /* but one panel where the transformed inputs are no more floats than this:
                      its weights stay in the caches, and all inputs are read more often */
    CHANNELS = 32, /* input channels that a thread transforms at a time */
    AHEAD = 4,     /* input channels by which weights are fetched ahead */
};

/* With fewer channels or tiles the transforms cost more than they save; measured with 512
 * channels. */
enum { MIN_CHANNELS = 16, MIN_TILES_SAME = 16, MIN_TILES_DOWN = 64, MIN_TILES_UP = 64 };

typedef struct plan {
    const lt_conv3 *q;
    const struct lt_winograd_scheme *scheme;
    const struct lt_conv_kernels *product;
    int lanes;
    int64_t down, across;        /* tiles of a sample, along columns and along rows */
    int64_t tiles, vectors;      /* of all samples */
    int64_t in_shift, out_shift; /* see lt_conv3_in_shift() */
    int64_t groups, panels;
    int64_t u_step, v_step, m_step; /* floats from point to point of weights, inputs, products */
    int64_t together;               /* panels that a thread takes at a time where it takes panels */
    const int32_t *offset;          /* (c) where each channel of a group's inputs starts */
    double *partial;                /* (vectors, o) sums of out times `with` */
    bool stream;                    /* outputs go past the caches */
} plan;

static plan plan_of(const lt_ctx *ctx, const lt_conv3 *q)
{
    const struct lt_winograd_stride1_kernels *k1 = LT_ISA_SELECT(ctx, lt_winograd_stride1_kernels);
    const struct lt_winograd_stride2_kernels *k2 = LT_ISA_SELECT(ctx, lt_winograd_stride2_kernels);
    plan p = {.q = q, .product = LT_ISA_SELECT(ctx, lt_conv_kernels), .lanes = k1->lanes};
    p.scheme = q->kind == LT_CONV3_SAME ? &k1->same : q->kind == LT_CONV3_UP ? &k2->up : &k2->down;
    p.in_shift = lt_conv3_in_shift(q);
    p.out_shift = lt_conv3_out_shift(q);
    p.down = lt_ceil_quotient(q->oh + p.out_shift, p.scheme->out_step);
    p.across = lt_ceil_quotient(q->ow + p.out_shift, p.scheme->out_step);
    p.tiles = q->n * p.down * p.across;
    p.vectors = lt_ceil_quotient(p.tiles, p.lanes);
    p.stream = p.out_shift == 0 && p.across % p.lanes == 0 &&
               lt_streams(q->n * q->o * q->oh * q->ow, q->ow, q->out);
    return p;
}

bool lt_winograd_pays(const lt_ctx *ctx, const lt_conv3 *q)
{
    if (q->c < MIN_CHANNELS || q->o < MIN_CHANNELS)
        return false;
    const plan p = plan_of(ctx, q);
    /* Lanes without a tile and outputs past the edges cost time, too. */
    const int64_t area = (int64_t)p.scheme->out_step * p.scheme->out_step;
    const int64_t least = q->kind == LT_CONV3_SAME   ? MIN_TILES_SAME
                          : q->kind == LT_CONV3_DOWN ? MIN_TILES_DOWN
                                                     : MIN_TILES_UP;
    return p.tiles >= least && 2 * p.vectors * p.lanes * area <= 3 * q->n * q->oh * q->ow;
}

/* Tiles within one vector that are neighbours in a row of the image. */
typedef struct run {
    int64_t n, y, x; /* sample, row and column of the first tile */
    int64_t lane, count;
} run;

/* The run of vector `index` that starts at `lane`. Past the last tile its count is 0. */
static run run_at(const plan *p, int64_t index, int64_t lane)
{
    const int64_t tile = index * p->lanes + lane;
    run r = {.n = tile / (p->down * p->across),
             .y = tile / p->across % p->down,
             .x = tile % p->across,
             .lane = lane};
    r.count = tile < p->tiles ? lt_lesser(p->lanes - lane, p->across - r.x) : 0;
    return r;
}

/* Copies `count` columns from x on of row y, times scale; places outside of the image become
 * zero. */
static void copy_row(const lt_conv3 *q, const float *plane, float scale, int64_t y, int64_t x,
                     int64_t count, float *dst)
{
    int64_t from = x < 0 ? lt_lesser(-x, count) : 0;
    const int64_t to = lt_lesser(count, q->w - x);
    if (y < 0 || y >= q->h || to <= from) {
        memset(dst, 0, (size_t)count * sizeof *dst);
        return;
    }
    const float *src = plane + y * q->w + x;
    memset(dst, 0, (size_t)from * sizeof *dst);
    for (; from < to; from++)
        dst[from] = scale * src[from];
    memset(dst + to, 0, (size_t)(count - to) * sizeof *dst);
}

/* Transforms channel c of vector `index` to v. Vectors that lie inside of the image read it
 * directly, others by way of copied rows. */
static void input_vector(const plan *p, int64_t index, int64_t c, float *v)
{
    const lt_conv3 *q = p->q;
    const int64_t step = p->scheme->in_step, rows = p->scheme->in_rows;
    const float *near[LT_WINOGRAD_ROWS], *far[LT_WINOGRAD_ROWS];
    float copy[2][LT_WINOGRAD_ROWS][COPIED_ROW];
    run r = run_at(p, index, 0);
    const float *plane = q->in + (r.n * q->c + c) * q->h * q->w;
    const int64_t y0 = r.y * step - p->in_shift, x0 = r.x * step - p->in_shift;

    if (r.count == p->lanes && x0 >= 0 && x0 + (p->lanes + 1) * step <= q->w && y0 >= 0 &&
        y0 + rows <= q->h) {
        for (int64_t i = 0; i < rows; i++) {
            near[i] = plane + (y0 + i) * q->w + x0;
            far[i] = near[i] + step;
            /* The processor's own prefetching does not find the next channel: it is too far
             * away. */
            if (c + 1 < q->c)
                for (int64_t j = 0; j < p->lanes * step; j += 16)
                    __builtin_prefetch(near[i] + q->h * q->w + j);
        }
        p->scheme->input(near, far, q->scale ? q->scale[r.n * q->c + c] : 1.0f, v, p->v_step);
        return;
    }
    while (r.count > 0) {
        plane = q->in + (r.n * q->c + c) * q->h * q->w;
        const float scale = q->scale ? q->scale[r.n * q->c + c] : 1.0f;
        for (int64_t i = 0; i < rows; i++) {
            const int64_t y = r.y * step - p->in_shift + i, x = r.x * step - p->in_shift;
            copy_row(q, plane, scale, y, x, (r.count + 1) * step, copy[0][i] + r.lane * step);
            if (r.count < p->lanes)
                copy_row(q, plane, scale, y, x + step, r.count * step, copy[1][i] + r.lane * step);
        }
        if (r.lane + r.count == p->lanes)
            break;
        r = run_at(p, index, r.lane + r.count);
    }
    const int64_t used = (r.lane + r.count) * step, idle = p->lanes * step - used;
    for (int64_t i = 0; i < rows; i++) {
        memset(copy[0][i] + used, 0, (size_t)idle * sizeof(float));
        memset(copy[1][i] + used, 0, (size_t)idle * sizeof(float));
        near[i] = copy[0][i];
        far[i] = r.count == p->lanes ? near[i] + step : copy[1][i];
    }
    p->scheme->input(near, far, 1.0f, v, p->v_step);
}

/* Applies the tail to outputs [at, at + count) of a plane, whose bias is already added, as the
 * kernel does it elsewhere. Returns their sum with q->with. */
static double finish_edge(const lt_conv3 *q, int64_t plane, int64_t at, int64_t count,
                          const float *from)
{
    const float *with = q->with ? q->with + plane * q->oh * q->ow + at : NULL, *noise;
    lt_tail tail = lt_tail_of(NULL, q->out_scale, q->act, q->o, plane, &noise);
    return lt_tail_finish_few(&tail, with, noise ? noise + at : NULL, count, from,
                              q->out + plane * q->oh * q->ow + at);
}

/* Makes outputs of the products of output channel o of vector `index`, and writes those that lie
 * inside of the image. */
static void output_vector(const plan *p, int64_t index, int64_t o, const float *m)
{
    const lt_conv3 *q = p->q;
    const int64_t step = p->scheme->out_step;
    float *y[LT_WINOGRAD_STEP], copy[LT_WINOGRAD_STEP][COPIED_ROW];
    run r = run_at(p, index, 0);
    const int64_t plane = r.n * q->o + o;
    const int64_t y0 = r.y * step - p->out_shift, x0 = r.x * step - p->out_shift;
    const float *plane_noise;
    lt_tail tail = lt_tail_of(q->bias, q->out_scale, q->act, q->o, plane, &plane_noise);

    if (r.count == p->lanes && x0 >= 0 && x0 + p->lanes * step <= q->ow && y0 >= 0 &&
        y0 + step <= q->oh) {
        const float *with[LT_WINOGRAD_STEP], *noise[LT_WINOGRAD_STEP];
        for (int64_t i = 0; i < step; i++) {
            const int64_t at = (y0 + i) * q->ow + x0;
            y[i] = q->out + plane * q->oh * q->ow + at;
            with[i] = q->with ? q->with + plane * q->oh * q->ow + at : NULL;
            noise[i] = plane_noise ? plane_noise + at : NULL;
        }
        const lt_winograd_beside beside = {.with = q->with ? with : NULL,
                                           .noise = plane_noise ? noise : NULL};
        tail.stream = p->stream;
        const float dot = p->scheme->output(m, p->m_step, &tail, &beside, y);
        if (q->with)
            p->partial[index * q->o + o] = (double)dot;
        return;
    }
    for (int64_t i = 0; i < step; i++)
        y[i] = copy[i];
    tail = (lt_tail){.bias = tail.bias, .scale = 1.0f};
    p->scheme->output(m, p->m_step, &tail, &(lt_winograd_beside){0}, y);
    double dot = 0;
    while (r.count > 0) {
        const int64_t top = r.y * step - p->out_shift, left = r.x * step - p->out_shift;
        const int64_t skip = left < 0 ? -left : 0,
                      count = lt_lesser(r.count * step, q->ow - left) - skip;
        for (int64_t i = top < 0 ? -top : 0; i < lt_lesser(step, q->oh - top); i++)
            dot += finish_edge(q, r.n * q->o + o, (top + i) * q->ow + left + skip, count,
                               copy[i] + r.lane * step + skip);
        if (r.lane + r.count == p->lanes)
            break;
        r = run_at(p, index, r.lane + r.count);
    }
    if (q->with)
        p->partial[index * q->o + o] = dot;
}

/* Transforms the weights of a panel to u (matrix, c, M). */
static void transform_weights(const plan *p, int64_t panel, float *u)
{
    const lt_conv3 *q = p->q;
    const int64_t m = p->product->panel;
    const bool flip = lt_conv3_flipped(q);
    const int count = (int)lt_lesser(m, q->o - panel * m);
    const float *from = q->weight + panel * m * q->w_out + (flip ? 8 : 0);
    for (int64_t c = 0; c < q->c; c++, from += q->w_in) {
        /* An adjoint's weights lie far apart from one input channel to the next. */
        if (q->w_in > q->w_out && c + AHEAD < q->c)
            for (int i = 0; i < count; i++)
                __builtin_prefetch(from + i * q->w_out + AHEAD * q->w_in);
        p->scheme->weights(count, from, q->w_out, flip ? -1 : 1, u + c * m, p->u_step);
    }
}

/* Neighbouring vectors that are multiplied together. */
typedef struct group {
    int64_t first;
    int vectors;
} group;

static group group_at(const plan *p, int64_t index)
{
    const int64_t first = p->vectors * index / p->groups;
    return (group){first, (int)(p->vectors * (index + 1) / p->groups - first)};
}

/* Floats from one channel of a group's transformed tiles to the next channel. */
static int64_t width(const plan *p) { return LT_CONV_VECTORS * p->lanes; }

/* Transforms channels [begin, end) of a group's inputs to v (point, c, 3 L). */
static void transform_inputs(const plan *p, group b, int64_t begin, int64_t end, float *v)
{
    for (int64_t c = begin; c < end; c++)
        for (int i = 0; i < b.vectors; i++)
            input_vector(p, b.first + i, c, v + c * width(p) + i * p->lanes);
}

/* Makes outputs of a group's products m (point, end - begin, 3 L) for output channels [begin,
 * end). */
static void transform_outputs(const plan *p, group b, int64_t begin, int64_t end, const float *m)
{
    for (int64_t o = begin; o < end; o++)
        for (int i = 0; i < b.vectors; i++)
            output_vector(p, b.first + i, o, m + (o - begin) * width(p) + i * p->lanes);
}

/* The products of one point: m (panels, M, 3 L) = weights u (panels, c, M) times a group's inputs v
 * (c, 3 L). */
static void multiply(const plan *p, int64_t panels, const float *u, const float *v, int vectors,
                     float *m)
{
    const int64_t start[LT_CONV_VECTORS] = {0, p->lanes, 2 * p->lanes}, c = p->q->c,
                  panel = p->product->panel;
    for (int64_t i = 0; i < panels; i++)
        p->product->product(c, u + i * c * panel, v, p->offset, start, vectors,
                            m + i * panel * width(p));
}

/* Computes the outputs of group `index`, with the weights u of all panels. The thread's work space:
 * v (point, c, 3 L) for inputs, m (point, o, 3 L) for products. */
static void run_group(const plan *p, int64_t index, const float *u, float *v, float *m)
{
    const group b = group_at(p, index);
    transform_inputs(p, b, 0, p->q->c, v);
    for (int64_t point = 0; point < p->scheme->points; point++)
        multiply(p, p->panels, u + p->scheme->matrix_of[point] * p->u_step, v + point * p->v_step,
                 b.vectors, m + point * p->m_step);
    transform_outputs(p, b, 0, p->q->o, m);
    if (p->stream)
        p->scheme->stream_end();
}

/* Where the threads work: what they share, and a work space for each, `room` floats apart. */
typedef struct spaces {
    const plan *p;
    float *shared, *work;
    int64_t room;
} spaces;

static void weights_of_panels(void *arg, lt_range range)
{
    const spaces *s = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        transform_weights(s->p, i, s->shared + i * s->p->q->c * s->p->product->panel);
}

static void run_groups(void *arg, lt_range range)
{
    const spaces *s = arg;
    float *v = s->work + range.worker * s->room;
    for (int64_t i = range.begin; i < range.end; i++)
        run_group(s->p, i, s->shared, v, v + s->p->scheme->points * s->p->v_step);
}

/* Many tiles: the weights pass, and threads take groups. */
static bool run_by_groups(lt_ctx *ctx, plan *p)
{
    const lt_conv3 *q = p->q;
    const int64_t panel = p->product->panel, points = p->scheme->points;
    const int threads = ctx->threads;
    p->groups = lt_lesser(p->vectors,
                          lt_ceil_quotient(lt_ceil_quotient(p->vectors, LT_CONV_VECTORS), threads) *
                              threads);
    p->u_step = p->panels * q->c * panel + SKEW;
    p->v_step = q->c * width(p) + SKEW;
    p->m_step = p->panels * panel * width(p) + SKEW;
    const int64_t room = points * (p->v_step + p->m_step);
    float *u = lt_scratch(ctx, sizeof(float) * (size_t)(p->scheme->matrices * p->u_step));
    float *work = lt_scratch(ctx, sizeof(float) * (size_t)(threads * room));
    const bool ok = u && work;
    if (ok) {
        spaces s = {p, u, work, room};
        lt_for(ctx, threads, p->panels, weights_of_panels, &s);
        lt_for(ctx, threads, p->groups, run_groups, &s);
    }
    lt_scratch_free(ctx, work);
    lt_scratch_free(ctx, u);
    return ok;
}

/* Computes the outputs of up to `together` panels from `first` on, with the inputs v (point, group,
 * c, 3 L) of all groups. The thread's work space: u (matrix, panel, c, M) for weights, m (point,
 * group, panel, M, 3 L) for products. */
static void run_panels(const plan *p, int64_t first, const float *v, float *u, float *m)
{
    const lt_conv3 *q = p->q;
    const int64_t panel = p->product->panel, count = lt_lesser(p->together, p->panels - first);
    const int64_t in = q->c * width(p), out = p->together * panel * width(p);
    for (int64_t i = 0; i < count; i++)
        transform_weights(p, first + i, u + i * q->c * panel);
    for (int64_t point = 0; point < p->scheme->points; point++)
        for (int64_t j = 0; j < p->groups; j++)
            multiply(p, count, u + p->scheme->matrix_of[point] * p->u_step,
                     v + point * p->v_step + j * in, group_at(p, j).vectors,
                     m + point * p->m_step + j * out);
    for (int64_t j = 0; j < p->groups; j++)
        transform_outputs(p, group_at(p, j), first * panel,
                          lt_lesser((first + count) * panel, q->o), m + j * out);
    if (p->stream)
        p->scheme->stream_end();
}

/* Inputs are transformed by groups and chunks of CHANNELS channels. */
static int64_t channel_chunks(const plan *p) { return lt_ceil_quotient(p->q->c, CHANNELS); }

static void inputs_of_chunks(void *arg, lt_range range)
{
    const spaces *s = arg;
    const plan *p = s->p;
    const int64_t chunks = channel_chunks(p);
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t from = i % chunks * CHANNELS;
        transform_inputs(p, group_at(p, i / chunks), from, lt_lesser(from + CHANNELS, p->q->c),
                         s->shared + i / chunks * p->q->c * width(p));
    }
}

static void run_bundles(void *arg, lt_range range)
{
    const spaces *s = arg;
    const plan *p = s->p;
    float *u = s->work + range.worker * s->room;
    for (int64_t i = range.begin; i < range.end; i++)
        run_panels(p, i * p->together, s->shared, u, u + p->scheme->matrices * p->u_step);
}

/* Many weights: the inputs pass, and threads take panels. */
static bool run_by_panels(lt_ctx *ctx, plan *p)
{
    const lt_conv3 *q = p->q;
    const int64_t panel = p->product->panel, points = p->scheme->points;
    const int threads = ctx->threads;
    p->groups = lt_ceil_quotient(p->vectors, LT_CONV_VECTORS);
    const bool few = points * p->tiles * q->c <= FEW_INPUTS;
    p->together = few ? 1 : lt_lesser(TOGETHER / panel, lt_ceil_quotient(p->panels, 2 * threads));
    p->u_step = p->together * q->c * panel + SKEW;
    p->v_step = p->groups * q->c * width(p) + SKEW;
    p->m_step = p->groups * p->together * panel * width(p) + SKEW;
    const int64_t room = p->scheme->matrices * p->u_step + points * p->m_step;
    float *v = lt_scratch(ctx, sizeof(float) * (size_t)(points * p->v_step));
    float *work = lt_scratch(ctx, sizeof(float) * (size_t)(threads * room));
    const bool ok = v && work;
    if (ok) {
        spaces s = {p, v, work, room};
        lt_for(ctx, threads, p->groups * channel_chunks(p), inputs_of_chunks, &s);
        lt_for(ctx, threads, lt_ceil_quotient(p->panels, p->together), run_bundles, &s);
    }
    lt_scratch_free(ctx, work);
    lt_scratch_free(ctx, v);
    return ok;
}

bool lt_winograd_sums(const lt_ctx *ctx, const lt_conv3 *q)
{
    const plan p = plan_of(ctx, q);
    return q->n == 1 || p.down * p.across % p.lanes == 0;
}

lt_status lt_winograd_run(lt_ctx *ctx, const lt_conv3 *q)
{
    plan p = plan_of(ctx, q);
    p.panels = lt_ceil_quotient(q->o, p.product->panel);
    int32_t *offset = lt_scratch(ctx, sizeof(int32_t) * (size_t)q->c);
    if (q->with)
        p.partial = lt_scratch(ctx, sizeof(double) * (size_t)(p.vectors * q->o));
    bool ok = offset && (p.partial || !q->with);
    if (ok) {
        for (int64_t c = 0; c < q->c; c++)
            offset[c] = (int32_t)(c * width(&p));
        p.offset = offset;
        const bool more_weights = p.scheme->matrices * q->o > p.scheme->points * p.tiles;
        ok = more_weights ? run_by_panels(ctx, &p) : run_by_groups(ctx, &p);
    }
    if (ok && q->with)
        lt_conv3_add_parts(q, p.vectors / q->n, p.partial);
    lt_scratch_free(ctx, p.partial);
    lt_scratch_free(ctx, offset);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
