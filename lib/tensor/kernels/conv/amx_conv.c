/* 3 x 3 convolutions on the AMX unit: tiles of the image, whose digits stay in the second-level
 * cache, meet blocks of 16 output channels. README.md explains strips, lines, slabs and spans with
 * drawings.
 *
 * Whichever of inputs and weights takes fewer bytes is the passing side and becomes digits first,
 * by all threads. The kept side becomes digits right before its use, by the thread that uses it. */
#include "tensor/kernels/conv/amx_conv_impl.h"

#include <string.h>

#include "tensor/kernels/conv/amx_conv_kernels.h"
#include "tensor/kernels/gemm/amx_impl.h"
#include "tensor/team.h"

enum {
    SIDE = LT_AMX_SIDE,
    DEPTH = LT_AMX_DEPTH,
    STEP = LT_AMX_STEP,
    POINTS = LT_AMX_CONV_POINTS,
    MAX_PIXELS = LT_AMX_CONV_PIXELS,
    TILE_VALUES = 500000,   /* values of a packed tile, of three bytes each, at most */
    SPAN_FLOATS = 18 << 10, /* products of a span: they and their outputs stay in the second-level
                               cache */
    KEPT_BYTES = 1200000,   /* weights, or tiles, that stay in the second-level cache */
    TOGETHER = 2,           /* blocks that a thread takes at a time where the weights are kept */
    MIN_INPUTS = 64,        /* channels below which packing costs more than the products gain */
    MIN_OUTPUTS = 32,
    MAX_CHANNELS = 2048, /* with more, the 32-bit sums of digits could overflow */
};

typedef struct job {
    const lt_conv3 *q;
    const struct lt_amx_kernels *unit;
    const struct lt_amx_conv_kernels *k;
    const struct lt_amx_conv_scheme *scheme;
    int64_t steps, blocks;       /* of 64 input and 16 output channels */
    int64_t in_shift, out_shift; /* see lt_conv3_in_shift() */
    int64_t width;        /* pixels of an image's line, of scheme->columns output columns each */
    int64_t span;         /* vectors of 16 pixels that are multiplied before outputs are made */
    int64_t pixels;       /* of a tile's line, a multiple of 16 */
    int64_t across, down; /* tiles of a sample, along lines and down the strips */
    int64_t tiles;        /* of all samples */
    int64_t pitch;        /* pixels of a packed row: those of a line and the halo */
    int64_t digit, point; /* bytes from digit to digit, from point to point of a packed tile */
    int32_t *offset;      /* (weights_taps steps), see lt_amx_conv_walk */
    float *zeros;         /* (w) a row outside of the image */
    double *partial;      /* (tiles, o) sums with q->with */
    bool stream;          /* outputs go past the caches */
    bool by_runs;         /* and their rows do not start at cache lines */
} job;

/* A packed tile: its digits (slabs, points, ...), and the scale of each point. */
typedef struct tile {
    int8_t *digits;
    float *worth;
} tile;

/* A packed block of weights: its digits (points, steps of all classes), and the scales (points,
 * 16). */
typedef struct block {
    int8_t *digits;
    float *worth;
} block;

static const struct lt_amx_conv_scheme *scheme_of(const struct lt_amx_conv_kernels *k,
                                                  lt_conv3_kind kind)
{
    return kind == LT_CONV3_SAME ? &k->same : kind == LT_CONV3_UP ? &k->up : &k->down;
}

/* How many slabs a number of lines sees. */
static int64_t slabs_of(const struct lt_amx_conv_scheme *s, int64_t lines)
{
    return (lines - 1) * s->line_step + s->seen;
}
static int64_t tile_bytes(const job *j)
{
    return slabs_of(j->scheme, j->scheme->lines) * j->scheme->points * j->point;
}
static int64_t block_bytes(const job *j)
{
    return j->scheme->points * j->scheme->weights_taps * j->steps * STEP;
}
/* Floats of the points of 16 pixels, before they become digits. */
static int64_t tile_floats(const job *j)
{
    return (int64_t)j->scheme->points * j->scheme->phases * DEPTH * SIDE;
}
/* Floats of the products of 16 pixels with a block. */
static int64_t products_of(const struct lt_amx_conv_scheme *s)
{
    return (int64_t)s->points * s->classes * LT_AMX_SUMS;
}
/* Floats of the outputs made of them. */
static int64_t outputs_of(const struct lt_amx_conv_scheme *s)
{
    return (int64_t)s->out_rows * s->columns * LT_AMX_SUMS;
}
/* Floats of the products and the outputs of a span. */
static int64_t sum_floats(const job *j)
{
    return j->span * (products_of(j->scheme) + outputs_of(j->scheme));
}
/* Floats of one tap of a block's weights. One channel more than there is keeps the taps off the
 * same cache sets. */
