/* Packing matrices into digits, and products of packed blocks (amx_kernels.h). Compiled for AMX
 * only; tests compile it once more with the unit's instructions written out in C
 * (LT_AMX_EMULATED). */
#include "tensor/kernels/gemm/amx_kernels.h"

#include "tensor/kernels/gemm/amx_digits.h"
#include "tensor/half.h"
#include "tensor/isa.h"

enum { FOURTHS = DEPTH / WIDTH };

/* ---- packing ---- */

/* x = sixteen elements from `at` on, zeros past the first `count`. `whole` promises that all
 * sixteen are there. */
INLINE void load(const lt_amx_source *s, int64_t at, int64_t count, const bool half,
                 const bool whole, floats *x)
{
    const float *wide = (const float *)s->data + at;
    const uint16_t *narrow = (const uint16_t *)s->data + at;
#if defined(LT_AMX_EMULATED)
    *x = (floats){0};
    for (int64_t i = 0; i < WIDTH && (whole || i < count); i++) {
        float value;
        if (half)
            lt_f16_to_f32(narrow + i, &value, 1);
        else
            value = wide[i];
        (*x)[i] = value;
    }
#else
    const __mmask16 there = whole || count >= WIDTH ? 0xffff
                            : count <= 0            ? 0
                                                    : (__mmask16)((1u << count) - 1);
    if (half)
        *x = (floats)_mm512_cvtph_ps(whole
                                         ? _mm256_loadu_si256((const __m256i *)(const void *)narrow)
                                         : _mm256_maskz_loadu_epi16(there, narrow));
    else
        *x = (floats)(whole ? _mm512_loadu_ps(wide) : _mm512_maskz_loadu_ps(there, wide));
#endif
}

/* keep_largest() for sixteen lanes. */
INLINE void keep_largest_of(const floats *x, words *largest)
{
    UNROLL
    for (int v = 0; v < WIDTH; v += LANES)
        keep_largest(vec_load((const float *)x + v), (uint32_t *)largest + v);
}

/* The largest lane. */
INLINE uint32_t largest_of(const words *largest)
{
#if defined(LT_AMX_EMULATED)
    uint32_t bits = 0;
    for (int i = 0; i < WIDTH; i++)
        bits = (*largest)[i] > bits ? (*largest)[i] : bits;
    return bits;
#else
    return _mm512_reduce_max_epu32((__m512i)*largest);
#endif
}

/* lt_amx_worth() for sixteen rows or columns. */
INLINE void worths_of(const words *bits, float *worth, floats *inverse)
{
    for (int i = 0; i < WIDTH; i++) {
        float x;
        worth[i] = lt_amx_worth((*bits)[i], &x);
        (*inverse)[i] = x;
    }
}

/* A row or a column whose depth indices lie one after the other. */
typedef struct vector {
    int64_t at, depth; /* number of its first element, how many elements */
} vector;

/* The bits of a vector's largest magnitude. */
INLINE uint32_t survey_vector(const lt_amx_source *s, vector l, const bool half, const bool whole)
{
    words largest = {0};
    floats x;
#if !defined(LT_AMX_EMULATED)
    if (half && whole) { /* float16 until the last */
        __m512i most = _mm512_setzero_si512();
        for (int64_t k = 0; k < l.depth; k += 2 * WIDTH) {
            const __m512i both = _mm512_loadu_si512((const uint16_t *)s->data + l.at + k);
            most = _mm512_max_epu16(most, _mm512_and_si512(both, _mm512_set1_epi16(INT16_MAX)));
        }
        x = (floats)_mm512_cvtph_ps(_mm512_castsi512_si256(most));
        keep_largest_of(&x, &largest);
        x = (floats)_mm512_cvtph_ps(_mm512_extracti64x4_epi64(most, 1));
        keep_largest_of(&x, &largest);
        return largest_of(&largest);
    }
#endif
    for (int64_t k = 0; k < l.depth; k += WIDTH) {
        load(s, l.at + k, l.depth - k, half, whole, &x);
        keep_largest_of(&x, &largest);
    }
    return largest_of(&largest);
}

