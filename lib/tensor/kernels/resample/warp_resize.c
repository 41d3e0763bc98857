/* A projective warp and bicubic shrinking in one pass: only those pixels of the warped image are
 * computed that the shrinking reads. */
#include "tensor/kernels/resample/warp_impl.h"

#include "tensor/team.h"

/* An output pixel reads TAPS x TAPS warped ones; a tile of warped pixels makes ROWS x COLS
 * outputs. */
enum { TAPS = 4, ROWS = LT_WARP_ROWS / TAPS, COLS = LT_WARP_COLS / TAPS };

typedef struct plan {
    lt_warp_map map;
    int64_t planes, oh, ow, tiles, bands;
    lt_windows down, across;
    struct work *work; /* one a thread */
    const float *from; /* the image, or for the adjoint the outputs' gradients */
    float *to;
} plan;

typedef struct work {
    lt_warp_tile tile;
    lt_quad value[LT_WARP_PIXELS];
} work;

bool lt_warp_resize_pays(int64_t h, int64_t w, int64_t oh, int64_t ow)
{
    return oh >= 1 && ow >= 1 && h / TAPS >= oh && w / TAPS >= ow;
}

static bool plan_make(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                      bool mask_border, int64_t oh, int64_t ow, plan *p)
{
    *p = (plan){.map = lt_warp_map_of(ctx, h, w, coeffs, mask_border),
                .planes = planes,
                .oh = oh,
                .ow = ow};
    p->tiles = ((oh + ROWS - 1) / ROWS) * ((ow + COLS - 1) / COLS);
    p->work = lt_scratch(ctx, (size_t)ctx->threads * sizeof *p->work);
    return p->work && lt_windows_build(ctx, LT_RESIZE_CUBIC, h, oh, &p->down) &&
           lt_windows_build(ctx, LT_RESIZE_CUBIC, w, ow, &p->across);
}

static void plan_free(lt_ctx *ctx, plan *p)
{
    lt_windows_free(ctx, &p->across);
    lt_windows_free(ctx, &p->down);
    lt_scratch_free(ctx, p->work);
}

/* The rectangle of outputs that a tile makes. */
typedef struct outputs {
    int64_t y, x, rows, cols;
} outputs;

static outputs place_tile(const plan *p, int64_t index, lt_warp_tile *t)
{
    const int64_t across = (p->ow + COLS - 1) / COLS;
    outputs o = {.y = index / across * ROWS, .x = index % across * COLS};
    o.rows = lt_lesser(ROWS, p->oh - o.y);
    o.cols = lt_lesser(COLS, p->ow - o.x);
    t->rows = o.rows * TAPS;
    t->cols = o.cols * TAPS;
    for (int64_t i = 0; i < t->rows; i++)
        t->row[i] = p->down.start[o.y + i / TAPS] + (int32_t)(i % TAPS);
    for (int64_t i = 0; i < t->cols; i++)
        t->col[i] = p->across.start[o.x + i / TAPS] + (int32_t)(i % TAPS);
    return o;
}

/* Shrinks a tile's warped pixels to its outputs, for `planes` planes. */
static void shrink_tile(const plan *p, const outputs *o, const lt_quad *value, int planes,
                        float *out)
{
    for (int64_t i = 0; i < o->rows; i++) {
        const float *down = p->down.weight + (o->y + i) * TAPS;
        for (int64_t j = 0; j < o->cols; j++) {
            const float *across = p->across.weight + (o->x + j) * TAPS;
            const lt_quad *from = value + i * TAPS * LT_WARP_COLS + j * TAPS;
            lt_quad sum = {0};
            for (int64_t l = 0; l < TAPS; l++, from++)
                sum += across[l] *
                       (down[0] * from[0] + down[1] * from[LT_WARP_COLS] +
                        (down[2] * from[2 * LT_WARP_COLS] + down[3] * from[3 * LT_WARP_COLS]));
            for (int k = 0; k < planes; k++)
                out[(k * p->oh + o->y + i) * p->ow + o->x + j] = sum[k];
        }
    }
}