static int64_t tap_floats(const job *j) { return (j->q->c + 1) * SIDE; }
/* Floats of a block's weights, before they become digits. */
static int64_t block_floats(const job *j)
{
    return j->scheme->points * j->scheme->weights_taps * tap_floats(j);
}

const struct lt_amx_conv_kernels *lt_amx_conv_kernels_of(const lt_ctx *ctx)
{
    if (ctx->amx_emulation)
        return ctx->amx_emulation->convolutions;
#if defined(LT_AMX)
    return &lt_amx_conv_kernels_amx;
#else
    return NULL;
#endif
}

static job job_of(const lt_ctx *ctx, const lt_conv3 *q)
{
    job j = {.q = q, .unit = lt_amx_kernels_of(ctx), .k = lt_amx_conv_kernels_of(ctx)};
    const struct lt_amx_conv_scheme *s = j.scheme = scheme_of(j.k, q->kind);
    j.in_shift = lt_conv3_in_shift(q);
    j.out_shift = lt_conv3_out_shift(q);
    j.width = lt_ceil_quotient(q->ow + j.out_shift, s->columns);
    j.steps = lt_ceil_quotient(q->c, DEPTH);
    j.blocks = lt_ceil_quotient(q->o, SIDE);
    const int64_t vectors = lt_ceil_quotient(j.width, SIDE);
    const int64_t room =
        TILE_VALUES / (slabs_of(s, s->lines) * s->points * s->phases * j.steps * DEPTH) / SIDE - 1;
    const int64_t most = room < 1 ? 1 : lt_lesser(room, MAX_PIXELS / SIDE);
    j.pixels = lt_ceil_quotient(vectors, lt_ceil_quotient(vectors, most)) * SIDE;
    j.across = lt_ceil_quotient(j.width, j.pixels);
    j.span = SPAN_FLOATS < products_of(s) ? 1 : SPAN_FLOATS / products_of(s);
    j.down = lt_ceil_quotient(q->oh + j.out_shift, s->lines * s->out_rows);
    j.tiles = q->n * j.down * j.across;
    j.pitch = lt_ceil_quotient(j.pixels + s->halo, SIDE) * SIDE;
    j.digit = j.pitch * DEPTH;
    j.point = j.steps * s->phases * LT_AMX_DIGITS * j.digit;
    j.by_runs = q->kind == LT_CONV3_UP && lt_large(q->n * q->o * q->oh * q->ow);
    j.stream =
        j.by_runs || (j.out_shift == 0 && lt_streams(q->n * q->o * q->oh * q->ow, q->ow, q->out));
    return j;
}

bool lt_amx_conv_pays(const lt_ctx *ctx, const lt_conv3 *q)
{
    if (!ctx->amx || q->c < MIN_INPUTS || q->o < MIN_OUTPUTS || q->c > MAX_CHANNELS)
        return false;
    const job j = job_of(ctx, q);
    const int64_t rows = j.scheme->out_rows;
    return j.width >= SIDE && lt_ceil_quotient(q->oh + j.out_shift, rows) * rows <= 2 * q->oh;
}

/* ---- inputs ---- */

/* Where a tile lies: its sample, its strip, and the first pixel of its lines. */
typedef struct place {
    int64_t n, strip, x;
} place;

static place place_of(const job *j, int64_t index)
{
    return (place){index / (j->down * j->across), index / j->across % j->down,
                   index % j->across * j->pixels};
}

