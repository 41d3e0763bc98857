/* The general way of convolution: runs a plan by tiles, panels of weights and vectors of
 * positions. */
#include <string.h>

#include "tensor/kernels/conv/conv_plan_impl.h"

#include "tensor/team.h"

/* Input channels by which weights are fetched ahead. */
enum { AHEAD = 8 };

/* Floats of the results of one panel and group; with two classes, of each. */
enum { PAIR = LT_CONV_MAX_PANEL * LT_CONV_MAX_GROUP };

/* Packs the weights of a panel of a class to dst (c, taps, M), zeros past the last channel. Returns
 * the end of what it wrote. */
static float *pack_panel(const lt_conv_plan *p, const lt_conv_class *cls, int64_t panel, float *dst)
{
    const int64_t m = p->k->panel;
    const int64_t count = lt_lesser(m, p->o - panel * m);
    const float *from[LT_CONV_MAX_PANEL];
    for (int64_t i = 0; i < count; i++)
        from[i] = p->weight + p->w_out[panel * m + i];
    for (int64_t c = 0; c < p->in.c; c++) {
        /* An adjoint's weights lie far apart from one input channel to the next. */
        if (c + AHEAD < p->in.c)
            for (int64_t i = 0; i < count; i++)
                __builtin_prefetch(from[i] + (c + AHEAD) * p->w_in);
        for (int64_t t = 0; t < cls->taps; t++) {
            const int64_t at = c * p->w_in + p->w_tap[cls->tap[t]];
            for (int64_t i = 0; i < count; i++)
                dst[i] = from[i][at];
            for (int64_t i = count; i < m; i++)
                dst[i] = 0.0f;
            dst += m;
        }
    }
    return dst;
}

/* Writes `count` positions from (n, y, x) on for the channels of a panel. With pair == 2 the
 * results of the second class lie PAIR floats further; the two alternate in the output. */
static void put(const lt_conv_plan *p, const lt_conv_class *cls, int pair, int64_t panel, int64_t n,
                int64_t y, int64_t x, int64_t count, const float *src)
{
    const int64_t first = panel * p->k->panel, ld = LT_CONV_VECTORS * p->k->lanes;
    const int channels = (int)lt_lesser(p->k->panel, p->o - first);
    const float *bias = p->bias ? p->bias + first : NULL;
    const int64_t *offset = p->out_offset + first;
    float *dst = p->out + n * p->out_n + (y * p->os + cls->ry) * p->out_w + x * p->os + cls->rx;
    count = lt_lesser(count, cls->qw - x);
    if (y >= cls->qh || count <= 0)
        return;
    if (pair == 1) {
        p->k->store(channels, count, src, ld, bias, dst, offset, p->os);
        return;
    }
    /* The second class may be one position shorter. */
    const int64_t both = lt_lesser(count, cls[1].qw - x);
    p->k->store_pairs(channels, both, src, src + PAIR, ld, bias, dst, offset);
    if (both < count)
        p->k->store(channels, 1, src + both, ld, bias, dst + 2 * both, offset, 1);
}

/* Writes unfolded positions [at, at + count), which run through rows and samples. */
static void put_unfolded(const lt_conv_plan *p, const lt_conv_class *cls, int pair, int64_t panel,
                         int64_t at, int64_t count, const float *src)
{
    const lt_conv_view *v = &p->in;
    const int64_t grid = v->qh * v->qw;
    const int64_t first = panel * p->k->panel;
    const int channels = (int)lt_lesser(p->k->panel, p->o - first);
    const bool whole = p->os == 1 && v->qw == p->out_w && v->qh == p->out_h;
    while (count > 0) {
        const int64_t n = at / grid, y = at % grid / v->qw, x = at % v->qw;
        const int64_t run = lt_lesser(count, whole ? grid - at % grid : v->qw - x);
        if (whole)
            p->k->store(channels, run, src, LT_CONV_VECTORS * p->k->lanes,
                        p->bias ? p->bias + first : NULL, p->out + n * p->out_n + at % grid,
                        p->out_offset + first, 1);
        else
            put(p, cls, pair, panel, n, y, x, run, src);
        at += run;
        src += run;
        count -= run;
    }
}

/* Multiplies the weights of a panel, for one or two classes, with a group of vectors. */
static void multiply(const lt_conv_plan *p, const lt_conv_class *cls, int pair, const float *w,
                     const float *packed, const int64_t *start, int vectors, float *buf)
{
    for (int j = 0; j < pair; j++) {
        const int64_t depth = p->in.c * cls[j].taps;
        p->k->product(depth, w, packed, cls[j].offset, start, vectors, buf + j * PAIR);
        w += depth * p->k->panel;
    }
}

/* Computes one panel of a class, or of two neighbouring classes, at all positions of a packed tile.
 * The weights of the second class follow the weights of the first. */