static void shrink_tiles(void *arg, lt_range range)
{
    const plan *p = arg;
    work *t = p->work + range.worker;
    for (int64_t i = range.begin; i < range.end; i++) {
        const outputs o = place_tile(p, i, &t->tile);
        for (int64_t k = 0; k < p->planes; k += LT_WARP_PLANES) {
            const int count = (int)lt_lesser(LT_WARP_PLANES, p->planes - k);
            lt_warp_sample(&p->map, &t->tile, count, p->from + k * p->map.h * p->map.w, t->value);
            shrink_tile(p, &o, t->value, count, p->to + k * p->oh * p->ow);
        }
    }
}

lt_status lt_warp_resize_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                               const double coeffs[8], bool mask_border, const float *x, int64_t oh,
                               int64_t ow, float *out)
{
    plan p;
    const bool ok = plan_make(ctx, planes, h, w, coeffs, mask_border, oh, ow, &p);
    if (ok) {
        p.from = x;
        p.to = out;
        lt_for(ctx, ctx->threads, p.tiles, shrink_tiles, &p);
    }
    plan_free(ctx, &p);
    return ok ? LT_OK : LT_ERR_MEMORY;
}

/* The adjoint of shrink_tile(). */
static void spread_tile(const plan *p, const outputs *o, const float *out, int planes,
                        lt_quad *value)
{
    for (int64_t i = 0; i < o->rows; i++)
        for (int64_t j = 0; j < o->cols; j++) {
            lt_quad of = {0};
            for (int k = 0; k < planes; k++)
                of[k] = out[(k * p->oh + o->y + i) * p->ow + o->x + j];
            for (int64_t k = 0; k < TAPS; k++) {
                const lt_quad line = p->down.weight[(o->y + i) * TAPS + k] * of;
                lt_quad *to = value + (i * TAPS + k) * LT_WARP_COLS + j * TAPS;
                for (int64_t l = 0; l < TAPS; l++)
                    to[l] = p->across.weight[(o->x + j) * TAPS + l] * line;
            }
        }
}

/* Adds to the input rows [row, end) of all planes. Tiles come in the same order whatever the rows,
 * so that sums do not depend on how the image is cut. */
static void gather_rows(const plan *p, work *t, const float *out, int64_t row, int64_t end,
                        float *x)
{
    for (int64_t i = 0; i < p->tiles; i++) {
        const outputs o = place_tile(p, i, &t->tile);
        if (!lt_warp_touches(&p->map, &t->tile, row, end))
            continue;
        for (int64_t k = 0; k < p->planes; k += LT_WARP_PLANES) {
            const int count = (int)lt_lesser(LT_WARP_PLANES, p->planes - k);
            spread_tile(p, &o, out + k * p->oh * p->ow, count, t->value);
            lt_warp_scatter(&p->map, &t->tile, count, t->value, row, end,
                            x + k * p->map.h * p->map.w);
        }
    }
}

static void gather_bands(void *arg, lt_range range)
{
    const plan *p = arg;
    const int64_t h = p->map.h;
    for (int64_t i = range.begin; i < range.end; i++)
        gather_rows(p, p->work + range.worker, p->from, h * i / p->bands, h * (i + 1) / p->bands,
                    p->to);
}

lt_status lt_warp_resize_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                                 const double coeffs[8], bool mask_border, int64_t oh, int64_t ow,
                                 const float *out, float *x)
{
    plan p;
    const bool ok = plan_make(ctx, planes, h, w, coeffs, mask_border, oh, ow, &p);
    if (ok) {
        p.bands = lt_warp_bands(ctx, h);
        p.from = out;
        p.to = x;
        lt_for(ctx, ctx->threads, p.bands, gather_bands, &p);
    }
    plan_free(ctx, &p);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