/* The first row of output of a strip; it may lie outside. */
static int64_t first_row(const job *j, const place *at)
{
    return at->strip * j->scheme->lines * j->scheme->out_rows - j->out_shift;
}

/* How many lines of a strip have a row inside of the output. */
static int64_t lines_inside(const job *j, const place *at)
{
    return lt_lesser(j->scheme->lines,
                     lt_ceil_quotient(j->q->oh - first_row(j, at), j->scheme->out_rows));
}

/* The first row of input that a strip sees; it may lie outside. */
static int64_t first_in_row(const job *j, const place *at)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    return at->strip * s->lines * s->line_step * s->in_step - j->in_shift;
}

/* `channels` channels from c on of a tile's slab, from pixel `pixel` of the tile on. */
static lt_amx_conv_slab slab_at(const job *j, const place *at, int64_t slab, int64_t c,
                                int64_t channels, int64_t pixel)
{
    const lt_conv3 *q = j->q;
    const struct lt_amx_conv_scheme *s = j->scheme;
    const int64_t y0 = first_in_row(j, at) + slab * s->in_step, plane = at->n * q->c + c;
    lt_amx_conv_slab in = {.channels = channels,
                           .width = q->w,
                           .x = (at->x + pixel) * s->phases - j->in_shift,
                           .scale = q->scale ? q->scale + plane : NULL};
    for (int64_t i = 0; i < s->in_rows; i++) {
        const bool inside = y0 + i >= 0 && y0 + i < q->h;
        in.rows[i] = inside ? q->in + (plane * q->h + y0 + i) * q->w : j->zeros;
        in.plane[i] = inside ? q->h * q->w : 0;
    }
    return in;
}

/* Steps of all products of a tile. */
static int64_t steps_of(const job *j)
{
    return j->blocks * j->scheme->points * j->scheme->weights_taps * j->steps * j->scheme->lines *
           (j->pixels / SIDE);
}

/* The input of tile `index`, to be fetched while `tiles` tiles are multiplied. */
static lt_amx_ahead ahead_of(const job *j, int64_t index, int64_t tiles)
{
    const lt_conv3 *q = j->q;
    const struct lt_amx_conv_scheme *s = j->scheme;
    if (index >= j->tiles)
        return (lt_amx_ahead){0};
    const place at = place_of(j, index);
    const int64_t y = first_in_row(j, &at), x = at.x * s->phases - j->in_shift,
                  size = sizeof *q->in;
    const int64_t y0 = y < 0 ? 0 : y, x0 = x < 0 ? 0 : x,
                  seen = (slabs_of(s, lines_inside(j, &at)) - 1) * s->in_step + s->in_rows;
    const int64_t rows = lt_lesser(y + seen, q->h) - y0,
                  floats = lt_lesser(x + j->pitch * s->phases, q->w) - x0;
    if (rows <= 0)
        return (lt_amx_ahead){0};
    lt_amx_ahead a = {.next = (const char *)(q->in + (at.n * q->c * q->h + y0) * q->w + x0),
                      .left = rows * q->c,
                      .bytes = floats * size,
                      .row = q->w * size,
                      .set = (q->h - rows + 1) * q->w * size,
                      .rows = rows};
    a.fetches = lt_amx_fetches(&a, tiles * steps_of(j));
    return a;
}

/* Makes digits of one step, 64 channels, of 16 pixels of a slab. */
static void pack_pixels(const job *j, const place *at, int64_t slab, int64_t step, int64_t pixel,
                        const float *inverse, float *values, tile to)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    const int64_t channels = lt_lesser(DEPTH, j->q->c - step * DEPTH);
    const lt_amx_conv_slab in = slab_at(j, at, slab, step * DEPTH, channels, pixel);
    s->slab_points(&in, values);
    for (int64_t p = 0; p < s->points; p++)
        for (int64_t f = 0; f < s->phases; f++)
            j->k->pixels(values + (p * s->phases + f) * channels * SIDE, channels, inverse[p],
                         j->digit,
                         to.digits + (slab * s->points + p) * j->point +
                             (step * s->phases + f) * LT_AMX_DIGITS * j->digit + pixel * DEPTH);
}

/* Packs a tile. Its input is read twice: for the largest values, which give the scales, and for the
 * digits. */
