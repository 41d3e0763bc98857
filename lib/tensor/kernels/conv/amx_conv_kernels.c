/* 3 x 3 convolutions on the AMX unit: transforms, digits, products and outputs
 * (amx_conv_kernels.h). Compiled for AMX only; tests compile it once more with the unit's
 * instructions written out in C (LT_AMX_EMULATED). */
#include "tensor/kernels/conv/amx_conv_kernels.h"

#if defined(LT_AMX_EMULATED)
#include <string.h>
#endif

#include "tensor/kernels/gemm/amx_digits.h"
#include "tensor/kernels/tail_vec.h"
#include "tensor/isa.h"
#include "tensor/kernels/conv/winograd_axis.h"

/* Lines of a strip with direct sums. More lines pack fewer input rows twice: neighbouring strips
 * share one or two. */
enum { DIRECT_LINES = 4 };

enum { POINTS = LT_AMX_CONV_POINTS, VECTORS = SIDE / LANES };

/* ---- transforms of inputs ---- */

/* Transforms the rows d of a slab to points t. */
typedef void points_of(const vec *d, vec *t);

/* The L columns of a row from x on; columns outside of [0, width) are zero. */
INLINE vec load_columns(const float *row, int64_t width, int64_t x)
{
    const int64_t skip = x < 0 ? -x : 0, count = width - x - skip;
    vec columns = {0};
    if (skip == 0 && count >= LANES)
        return vec_load(row + x);
    for (int64_t i = skip; i < LANES && i < skip + count; i++)
        columns[i] = row[x + i];
    return columns;
}