/* Updates the largest magnitudes of sixteen columns with their elements of one depth index, which
 * lie side by side from `at` on. */
INLINE void survey_row(const lt_amx_source *s, int64_t at, int64_t count, const bool half,
                       const bool whole, words *largest)
{
#if !defined(LT_AMX_EMULATED)
    if (half && whole) { /* float16 until the last */
        __m256i *most = (__m256i *)(void *)largest;
        const __m256i x =
            _mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)s->data + at));
        *most = _mm256_max_epu16(*most, _mm256_and_si256(x, _mm256_set1_epi16(INT16_MAX)));
        return;
    }
#endif
    floats x;
    load(s, at, count, half, whole, &x);
    keep_largest_of(&x, largest);
}

/* Turns what survey_row() collected into bits of float32. */
INLINE void end_survey(const bool half, const bool whole, words *largest)
{
#if !defined(LT_AMX_EMULATED)
    if (half && whole)
        *largest = (words)_mm512_cvtph_ps(*(const __m256i *)(const void *)largest);
#endif
    (void)half, (void)whole, (void)largest;
}

/* The digits of a vector's step from depth index k on. */
INLINE void vector_digits(const lt_amx_source *s, vector l, int64_t k, float inverse,
                          const bool half, const bool whole, words *digit)
{
    const floats factor = inverse - (floats){0};
    words w[FOURTHS];
    UNROLL
    for (int j = 0; j < FOURTHS; j++) {
        const int64_t at = k + j * WIDTH;
        floats x;
        load(s, l.at + at, l.depth - at, half, whole, &x);
        biased_digits(&x, &factor, &w[j]);
    }
    gather_digits(w, digit);
}

/* Packs a block of sixteen vectors: as rows of A, or `turned` as columns of B, whose register tiles
 * have four depth indices of each column side by side. */
INLINE void pack_vectors(const lt_amx_source *s, const bool turned, int64_t i, int64_t count,
                         int64_t k, int64_t depth, const bool half, const bool whole, int8_t *to,
                         float *worth)
{
    vector l[SIDE];
    words bits;
    for (int64_t r = 0; r < SIDE; r++) {
        l[r] = (vector){(i + r) * s->ld + k, r < count ? depth : 0};
        bits[r] = survey_vector(s, l[r], half, whole);
    }
    floats inverse;
    worths_of(&bits, worth, &inverse);
    for (int64_t at = 0; at < depth; at += DEPTH, to += STEP) {
        words row[DIGITS][SIDE];
        for (int64_t r = 0; r < SIDE; r++) {
            words digit[DIGITS];
            vector_digits(s, l[r], at, inverse[r], half, whole, digit);
            for (int d = 0; d < DIGITS; d++)
                if (turned)
                    row[d][r] = digit[d];
                else
                    put(to + d * TILE + r * DEPTH, &digit[d]);
        }
        for (int d = 0; turned && d < DIGITS; d++) {
            transpose(row[d]);
            UNROLL
            for (int r = 0; r < SIDE; r++)
                put(to + d * TILE + r * DEPTH, &row[d][r]);
        }
    }
}

/* Packs columns whose elements of one depth index lie side by side, from element `from` on. Reading
 * goes row by row through all blocks, in the order of memory. */