static void pack_tile(const job *j, int64_t index, float *values, tile to)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    const place at = place_of(j, index);
    const int64_t slabs = slabs_of(s, lines_inside(j, &at));
    _Alignas(64) uint32_t largest[POINTS][SIDE] = {{0}};
    float inverse[POINTS];
    for (int64_t i = 0; i < slabs; i++) {
        const lt_amx_conv_slab all = slab_at(j, &at, i, 0, j->q->c, 0);
        s->survey(&all, j->pitch, largest[0]);
    }
    for (int64_t p = 0; p < s->points; p++) {
        uint32_t bits = 0;
        for (int i = 0; i < SIDE; i++)
            bits = largest[p][i] > bits ? largest[p][i] : bits;
        to.worth[p] = lt_amx_worth(bits, &inverse[p]);
    }
    for (int64_t i = 0; i < slabs; i++)
        for (int64_t step = 0; step < j->steps; step++)
            for (int64_t pixel = 0; pixel < j->pitch; pixel += SIDE)
                pack_pixels(j, &at, i, step, pixel, inverse, values, to);
}

/* ---- weights ---- */

/* Packs the weights of a block of 16 output channels. */
static void pack_block(const job *j, int64_t index, float *values, block to)
{
    const lt_conv3 *q = j->q;
    const struct lt_amx_conv_scheme *s = j->scheme;
    const int count = (int)lt_lesser(SIDE, q->o - index * SIDE);
    const bool flip = lt_conv3_flipped(q);
    const float *from = q->weight + index * SIDE * q->w_out + (flip ? 8 : 0);
    _Alignas(64) uint32_t largest[POINTS][SIDE] = {{0}};
    for (int64_t c = 0; c < q->c; c++)
        s->weights(count, from + c * q->w_in, q->w_out, flip ? -1 : 1, values + c * SIDE,
                   tap_floats(j), largest[0]);
    int8_t *digits = to.digits;
    for (int64_t p = 0; p < s->points; p++) {
        float inverse[SIDE];
        for (int i = 0; i < SIDE; i++)
            to.worth[p * SIDE + i] = lt_amx_worth(largest[p][i], &inverse[i]);
        for (int64_t class = 0; class < s->classes; class ++)
            for (int64_t i = 0; i < j->steps; i++)
                for (int t = 0; t < s->taps[class]; t++, digits += STEP)
                    j->k->digits(
                        values + (p * s->weights_taps + s->tap[class][t].weight) * tap_floats(j) +
                            i * DEPTH * SIDE,
                        lt_lesser(DEPTH, q->c - i * DEPTH), inverse, digits);
    }
}

/* ---- outputs ---- */

/* A block of output channels at a tile, and the line that is being finished. */
typedef struct spot {
    place at;
    int64_t first, outs; /* output channels */
    int64_t y;           /* the line's first row of output */
    int64_t from, to;    /* which of its rows lie inside of the output */
    lt_tail tail[LT_AMX_SIDE];
    const float *noise;
    double dot[LT_AMX_SIDE]; /* sums with q->with */
} spot;

/* Applies tails to one vector of outputs at an edge, from column x on, value by value. */
static void finish_edge(const job *j, spot *at, const float *rows, int64_t x)
{
    const lt_conv3 *q = j->q;
    const int64_t wide = j->scheme->columns * SIDE, skip = x < 0 ? -x : 0,
                  count = lt_lesser(wide, q->ow - x) - skip;
    for (int64_t i = 0; i < at->outs; i++)
        for (int64_t r = at->from; r < at->to; r++) {
            const int64_t pixel = (at->y + r) * q->ow + x + skip,
                          to = (at->at.n * q->o + at->first + i) * q->oh * q->ow + pixel;
            at->dot[i] += lt_tail_finish_few(&at->tail[i], q->with ? q->with + to : NULL,
                                             at->noise ? at->noise + pixel : NULL, count,
                                             rows + (r * SIDE + i) * wide + skip, q->out + to);
        }
}