static void run_panel(const lt_conv_plan *p, const lt_conv_class *cls, int pair, int64_t panel,
                      const lt_conv_tile *tile, const float *w, const float *packed)
{
    const lt_conv_view *v = &p->in;
    const int64_t lanes = p->k->lanes, group = LT_CONV_VECTORS * lanes;
    float buf[2 * PAIR];

    if (v->unfold || p->linear) {
        const int64_t total = (tile->rows - 1) * v->pitch + tile->cols;
        for (int64_t at = 0; at < total; at += group) {
            const int64_t start[LT_CONV_VECTORS] = {at, at + lanes, at + 2 * lanes};
            const int64_t count = lt_lesser(group, total - at);
            multiply(p, cls, pair, w, packed, start, (int)lt_ceil_quotient(count, lanes), buf);
            if (v->unfold) {
                put_unfolded(p, cls, pair, panel, tile->x0 + at, count, buf);
                continue;
            }
            for (int64_t lane = 0; lane < count;) {
                const int64_t y = (at + lane) / v->pitch, x = (at + lane) % v->pitch;
                put(p, cls, pair, panel, tile->n, tile->y0 + y, tile->x0 + x,
                    lt_lesser(tile->cols - x, count - lane), buf + lane);
                lane += v->pitch - x;
            }
        }
        return;
    }

    const int64_t per_row = lt_ceil_quotient(tile->cols, lanes);
    const int64_t total = per_row * tile->rows;
    for (int64_t at = 0; at < total; at += LT_CONV_VECTORS) {
        const int vectors = (int)lt_lesser(LT_CONV_VECTORS, total - at);
        int64_t start[LT_CONV_VECTORS] = {0, 0, 0};
        for (int i = 0; i < vectors; i++)
            start[i] = (at + i) / per_row * v->pitch + (at + i) % per_row * lanes;
        multiply(p, cls, pair, w, packed, start, vectors, buf);
        for (int i = 0; i < vectors;) {
            const int64_t y = (at + i) / per_row, x = (at + i) % per_row * lanes;
            const int64_t run = lt_lesser(vectors - i, per_row - (at + i) % per_row);
            put(p, cls, pair, panel, tile->n, tile->y0 + y, tile->x0 + x,
                lt_lesser(run * lanes, tile->cols - x), buf + i * lanes);
            i += (int)run;
        }
    }
}

/* What the threads work on. */
typedef struct run_job {
    const lt_conv_plan *p;
    int64_t panels;
    float *input;         /* packed tiles: all of them, or one for each thread */
    float *weights;       /* packed panels: all of them, or one for each thread, */
    int64_t panel_floats; /* which is so large */
} run_job;

enum { PACK_CHANNELS = 16 }; /* that a thread packs at a time */

static int64_t pack_chunks(const lt_conv_view *v) { return lt_ceil_quotient(v->c, PACK_CHANNELS); }

static void pack_inputs(void *arg, lt_range range)
{
    const run_job *j = arg;
    const lt_conv_plan *p = j->p;
    const lt_conv_view *v = &p->in;
    const int64_t chunks = pack_chunks(v);
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_conv_tile tile = lt_conv_view_tile(v, i / chunks);
        const int64_t c = i % chunks * PACK_CHANNELS;
        lt_conv_pack(v, p->k, p->input, p->scale, &tile, 0, c, lt_lesser(c + PACK_CHANNELS, v->c),
                     j->input + i / chunks * v->tile_floats);
    }
}

static void run_panels(void *arg, lt_range range)
{
    const run_job *r = arg;
    const lt_conv_plan *p = r->p;
    const lt_conv_view *v = &p->in;
    float *w = r->weights + range.worker * r->panel_floats;
    for (int64_t panel = range.begin; panel < range.end; panel++) {
        for (int64_t j = 0; j < p->classes; j += p->pair) {
            float *to = w;
            for (int i = 0; i < p->pair; i++)
                to = pack_panel(p, &p->cls[j + i], panel, to);
            for (int64_t i = 0; i < v->tiles; i++) {
                const lt_conv_tile tile = lt_conv_view_tile(v, i);
                run_panel(p, &p->cls[j], p->pair, panel, &tile, w, r->input + i * v->tile_floats);
            }
        }
    }
}

/* Few positions: the input is the passing side and packed first; threads share out the panels, and
 * each panel is packed right before its use. */
static void run_by_panels(run_job *j)
{
    const lt_conv_plan *p = j->p;
    lt_for(p->ctx, p->ctx->threads, p->in.tiles * pack_chunks(&p->in), pack_inputs, j);
    lt_for(p->ctx, p->ctx->threads, j->panels, run_panels, j);
}

/* Where a panel of a class, or of a pair of classes, starts among weights that are packed first. */
static int64_t panel_start(const lt_conv_plan *p, const lt_conv_class *cls, int64_t panels,
                           int64_t panel)
{
    const int64_t unit = p->in.c * p->k->panel;
    int64_t taps = 0;
    for (int j = 0; j < p->pair; j++)
        taps += cls[j].taps;
    return (cls->first_tap * panels + taps * panel) * unit;
}