/* d[0] = the columns x, x + 2, ... and d[1] = the columns x + 1, x + 3, ... of a row. */
INLINE void load_phases(const float *row, int64_t width, int64_t x, vec *d)
{
    const vec a = load_columns(row, width, x), b = load_columns(row, width, x + LANES);
#if LANES == 16
    d[0] = VEC_MIX(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    d[1] = VEC_MIX(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#else
    for (int i = 0; i < LANES; i++) {
        d[i % 2][i / 2] = a[i];
        d[i % 2][(LANES + i) / 2] = b[i];
    }
#endif
}

/* t[f][p] = point p of phase f of the L pixels from i on of channel c. */
INLINE void points_at(points_of *transform, const int rows, const int phases,
                      const lt_amx_conv_slab *in, int64_t c, int64_t i, vec (*t)[POINTS])
{
    const float scale = in->scale ? in->scale[c] : 1.0f;
    vec d[2][LT_AMX_CONV_ROWS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        const float *row = in->rows[r] + c * in->plane[r];
        vec both[2] = {{0}};
        if (phases == 2)
            load_phases(row, in->width, in->x + 2 * i, both);
        else
            both[0] = load_columns(row, in->width, in->x + i);
        UNROLL
        for (int f = 0; f < phases; f++)
            d[f][r] = scale * both[f];
    }
    UNROLL
    for (int f = 0; f < phases; f++)
        transform(d[f], t[f]);
}

INLINE void survey_of(points_of *transform, const int rows, const int points, const int phases,
                      const lt_amx_conv_slab *in, int64_t count, uint32_t *largest)
{
    for (int64_t c = 0; c < in->channels; c++)
        for (int64_t i = 0; i < count; i += LANES) {
            vec t[2][POINTS];
            points_at(transform, rows, phases, in, c, i, t);
            UNROLL
            for (int f = 0; f < phases; f++) {
                UNROLL
                for (int p = 0; p < points; p++)
                    keep_largest(t[f][p], largest + p * SIDE + i % SIDE);
            }
        }
}

INLINE void slab_points(points_of *transform, const int rows, const int points, const int phases,
                        const lt_amx_conv_slab *in, float *to)
{
    const int64_t phase = in->channels * SIDE, point = phases * phase;
    for (int64_t c = 0; c < in->channels; c++, to += SIDE)
        for (int64_t i = 0; i < SIDE; i += LANES) {
            vec t[2][POINTS];
            points_at(transform, rows, phases, in, c, i, t);
            UNROLL
            for (int f = 0; f < phases; f++) {
                UNROLL
                for (int p = 0; p < points; p++)
                    vec_store(to + p * point + f * phase + i, t[f][p]);
            }
        }
}

/* Direct sums: the only point is the row itself. */
INLINE void direct_points(const vec *d, vec *t) { t[0] = d[0]; }

static void same_survey(const lt_amx_conv_slab *in, int64_t count, uint32_t *largest)
{
    survey_of(same_points, WINOGRAD_SIDE, WINOGRAD_SIDE, 1, in, count, largest);
}

static void same_slab(const lt_amx_conv_slab *in, float *to)
{
    slab_points(same_points, WINOGRAD_SIDE, WINOGRAD_SIDE, 1, in, to);
}

static void up_survey(const lt_amx_conv_slab *in, int64_t count, uint32_t *largest)
{
    survey_of(direct_points, 1, 1, 1, in, count, largest);
}

static void up_slab(const lt_amx_conv_slab *in, float *to)
{
    slab_points(direct_points, 1, 1, 1, in, to);
}

static void down_survey(const lt_amx_conv_slab *in, int64_t count, uint32_t *largest)
{
    survey_of(direct_points, 1, 1, 2, in, count, largest);
}

static void down_slab(const lt_amx_conv_slab *in, float *to)
{
    slab_points(direct_points, 1, 1, 2, in, to);
}

/* ---- transforms of weights ---- */

enum { ROW = 3, SQUARE = ROW * ROW };

/* tap[t] = tap t of 16 output channels, of which the first `count` exist. The nine taps of a
 * channel are neighbours in memory: each channel is loaded as a row, and the square of rows is
 * transposed. */
INLINE void load_taps(int count, const float *g, int64_t g_step, int tap_step, floats *tap)
{
    words row[SIDE] = {{0}};
    const float *first = tap_step < 0 ? g - (SQUARE - 1) : g;
    for (int i = 0; i < count; i++) {
#if defined(LT_AMX_EMULATED)
        memcpy(&row[i], first + i * g_step, SQUARE * sizeof *g);
#else
        row[i] = (words)_mm512_maskz_loadu_epi32(0x1ff, first + i * g_step);
#endif
    }
    transpose(row);
    UNROLL
    for (int t = 0; t < SQUARE; t++)
        tap[t] = (floats)row[tap_step < 0 ? SQUARE - 1 - t : t];
}

/* Stores a tap of 16 output channels and updates the largest magnitudes. */
INLINE void put_tap(const float *tap, float *to, uint32_t *largest)
{
    UNROLL
    for (int v = 0; v < SIDE; v += LANES) {
        const vec x = vec_load(tap + v);
        vec_store(to + v, x);
        keep_largest(x, largest + v);
    }
}

/* Transforms along columns, in double; along rows the taps stay. */
static void same_weights(int count, const float *g, int64_t g_step, int tap_step, float *to,
                         int64_t step, uint32_t *largest)
{
    floats tap[SQUARE];
    double wide[ROW][SIDE], column[WINOGRAD_SIDE][SIDE];
    float narrow[SIDE];
    load_taps(count, g, g_step, tap_step, tap);
    for (int j = 0; j < ROW; j++) {
        for (int r = 0; r < ROW; r++)
            for (int i = 0; i < SIDE; i++)
                wide[r][i] = (double)tap[ROW * r + j][i];
        same_taps(SIDE, wide[0], SIDE, column[0]);
        for (int q = 0; q < WINOGRAD_SIDE; q++) {
            for (int i = 0; i < SIDE; i++)
                narrow[i] = (float)column[q][i];
            put_tap(narrow, to + (q * ROW + j) * step, largest + q * SIDE);
        }
    }
}

static void direct_weights(int count, const float *g, int64_t g_step, int tap_step, float *to,
                           int64_t step, uint32_t *largest)
{
    floats tap[SQUARE];
    load_taps(count, g, g_step, tap_step, tap);
    for (int t = 0; t < SQUARE; t++)
        put_tap((const float *)&tap[t], to + t * step, largest);
}

/* ---- digits ---- */

/* Digits of the four channels from c on; channels that do not exist count as zero. */
INLINE void quad_digits(const float *from, int64_t c, int64_t channels, const floats *inverse,
                        words *digit)
{
    words w[4];
    UNROLL
    for (int i = 0; i < 4; i++) {
        floats x = {0};
        if (c + i < channels)
            x = *(const loose_floats *)(from + (c + i) * SIDE);
        biased_digits(&x, inverse, &w[i]);
    }
    gather_digits(w, digit);
}

static void pixels(const float *from, int64_t channels, float inverse, int64_t digit, int8_t *to)
{
    const floats factor = inverse - (floats){0};
    words row[DIGITS][SIDE];
    for (int64_t c = 0; c < DEPTH; c += 4) {
        words quad[DIGITS] = {{0}};
        if (c < channels)
            quad_digits(from, c, channels, &factor, quad);
        for (int d = 0; d < DIGITS; d++)
            row[d][c / 4] = quad[d];
    }
    for (int d = 0; d < DIGITS; d++) {
        transpose(row[d]);
        UNROLL
        for (int i = 0; i < SIDE; i++)
            put(to + d * digit + i * DEPTH, &row[d][i]);
    }
}

static void digits(const float *from, int64_t channels, const float *inverse, int8_t *to)
{
    const floats factor = *(const loose_floats *)inverse;
    for (int64_t c = 0; c < DEPTH; c += 4, to += sizeof(words)) {
        words quad[DIGITS] = {{0}};
        if (c < channels)
            quad_digits(from, c, channels, &factor, quad);
        for (int d = 0; d < DIGITS; d++)
            put(to + d * TILE, &quad[d]);
    }
}

/* ---- products ---- */

/* The previous product, whose integer sums become floats while the unit works on the next one. */
typedef struct pending {
    const int32_t *sums; /* NULL: there is no previous product */
    floats worth;        /* its scales, times 2^16 */
    bool add;            /* to m, which holds the steps before; else m is set */
    float *m;
    lt_amx_ahead ahead;
} pending;

/* settle_rows for convolutions: rows from `from` on, then one step's share of fetching. */
INLINE void settle(void *what, int64_t from, int64_t to)
{
    pending *p = what;
    for (int64_t i = from; p->sums && i < to && i < SIDE; i++) {
        floats sum, *m = (floats *)(void *)(p->m + i * SIDE);
        sum_orders(p->sums, i, &sum);
        *m = p->add ? *m + sum * p->worth : sum * p->worth;
    }
    lt_amx_fetch(&p->ahead);
}

/* Steps whose weights stay in the first-level cache while all pixels of the walk meet them. */
enum { STRETCH = 9 };

static void conv_products(const lt_amx_conv_walk *walk, float *m)
{
    const struct lt_amx_conv_scheme *s = walk->scheme;
    const int64_t stride = s->points * s->classes * SUMS,
                  line = s->line_step * s->points * walk->point;
    _Alignas(64) int32_t sums[2][PRODUCT];
    pending before = {.ahead = *walk->ahead};
    const int8_t *w = walk->weights;
    int turn = 0;
    for (int p = 0; p < s->points; p++) {
        const floats worth =
            65536.0f * walk->rows[p] * *(const loose_floats *)(walk->columns + p * SIDE);
        const int8_t *first = walk->pixels + p * walk->point;
        const int32_t *offset = walk->offset;
        for (int c = 0; c < s->classes; c++, m += SUMS) {
            const int64_t all = s->taps[c] * walk->steps;
            for (int64_t step = 0, steps; step < all;
                 step += steps, w += steps * STEP, offset += steps) {
                steps = all - step < STRETCH ? all - step : STRETCH;
                float *to = m;
                for (int64_t l = 0; l < walk->lines; l++)
                    for (int64_t i = 0; i < walk->count; i++, turn ^= 1, to += stride) {
                        digits_product(steps, offset, first + l * line + i * SIDE * DEPTH,
                                       walk->digit, w, settle, &before, sums[turn]);
                        before.sums = sums[turn];
                        before.worth = worth;
                        before.add = step > 0;
                        before.m = to;
                    }
            }
        }
    }
    settle(&before, 0, SIDE);
    *walk->ahead = before.ahead;
}

/* ---- transforms of outputs ---- */

/* row = the transpose of 16 x 16 floats: pixel by channel becomes channel by pixel. */
INLINE void turn(const float *t, words *row)
{
    UNROLL
    for (int i = 0; i < SIDE; i++)
        row[i] = *(const words *)(const void *)(t + i * SIDE);
    transpose(row);
}

/* Transposes 16 x 16 floats from t to `to`. */
INLINE void turn_to(const float *t, float *to)
{
    words row[SIDE];
    turn(t, row);
    UNROLL
    for (int i = 0; i < SIDE; i++)
        *(words *)(void *)(to + i * SIDE) = row[i];
}

static void same_outputs(const float *m, float *rows)
{
    _Alignas(64) float t[WINOGRAD_TILE * SUMS];
    for (int64_t at = 0; at < SUMS; at += LANES) {
        vec d[WINOGRAD_SIDE], y[WINOGRAD_TILE];
        UNROLL
        for (int p = 0; p < WINOGRAD_SIDE; p++)
            d[p] = vec_load(m + p * SUMS + at);
        same_values(d, y);
        UNROLL
        for (int r = 0; r < WINOGRAD_TILE; r++)
            vec_store(t + r * SUMS + at, y[r]);
    }
    for (int r = 0; r < WINOGRAD_TILE; r++)
        turn_to(t + r * SUMS, rows + r * SUMS);
}

static void down_outputs(const float *m, float *rows) { turn_to(m, rows); }

/* Even and odd columns come from different classes and alternate in a row. */
static void up_outputs(const float *m, float *rows)
{
    for (int r = 0; r < 2; r++, m += 2 * SUMS) {
        words even[SIDE], odd[SIDE];
        turn(m, even);
        turn(m + SUMS, odd);
        UNROLL
        for (int i = 0; i < SIDE; i++) {
            words *to = (words *)(void *)(rows + 2 * (r * SUMS + i * SIDE));
            to[0] =
                MIX(words, even[i], odd[i], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[1] = MIX(words, even[i], odd[i], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                        30, 15, 31);
        }
    }
}

/* ---- tails ---- */

/* Copies fewer than 16 floats. */
INLINE void copy_few(const float *from, int64_t count, float *to)
{
#if defined(LT_AMX_EMULATED)
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
#else
    const __mmask16 there = (__mmask16)((1u << count) - 1);
    _mm512_mask_storeu_ps(to, there, _mm512_maskz_loadu_ps(there, from));
#endif
}

/* Copies a run of outputs past the caches: whole cache lines by streaming stores, the floats before
 * and after them by ordinary ones. */
INLINE void stream_run(const float *from, int64_t count, float *to)
{
    int64_t i = vec_line_head(to);
    copy_few(from, i, to);
    for (; i + WIDTH <= count; i += WIDTH) {
        UNROLL
        for (int v = 0; v < WIDTH; v += LANES)
            vec_stream(to + i + v, vec_load(from + i + v));
    }
    copy_few(from + i, count - i, to + i);
}

/* Channel by channel and row by row, so that memory is written in long runs. */
INLINE void finish_body(const float *rows, int64_t out_rows, const int vectors, const bool by_runs,
                        int64_t count, const lt_amx_conv_target *to)
{
    const int64_t wide = vectors * LANES, next = out_rows * SIDE * wide;
    _Alignas(64) float run[LT_AMX_CONV_RUN];
    for (int64_t i = 0; i < to->outs; i++) {
        const lt_tail tail = to->tail[i];
        vec sum = {0};
        for (int64_t r = 0; r < to->rows; r++) {
            const int64_t first = i * to->plane + r * to->row;
            float *y = by_runs ? run : to->y + first;
            for (int64_t n = 0; n < count; n++) {
                const float *from = rows + n * next + (r * SIDE + i) * wide;
                const int64_t at = first + n * wide;
                vec x[TAIL_VECTORS];
                UNROLL
                for (int v = 0; v < vectors; v++)
                    x[v] = vec_load(from + v * LANES) + tail.bias;
                sum = tail_finish_row(vectors, x, &tail, to->with ? to->with + at : NULL,
                                      to->noise ? to->noise + r * to->row + n * wide : NULL,
                                      y + n * wide, sum);
            }
            if (by_runs)
                stream_run(run, count * wide, to->y + first);
        }
        if (to->with)
            to->dot[i] = vec_sum(sum);
    }
}

static void finish(const float *rows, int64_t out_rows, int columns, int64_t count,
                   const lt_amx_conv_target *to)
{
    if (columns == 1)
        finish_body(rows, out_rows, VECTORS, false, count, to);
    else if (to->by_runs)
        finish_body(rows, out_rows, 2 * VECTORS, true, count, to);
    else
        finish_body(rows, out_rows, 2 * VECTORS, false, count, to);
}

const struct lt_amx_conv_kernels LT_ISA_NAME(lt_amx_conv_kernels) = {
    .same = {.points = WINOGRAD_SIDE,
             .in_rows = WINOGRAD_SIDE,
             .in_step = WINOGRAD_TILE,
             .seen = 1,
             .line_step = 1,
             .lines = 1,
             .out_rows = WINOGRAD_TILE,
             .columns = 1,
             .phases = 1,
             .classes = 1,
             .halo = 2,
             .weights_taps = ROW,
             .taps = {3},
             .tap = {{{0, 0, 0, 0}, {1, 0, 0, 1}, {2, 0, 0, 2}}},
             .survey = same_survey,
             .slab_points = same_slab,
             .weights = same_weights,
             .outputs = same_outputs},
    .up = {.points = 1,
           .in_rows = 1,
           .in_step = 1,
           .seen = 2,
           .line_step = 1,
           .lines = DIRECT_LINES,
           .out_rows = 2,
           .columns = 2,
           .phases = 1,
           .classes = 4,
           .halo = 1,
           .weights_taps = SQUARE,
           .taps = {4, 2, 2, 1},
           .tap = {{{0, 0, 0, 0}, {2, 0, 0, 1}, {6, 1, 0, 0}, {8, 1, 0, 1}},
                   {{1, 0, 0, 1}, {7, 1, 0, 1}},
                   {{3, 1, 0, 0}, {5, 1, 0, 1}},
                   {{4, 1, 0, 1}}},
           .survey = up_survey,
           .slab_points = up_slab,
           .weights = direct_weights,
           .outputs = up_outputs},
    .down = {.points = 1,
             .in_rows = 1,
             .in_step = 1,
             .seen = 3,
             .line_step = 2,
             .lines = DIRECT_LINES,
             .out_rows = 1,
             .columns = 1,
             .phases = 2,
             .classes = 1,
             .halo = 1,
             .weights_taps = SQUARE,
             .taps = {9},
             .tap = {{{0, 0, 0, 0},
                      {1, 0, 1, 0},
                      {2, 0, 0, 1},
                      {3, 1, 0, 0},
                      {4, 1, 1, 0},
                      {5, 1, 0, 1},
                      {6, 2, 0, 0},
                      {7, 2, 1, 0},
                      {8, 2, 0, 1}}},
             .survey = down_survey,
             .slab_points = down_slab,
             .weights = direct_weights,
             .outputs = down_outputs},
    .pixels = pixels,
    .digits = digits,
    .products = conv_products,
    .finish = finish,
    .stream_end = vec_stream_end,
};