/* Applies tails to `count` vectors of outputs from column x on, all of which lie inside. */
static void finish_inside(const job *j, spot *at, const float *rows, int64_t x, int64_t count)
{
    const lt_conv3 *q = j->q;
    const int64_t pixel = at->y * q->ow + x,
                  to = (at->at.n * q->o + at->first) * q->oh * q->ow + pixel;
    float sums[LT_AMX_SIDE] = {0};
    const lt_amx_conv_target target = {.tail = at->tail,
                                       .outs = at->outs,
                                       .rows = at->to,
                                       .plane = q->oh * q->ow,
                                       .row = q->ow,
                                       .with = q->with ? q->with + to : NULL,
                                       .noise = at->noise ? at->noise + pixel : NULL,
                                       .y = q->out + to,
                                       .dot = sums,
                                       .by_runs = j->by_runs};
    j->k->finish(rows, j->scheme->out_rows, j->scheme->columns, count, &target);
    for (int64_t i = 0; i < at->outs; i++)
        at->dot[i] += (double)sums[i];
}

/* Writes the outputs of `count` vectors of a line, from pixel `pixel` on. */
static void finish_pixels(const job *j, spot *at, int64_t line, int64_t pixel, int64_t count,
                          const float *rows)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    const int64_t wide = s->columns * SIDE;
    at->y = first_row(j, &at->at) + line * s->out_rows;
    at->from = at->y < 0 ? lt_lesser(-at->y, s->out_rows) : 0;
    at->to = lt_lesser(s->out_rows, j->q->oh - at->y);
    for (int64_t v = 0, run; v < count; v += run, rows += run * outputs_of(s)) {
        const int64_t x = (pixel + v * SIDE) * s->columns - j->out_shift;
        const int64_t inside =
            at->from > 0 || x < 0 ? 0 : lt_lesser((j->q->ow - x) / wide, count - v);
        run = inside > 0 ? inside : 1;
        if (inside > 0)
            finish_inside(j, at, rows, x, inside);
        else
            finish_edge(j, at, rows, x);
    }
}

/* Computes a span: `lines` lines from number `line` on, of each `count` vectors from number v
 * on. */
static void run_span(const job *j, lt_amx_conv_walk *walk, tile in, spot *at, int64_t line,
                     int64_t lines, int64_t v, int64_t count, float *m)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    float *rows = m + j->span * products_of(s);
    walk->lines = lines;
    walk->count = count;
    walk->pixels = in.digits + line * s->line_step * s->points * j->point + v * SIDE * DEPTH;
    j->k->products(walk, m);
    for (int64_t i = 0; i < lines * count; i++)
        s->outputs(m + i * products_of(s), rows + i * outputs_of(s));
    for (int64_t l = 0; l < lines; l++)
        finish_pixels(j, at, line + l, at->at.x + v * SIDE, count,
                      rows + l * count * outputs_of(s));
}

/* Computes the outputs of block `number` at tile `index`. m has room for the products and the
 * outputs of a span. */
static void run_block(const job *j, int64_t index, int64_t number, block weights, tile in,
                      lt_amx_ahead *ahead, float *m)
{
    const lt_conv3 *q = j->q;
    spot at = {.at = place_of(j, index),
               .first = number * SIDE,
               .outs = lt_lesser(SIDE, q->o - number * SIDE)};
    for (int64_t i = 0; i < at.outs; i++) {
        at.tail[i] = lt_tail_of(q->bias, q->out_scale, q->act, q->o, at.at.n * q->o + at.first + i,
                                &at.noise);
        at.tail[i].stream = j->stream && !j->by_runs;
    }
    lt_amx_conv_walk walk = {.scheme = j->scheme,
                             .steps = j->steps,
                             .offset = j->offset,
                             .weights = weights.digits,
                             .digit = j->digit,
                             .point = j->point,
                             .rows = in.worth,
                             .columns = weights.worth,
                             .ahead = ahead};
    const int64_t vectors = lt_ceil_quotient(lt_lesser(j->pixels, j->width - at.at.x), SIDE),
                  lines = lines_inside(j, &at.at);
    const int64_t together = vectors < j->span ? j->span / vectors : 1;
    for (int64_t l = 0; l < lines; l += together)
        for (int64_t v = 0; v < vectors; v += j->span)
            run_span(j, &walk, in, &at, l, lt_lesser(together, lines - l), v,
                     lt_lesser(j->span, vectors - v), m);
    for (int64_t i = 0; q->with && i < at.outs; i++)
        j->partial[index * q->o + at.first + i] = at.dot[i];
    if (j->stream)
        j->k->stream_end();
}