/* Items are the panels of one class, or pair of classes, after the other. */
static void pack_weights(void *arg, lt_range range)
{
    const run_job *r = arg;
    const lt_conv_plan *p = r->p;
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_conv_class *cls = &p->cls[i / r->panels * p->pair];
        float *to = r->weights + panel_start(p, cls, r->panels, i % r->panels);
        for (int j = 0; j < p->pair; j++)
            to = pack_panel(p, &cls[j], i % r->panels, to);
    }
}

static void run_tiles(void *arg, lt_range range)
{
    const run_job *r = arg;
    const lt_conv_plan *p = r->p;
    const lt_conv_view *v = &p->in;
    float *packed = r->input + range.worker * v->tile_floats;
    for (int64_t i = range.begin; i < range.end; i++) {
        const lt_conv_tile tile = lt_conv_view_tile(v, i);
        lt_conv_pack(v, p->k, p->input, p->scale, &tile, 0, 0, v->c, packed);
        for (int64_t j = 0; j < p->classes; j += p->pair) {
            const lt_conv_class *cls = &p->cls[j];
            for (int64_t panel = 0; panel < r->panels; panel++)
                run_panel(p, cls, p->pair, panel, &tile,
                          r->weights + panel_start(p, cls, r->panels, panel), packed);
        }
    }
}

/* Many positions: the weights are the passing side and packed first; threads share out the
 * tiles. */
static void run_by_tiles(run_job *j)
{
    const lt_conv_plan *p = j->p;
    lt_for(p->ctx, p->ctx->threads, j->panels * (p->classes / p->pair), pack_weights, j);
    lt_for(p->ctx, p->ctx->threads, p->in.tiles, run_tiles, j);
}

/* How much of the threads' time is used when `items` equal pieces are shared out: at most 1. */
static double balance(int64_t items, int threads)
{
    return (double)items / (double)(lt_ceil_quotient(items, threads) * threads);
}

lt_status lt_conv_run(lt_conv_plan *p)
{
    lt_conv_view *v = &p->in;
    const int64_t m = p->k->panel, panels = lt_ceil_quotient(p->o, m);
    const int threads = p->ctx->threads;
    lt_status status = LT_ERR_MEMORY;
    float *weights = NULL, *input = NULL;
    int32_t *offsets = NULL;

    if (v->tile_floats > INT32_MAX)
        return lt_fail(p->ctx, LT_ERR_UNSUPPORTED, "conv: %lld input channels are too many",
                       (long long)v->c);
    const double row_use =
        (double)v->cols / (double)(lt_ceil_quotient(v->cols, p->k->lanes) * p->k->lanes);
    p->linear = (double)v->cols / (double)v->pitch > row_use;

    /* Classes whose outputs alternate along a row are written together. */
    p->pair = p->os == 2 && p->classes == 4 ? 2 : 1;
    int64_t taps = 0;
    for (int64_t j = 0; j < p->classes; j++) {
        p->cls[j].first_tap = taps;
        taps += p->cls[j].taps;
    }
    const double by_panels = balance(panels, threads), by_tiles = balance(v->tiles, threads);
    const bool share_input =
        v->tiles * v->tile_floats <= ((int64_t)4 << 20) &&
        (by_panels > by_tiles || (by_panels == by_tiles && v->tiles <= 4 * (int64_t)threads));

    offsets = lt_scratch(p->ctx, (size_t)(v->c * taps + 1) * sizeof *offsets);
    const int64_t panel_floats = v->c * taps * m;
    weights = lt_scratch(p->ctx, sizeof(float) * (size_t)(share_input ? threads * panel_floats
                                                                      : panels * v->c * taps * m));
    input = lt_scratch(p->ctx, sizeof(float) *
                                   (size_t)((share_input ? v->tiles : threads) * v->tile_floats));
    if (!offsets || !weights || !input)
        goto done;

    for (int64_t j = 0; j < p->classes; j++) {
        lt_conv_class *cls = &p->cls[j];
        cls->offset = offsets + cls->first_tap * v->c;
        for (int64_t c = 0; c < v->c; c++)
            for (int64_t t = 0; t < cls->taps; t++)
                cls->offset[c * cls->taps + t] = (int32_t)lt_conv_view_offset(v, c, cls->tap[t]);
    }
    /* A last vector may reach beyond the tile; it must not read memory that was never written. */
    const int64_t packed_tiles = share_input ? v->tiles : threads;
    for (int64_t i = 0; i < packed_tiles; i++)
        memset(input + (i + 1) * v->tile_floats - LT_CONV_SLACK, 0, LT_CONV_SLACK * sizeof *input);

    run_job j = {p, panels, input, weights, panel_floats};
    if (share_input)
        run_by_panels(&j);
    else
        run_by_tiles(&j);
    status = LT_OK;

done:
    lt_scratch_free(p->ctx, input);
    lt_scratch_free(p->ctx, weights);
    lt_scratch_free(p->ctx, offsets);
    return status;
}