INLINE void pack_across(const lt_amx_source *s, int64_t from, int64_t count, int64_t depth,
                        const bool half, const bool whole, int8_t *to, float *worth)
{
    const int64_t blocks = (count + SIDE - 1) / SIDE, block = (depth + DEPTH - 1) / DEPTH * STEP;
    words largest[LT_AMX_PACKED] = {{0}};
    floats inverse[LT_AMX_PACKED];
    for (int64_t k = 0; k < depth; k++)
        for (int64_t b = 0; b < blocks; b++)
            survey_row(s, from + k * s->ld + b * SIDE, count - b * SIDE, half, whole, &largest[b]);
    for (int64_t b = 0; b < blocks; b++) {
        end_survey(half, whole, &largest[b]);
        worths_of(&largest[b], worth + b * SIDE, &inverse[b]);
    }
    for (int64_t at = 0; at < depth; at += DEPTH, to += STEP)
        for (int64_t r = 0; r < WIDTH; r++)
            for (int64_t b = 0; b < blocks; b++) {
                words w[FOURTHS], digit[DIGITS];
                UNROLL
                for (int j = 0; j < FOURTHS; j++) {
                    const int64_t k = at + r + j * WIDTH;
                    floats x;
                    load(s, from + k * s->ld + b * SIDE, k < depth ? count - b * SIDE : 0, half,
                         whole, &x);
                    biased_digits(&x, &inverse[b], &w[j]);
                }
                gather_digits(w, digit);
                for (int d = 0; d < DIGITS; d++)
                    put(to + b * block + d * TILE + r * DEPTH, &digit[d]);
            }
}

/* Chooses the loop with as few checks as the operand allows. */
INLINE void pack(const lt_amx_source *s, const bool columns, const bool across, int64_t i,
                 int64_t count, int64_t k, int64_t depth, const bool half, int8_t *to, float *worth)
{
    const bool even = depth % DEPTH == 0;
    if (across && even && count % SIDE == 0) {
        pack_across(s, k * s->ld + i, count, depth, half, true, to, worth);
        return;
    }
    if (across) {
        pack_across(s, k * s->ld + i, count, depth, half, false, to, worth);
        return;
    }
    for (; count > 0;
         i += SIDE, count -= SIDE, to += (depth + DEPTH - 1) / DEPTH * STEP, worth += SIDE) {
        if (even && count >= SIDE)
            pack_vectors(s, columns, i, SIDE, k, depth, half, true, to, worth);
        else
            pack_vectors(s, columns, i, count, k, depth, half, false, to, worth);
    }
}

static void pack_rows(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                      int8_t *to, float *worth)
{
    if (s->half)
        pack(s, false, false, i, count, k, depth, true, to, worth);
    else
        pack(s, false, false, i, count, k, depth, false, to, worth);
}

static void pack_columns(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                         int8_t *to, float *worth)
{
    if (s->half)
        pack(s, true, s->across, i, count, k, depth, true, to, worth);
    else
        pack(s, true, s->across, i, count, k, depth, false, to, worth);
}

/* ---- products ---- */

/* The previous product, whose integer sums become floats while the unit works on the next one. With
 * the last slice the floats go on to C. */
typedef struct pending {
    const lt_amx_walk *walk;
    const int32_t *sums;               /* NULL: there is no previous product */
    const float *rows;                 /* scales of its rows */
    floats columns;                    /* scales of its columns, times 2^16 */
    float *to, *c;                     /* where its floats are added up, and its place in C */
    int64_t rows_there, columns_there; /* rows and columns of C from this product on */
    lt_amx_ahead ahead;
} pending;

/* Adds row i of the integer sums to the floats; the first slice sets them. */
INLINE void settle_row(const pending *p, int64_t i, const bool first)
{
    floats sum, *to = (floats *)(void *)(p->to + i * SIDE);
    sum_orders(p->sums, i, &sum);
    sum *= p->columns * p->rows[i];
    *to = first ? sum : *to + sum;
}

/* Writes a product that lies inside of C as a whole. */
INLINE void store_square(const pending *p, const bool transposed, const bool fresh)
{
    const lt_amx_walk *w = p->walk;
    const int64_t ld = transposed ? w->column : w->row;
    words row[SIDE];
    UNROLL
    for (int r = 0; r < SIDE; r++)
        row[r] = *(const words *)(const void *)(p->to + r * SIDE);
    if (transposed)
        transpose(row);
    UNROLL
    for (int r = 0; r < SIDE; r++) {
        loose_floats *to = (loose_floats *)(p->c + r * ld);
        *to = fresh ? w->alpha * (floats)row[r] : w->alpha * (floats)row[r] + w->beta * *to;
    }
}