/* ---- threads ---- */

static block block_at(const job *j, block first, int64_t index)
{
    return (block){first.digits + index * block_bytes(j),
                   first.worth + index * j->scheme->points * SIDE};
}

static tile tile_at(const job *j, tile first, int64_t index)
{
    return (tile){first.digits + index * tile_bytes(j), first.worth + index * POINTS};
}

/* Floats of a thread's work space. */
static int64_t work_floats(const job *j)
{
    return sum_floats(j) + (tile_floats(j) > block_floats(j) ? tile_floats(j) : block_floats(j));
}

/* Packs `count` tiles from `first` on and computes all of their outputs. */
static void run_tiles(const job *j, int64_t first, int64_t count, block weights, tile in,
                      lt_amx_ahead *ahead, float *work)
{
    for (int64_t i = 0; i < count; i++)
        pack_tile(j, first + i, work + sum_floats(j), tile_at(j, in, i));
    for (int64_t b = 0; b < j->blocks; b++)
        for (int64_t i = 0; i < count; i++)
            run_block(j, first + i, b, block_at(j, weights, b), tile_at(j, in, i), ahead, work);
}

/* How many tiles a thread takes at a time: more than one where the weights do not stay in the
 * second-level cache, so that several tiles use them each time they come. */
static int64_t tiles_together(const job *j, int threads)
{
    const int64_t fit = KEPT_BYTES / tile_bytes(j), share = j->tiles / (4 * threads),
                  most = lt_lesser(fit, share);
    return most < 1 || j->blocks * block_bytes(j) <= KEPT_BYTES ? 1 : most;
}

/* Scratch memory: packed blocks and tiles, and a work space for each thread. One of the sides is
 * all there, of the other each thread has `together`. */
typedef struct rooms {
    const job *j;
    int64_t together;
    block weights;
    tile inputs;
    float *work;
} rooms;

static bool rooms_create(lt_ctx *ctx, const job *j, int64_t blocks, int64_t tiles, rooms *r)
{
    r->j = j;
    float *worth = lt_scratch(
        ctx, sizeof *worth * (size_t)(blocks * j->scheme->points * SIDE + tiles * POINTS));
    r->weights = (block){lt_scratch(ctx, (size_t)(blocks * block_bytes(j))), worth};
    r->inputs = (tile){lt_scratch(ctx, (size_t)(tiles * tile_bytes(j))),
                       worth ? worth + blocks * j->scheme->points * SIDE : NULL};
    r->work = lt_scratch(ctx, sizeof *r->work * (size_t)(ctx->threads * work_floats(j)));
    return worth && r->weights.digits && r->inputs.digits && r->work;
}

static void rooms_destroy(lt_ctx *ctx, rooms *r)
{
    lt_scratch_free(ctx, r->work);
    lt_scratch_free(ctx, r->inputs.digits);
    lt_scratch_free(ctx, r->weights.digits);
    lt_scratch_free(ctx, r->weights.worth);
}

static float *work_of(const rooms *r, int worker) { return r->work + worker * work_floats(r->j); }

static void pack_blocks(void *arg, lt_range range)
{
    const rooms *r = arg;
    for (int64_t b = range.begin; b < range.end; b++)
        pack_block(r->j, b, work_of(r, range.worker), block_at(r->j, r->weights, b));
}

static void run_tile_bundles(void *arg, lt_range range)
{
    const rooms *r = arg;
    const job *j = r->j;
    const tile in = tile_at(j, r->inputs, range.worker * r->together);
    j->unit->begin();
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t first = i * r->together;
        lt_amx_ahead ahead = ahead_of(j, first + r->together, r->together);
        run_tiles(j, first, lt_lesser(r->together, j->tiles - first), r->weights, in, &ahead,
                  work_of(r, range.worker));
    }
    j->unit->end();
}

/* More inputs than weights: the weights pass, and each thread takes the next tiles when it is
 * free. */
static bool run_by_tiles(lt_ctx *ctx, const job *j)
{
    const int threads = ctx->threads;
    rooms r = {.together = tiles_together(j, threads)};
    const bool ok = rooms_create(ctx, j, j->blocks, threads * r.together, &r);
    if (ok) {
        lt_for(ctx, threads, j->blocks, pack_blocks, &r);
        lt_for(ctx, threads, lt_ceil_quotient(j->tiles, r.together), run_tile_bundles, &r);
    }
    rooms_destroy(ctx, &r);
    return ok;
}

static void pack_tiles(void *arg, lt_range range)
{
    const rooms *r = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        pack_tile(r->j, i, work_of(r, range.worker), tile_at(r->j, r->inputs, i));
}

static void run_block_bundles(void *arg, lt_range range)
{
    const rooms *r = arg;
    const job *j = r->j;
    const block mine = block_at(j, r->weights, range.worker * r->together);
    float *work = work_of(r, range.worker);
    j->unit->begin();
    for (int64_t g = range.begin; g < range.end; g++) {
        const int64_t first = g * r->together, count = lt_lesser(r->together, j->blocks - first);
        lt_amx_ahead none = {0};
        for (int64_t b = 0; b < count; b++)
            pack_block(j, first + b, work, block_at(j, mine, b));
        for (int64_t i = 0; i < j->tiles; i++)
            for (int64_t b = 0; b < count; b++)
                run_block(j, i, first + b, block_at(j, mine, b), tile_at(j, r->inputs, i), &none,
                          work);
    }
    j->unit->end();
}

/* More weights than inputs: the inputs pass, and each thread takes the next blocks of output
 * channels. */
static bool run_by_blocks(lt_ctx *ctx, const job *j)
{
    const int threads = ctx->threads;
    rooms r = {.together = j->blocks >= 2 * TOGETHER * threads ? TOGETHER : 1};
    const bool ok = rooms_create(ctx, j, threads * r.together, j->tiles, &r);
    if (ok) {
        lt_for(ctx, threads, j->tiles, pack_tiles, &r);
        lt_for(ctx, threads, lt_ceil_quotient(j->blocks, r.together), run_block_bundles, &r);
    }
    rooms_destroy(ctx, &r);
    return ok;
}

/* Fills in j->offset: where each step of each class finds its pixels. */
static void place_steps(const job *j)
{
    const struct lt_amx_conv_scheme *s = j->scheme;
    int32_t *offset = j->offset;
    for (int64_t class = 0; class < s->classes; class ++)
        for (int64_t i = 0; i < j->steps; i++)
            for (int t = 0; t < s->taps[class]; t++) {
                const lt_amx_conv_tap *tap = &s->tap[class][t];
                *offset++ = (int32_t)(tap->dy * s->points * j->point +
                                      (i * s->phases + tap->phase) * LT_AMX_DIGITS * j->digit +
                                      tap->dx * DEPTH);
            }
}

lt_status lt_amx_conv_run(lt_ctx *ctx, const lt_conv3 *q)
{
    job j = job_of(ctx, q);
    j.offset = lt_scratch(ctx, sizeof *j.offset * (size_t)(j.scheme->weights_taps * j.steps));
    if (q->with)
        j.partial = lt_scratch(ctx, sizeof *j.partial * (size_t)(j.tiles * q->o));
    j.zeros = lt_scratch(ctx, sizeof *j.zeros * (size_t)q->w);
    bool ok = j.offset && j.zeros && (j.partial || !q->with);
    if (ok) {
        place_steps(&j);
        memset(j.zeros, 0, sizeof *j.zeros * (size_t)q->w);
        ok = j.blocks * block_bytes(&j) > j.tiles * tile_bytes(&j) ? run_by_blocks(ctx, &j)
                                                                   : run_by_tiles(ctx, &j);
    }
    if (ok && q->with)
        lt_conv3_add_parts(q, j.down * j.across, j.partial);
    lt_scratch_free(ctx, j.zeros);
    lt_scratch_free(ctx, j.partial);
    lt_scratch_free(ctx, j.offset);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