/* Writes the part of a product that lies inside of C. */
static void store_part(const pending *p)
{
    const lt_amx_walk *w = p->walk;
    for (int64_t i = 0; i < SIDE && i < p->rows_there; i++)
        for (int64_t j = 0; j < SIDE && j < p->columns_there; j++) {
            float *to = p->c + i * w->row + j * w->column;
            const float x = w->alpha * p->to[i * SIDE + j];
            *to = w->beta == 0.0f ? x : x + w->beta * *to;
        }
}

/* Writes a finished product to C. */
static void store(const pending *p)
{
    const bool transposed = p->walk->row == 1, fresh = p->walk->beta == 0.0f;
    if (p->rows_there < SIDE || p->columns_there < SIDE)
        store_part(p);
    else if (transposed && fresh)
        store_square(p, true, true);
    else if (transposed)
        store_square(p, true, false);
    else if (fresh)
        store_square(p, false, true);
    else
        store_square(p, false, false);
}

/* settle_rows for matrices: rows from `from` on, then one step's share of fetching. */
INLINE void settle(void *what, int64_t from, int64_t to)
{
    pending *p = what;
    if (p->sums && from < SIDE) {
        if (p->walk->first)
            for (int64_t i = from; i < to && i < SIDE; i++)
                settle_row(p, i, true);
        else
            for (int64_t i = from; i < to && i < SIDE; i++)
                settle_row(p, i, false);
        if (p->walk->last && to >= SIDE)
            store(p);
    }
    lt_amx_fetch(&p->ahead);
}

/* Multiplies kept block i with passing block j; meanwhile the previous product is settled. */
INLINE void block_product(const lt_amx_walk *w, int64_t i, int64_t j, pending *before,
                          int32_t *sums)
{
    static const int32_t offset[LT_AMX_STEPS] = {0, STEP, 2 * STEP, 3 * STEP, 4 * STEP, 5 * STEP};
    const lt_amx_blocks *left = w->kept_left ? &w->kept : &w->passing,
                        *right = w->kept_left ? &w->passing : &w->kept;
    const int64_t a = w->kept_left ? i : j, b = w->kept_left ? j : i, block = w->steps * STEP;
    digits_product(w->steps, offset, left->digits + a * block, TILE, right->digits + b * block,
                   settle, before, sums);
    before->sums = sums;
    before->rows = left->worth + a * SIDE;
    before->columns = 65536.0f * *(const loose_floats *)(right->worth + b * SIDE);
    before->to = w->sums + (i * w->passing.count + j) * SUMS;
    before->c = w->c + a * SIDE * w->row + b * SIDE * w->column;
    before->rows_there = left->elements - a * SIDE;
    before->columns_there = right->elements - b * SIDE;
    const bool whole = before->rows_there >= SIDE && before->columns_there >= SIDE;
    for (int64_t r = 0; w->last && whole && r < SIDE; r++)
        __builtin_prefetch(before->c + r * (w->row == 1 ? w->column : w->row), 1);
}

/* Passing blocks are the outer loop: each stays in the first-level cache while all kept blocks meet
 * it, and rows of C are written in long runs. */
static void matrix_products(const lt_amx_walk *walk)
{
    _Alignas(64) int32_t sums[2][PRODUCT];
    pending before = {.walk = walk, .ahead = *walk->ahead};
    int turn = 0;
    for (int64_t j = 0; j < walk->passing.count; j++)
        for (int64_t i = 0; i < walk->kept.count; i++, turn ^= 1)
            block_product(walk, i, j, &before, sums[turn]);
    settle(&before, 0, SIDE);
    *walk->ahead = before.ahead;
}

/* The configuration of the unit (Intel's manual, volume 1, 18.4): eight register tiles of 16 rows
 * of 64 bytes. A constant in memory, because the instruction reads it behind the compiler's
 * back. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} eight_tiles = {.palette = 1,
                 .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                 .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

static void begin(void) { _tile_loadconfig(&eight_tiles); }

static void end(void) { _tile_release(); }

const struct lt_amx_kernels LT_ISA_NAME(lt_amx_kernels) = {
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .products = matrix_products,
    .begin = begin,
    .end = end,
};
