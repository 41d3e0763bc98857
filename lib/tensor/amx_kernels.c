/* Compiled for AMX only; tests compile it once more with the unit's instructions written out in C (LT_AMX_EMULATED). */
#include "tensor/amx_kernels.h"

#include <string.h>

#include "tensor/amx_conv_kernels.h"
#include "tensor/amx_vectors.h"
#include "tensor/half.h"
#include "tensor/isa.h"

enum { BLOCK = LT_AMX_BLOCK, TILE = LT_AMX_PART / 2, MAX_PARTS = 3, LINE = 64 };

/* ---- parts ---- */

/* The parts of x in the upper halves of words. Halves are rounded away from zero. */
INLINE void split(const floats *x, const int parts, words *part)
{
    floats rest = *x;
    for (int p = 0; p < parts; p++) {
        part[p] = ((words)rest + (p < 2 ? 0x8000u : 0u)) & 0xffff0000u;
        rest -= (floats)part[p];
    }
}

/* Parts of two vectors, side by side in words. */
INLINE void split_pair(const floats *first, const floats *second, const int parts, words *to)
{
    words a[MAX_PARTS], b[MAX_PARTS];
    split(first, parts, a);
    split(second, parts, b);
    for (int p = 0; p < parts; p++) to[p] = a[p] >> 16 | b[p];
}

/* ---- packing ---- */

INLINE int parts_of(const bool half) { return half ? 2 : 3; }

/* Sixteen values that lie one after the other. */
INLINE void load(const void *data, int64_t at, const bool half, floats *x)
{
    if (!half) {
        *x = *(const loose_floats *)((const float *)data + at);
        return;
    }
    const uint16_t *from = (const uint16_t *)data + at;
#if defined(LT_AMX_EMULATED)
    lt_f16_to_f32(from, (float *)x, WIDTH);
#else
    *x = (floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
#endif
}

/* Steps ahead of their use that values which lie along the depth are fetched to the second-level cache: fewer keep memory
 * waiting, measured from 1 to 12. Across one step is as good. */
enum { AHEAD = 12 };

INLINE void fetch(const void *data, int64_t at, const bool half)
{
    __builtin_prefetch((const char *)data + at * (half ? 2 : 4), 0, 2);
}

/* A step of a block, all of it there: 32 rows, or columns, by 32 depth indices from element `at` on. */
typedef struct square {
    const void *data;
    int64_t at, ld;
} square;

/* Room for one. */
typedef union whole {
    float wide[BLOCK * BLOCK];
    uint16_t half[BLOCK * BLOCK];
} whole;

/* The step from row or column i and depth index k on, of which `count` by `depth` are there; where that is not all, it is
 * copied to `copy` and zeros around it. */
INLINE square square_at(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, const bool half, whole *copy)
{
    const int64_t at = s->across ? k * s->ld + i : i * s->ld + k;
    if (count >= BLOCK && depth >= BLOCK) return (square){s->data, at, s->ld};
    const size_t size = half ? sizeof(uint16_t) : sizeof(float);
    const int64_t rows = s->across ? depth : count, columns = s->across ? count : depth;
    memset(copy, 0, BLOCK * BLOCK * size);
    for (int64_t r = 0; r < rows && r < BLOCK; r++)
        memcpy((char *)copy + (size_t)(r * BLOCK) * size, (const char *)s->data + (size_t)(at + r * s->ld) * size,
               (size_t)(columns < BLOCK ? columns : BLOCK) * size);
    return (square){copy, 0, BLOCK};
}

INLINE void put(uint16_t *to, const words *x) { *(words *)(void *)to = *x; }

/* A row, or column, that lies along the depth. */
INLINE void load_row(const square *s, int64_t i, const bool half, floats *low, floats *high)
{
    const int64_t at = s->at + i * s->ld;
    fetch(s->data, at + AHEAD * BLOCK, half);
    if (!half) fetch(s->data, at + AHEAD * BLOCK + WIDTH, half);
    load(s->data, at, half, low);
    load(s->data, at + WIDTH, half, high);
}

INLINE void pack_rows_step(const square *s, const bool half, uint16_t *to)
{
    const int parts = parts_of(half);
    for (int64_t i = 0; i < BLOCK; i++) {
        floats low, high;
        words row[MAX_PARTS];
        load_row(s, i, half, &low, &high);
        split_pair(&low, &high, parts, row);
        for (int p = 0; p < parts; p++) put(to + p * LT_AMX_PART + i * BLOCK, &row[p]);
    }
}

/* Columns that lie across: row r of a tile holds depth indices r and r + 16 of each, side by side. */
INLINE void pack_across_step(const square *s, const bool half, uint16_t *to)
{
    const int parts = parts_of(half);
    for (int64_t r = 0; r < WIDTH; r++)
        for (int64_t t = 0; t < 2; t++) {
            floats low, high;
            words row[MAX_PARTS];
            const int64_t at = s->at + r * s->ld + t * WIDTH, further = at + WIDTH * s->ld;
            if (!half || t == 0) {
                fetch(s->data, at + BLOCK * s->ld, half);
                fetch(s->data, further + BLOCK * s->ld, half);
            }
            load(s->data, at, half, &low);
            load(s->data, further, half, &high);
            split_pair(&low, &high, parts, row);
            for (int p = 0; p < parts; p++) put(to + p * LT_AMX_PART + t * TILE + r * BLOCK, &row[p]);
        }
}

/* The same of columns that lie along the depth. */
INLINE void pack_columns_step(const square *s, const bool half, uint16_t *to)
{
    const int parts = parts_of(half);
    for (int64_t t = 0; t < 2; t++) {
        words row[MAX_PARTS][WIDTH];
        for (int64_t i = 0; i < WIDTH; i++) {
            floats low, high;
            words pair[MAX_PARTS];
            load_row(s, t * WIDTH + i, half, &low, &high);
            split_pair(&low, &high, parts, pair);
            for (int p = 0; p < parts; p++) row[p][i] = pair[p];
        }
        for (int p = 0; p < parts; p++) {
            transpose(row[p]);
            for (int64_t r = 0; r < WIDTH; r++) put(to + p * LT_AMX_PART + t * TILE + r * BLOCK, &row[p][r]);
        }
    }
}

INLINE void pack(const lt_amx_source *s, const bool rows, int64_t i, int64_t count, int64_t k, int64_t depth, const bool half, uint16_t *to)
{
    whole copy;
    for (int64_t d = 0; d < depth; d += BLOCK, to += parts_of(half) * LT_AMX_PART) {
        const square q = square_at(s, i, count, k + d, depth - d, half, &copy);
        if (rows)
            pack_rows_step(&q, half, to);
        else if (s->across)
            pack_across_step(&q, half, to);
        else
            pack_columns_step(&q, half, to);
    }
}

static void pack_rows(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, uint16_t *to)
{
    if (s->half)
        pack(s, true, i, count, k, depth, true, to);
    else
        pack(s, true, i, count, k, depth, false, to);
}

static void pack_columns(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, uint16_t *to)
{
    if (s->half)
        pack(s, false, i, count, k, depth, true, to);
    else
        pack(s, false, i, count, k, depth, false, to);
}

/* ---- storing ---- */

/* Rows of a square of sums, or its columns. */
INLINE void take_square(const float *from, const bool transposed, words *row)
{
    UNROLL for (int r = 0; r < WIDTH; r++) row[r] = *(const words *)(const void *)(from + r * BLOCK);
    if (transposed) transpose(row);
}

/* A whole square of C: whatever c was where beta is zero. */
INLINE void store_square(const lt_amx_store *s, const float *from, const bool transposed, const bool fresh, float *c)
{
    words row[WIDTH];
    take_square(from, transposed, row);
    UNROLL for (int r = 0; r < WIDTH; r++) {
        loose_floats *to = (loose_floats *)(c + r * s->ldc);
        *to = fresh ? s->alpha * (floats)row[r] : s->alpha * (floats)row[r] + s->beta * *to;
    }
}

/* A part of one. */
static void store_part(const lt_amx_store *s, const float *from, int64_t rows, int64_t columns, float *c)
{
    words row[WIDTH];
    take_square(from, s->transposed, row);
    for (int64_t r = 0; r < WIDTH && r < rows; r++) {
        const floats x = (floats)row[r];
        for (int64_t j = 0; j < WIDTH && j < columns; j++) {
            float *to = c + r * s->ldc + j;
            *to = s->beta == 0.0f ? s->alpha * x[j] : s->alpha * x[j] + s->beta * *to;
        }
    }
}

enum { SQUARES = 4 };

/* Square `number` of four. */
INLINE void store_number(const lt_amx_store *s, int number)
{
    const int64_t i = number / 2 * WIDTH, j = number % 2 * WIDTH;
    const bool fresh = s->beta == 0.0f;
    const float *from = s->sums + (s->transposed ? j * BLOCK + i : i * BLOCK + j);
    float *c = s->c + i * s->ldc + j;
    if (i >= s->rows || j >= s->columns) return;
    if (s->rows - i < WIDTH || s->columns - j < WIDTH)
        store_part(s, from, s->rows - i, s->columns - j, c);
    else if (s->transposed && fresh)
        store_square(s, from, true, true, c);
    else if (s->transposed)
        store_square(s, from, true, false, c);
    else if (fresh)
        store_square(s, from, false, true, c);
    else
        store_square(s, from, false, false, c);
}

static void store(const lt_amx_store *s)
{
    for (int i = 0; i < SQUARES; i++) store_number(s, i);
}

/* ---- products ---- */

enum { HIGH, MIDDLE, LOW };

/* Tiles 0 to 3 hold the sums, 4 and 5 a part of a, 6 and 7 one of b. */
#define LOAD_A(part)                              \
    _tile_loadd(4, a + (part) * LT_AMX_PART, 64); \
    if (both_a) _tile_loadd(5, a + (part) * LT_AMX_PART + TILE, 64)
#define LOAD_B(part)                              \
    _tile_loadd(6, b + (part) * LT_AMX_PART, 64); \
    if (both_b) _tile_loadd(7, b + (part) * LT_AMX_PART + TILE, 64)
#define MULTIPLY                         \
    _tile_dpbf16ps(0, 4, 6);             \
    if (both_b) _tile_dpbf16ps(1, 4, 7); \
    if (both_a) _tile_dpbf16ps(2, 5, 6); \
    if (both_a && both_b) _tile_dpbf16ps(3, 5, 7)

/* The order of the products lets most share an operand with the one before. */
INLINE void product_body(int64_t steps, const uint16_t *a, const int a_parts, const bool both_a, const uint16_t *b, const int b_parts,
                         const bool both_b)
{
    for (int64_t step = 0; step < steps; step++, a += a_parts * LT_AMX_PART, b += b_parts * LT_AMX_PART) {
        LOAD_A(HIGH);
        if (b_parts > LOW) {
            LOAD_B(LOW);
            MULTIPLY;
        }
        LOAD_B(MIDDLE);
        MULTIPLY;
        LOAD_A(MIDDLE);
        MULTIPLY;
        LOAD_B(HIGH);
        MULTIPLY;
        if (a_parts > LOW) {
            LOAD_A(LOW);
            MULTIPLY;
        }
        LOAD_A(HIGH);
        MULTIPLY;
    }
}

INLINE void product_of_parts(int64_t steps, const uint16_t *a, const int a_parts, bool both_a, const uint16_t *b, const int b_parts, bool both_b)
{
    if (both_a && both_b)
        product_body(steps, a, a_parts, true, b, b_parts, true);
    else if (both_a)
        product_body(steps, a, a_parts, true, b, b_parts, false);
    else if (both_b)
        product_body(steps, a, a_parts, false, b, b_parts, true);
    else
        product_body(steps, a, a_parts, false, b, b_parts, false);
}

/* Steps from number `first` on. */
static void any_product(int64_t first, int64_t steps, const lt_amx_operand *a, const lt_amx_operand *b)
{
    const uint16_t *x = a->packed + first * a->parts * LT_AMX_PART, *y = b->packed + first * b->parts * LT_AMX_PART;
    if (a->parts == 3 && b->parts == 3)
        product_of_parts(steps, x, 3, a->both, y, 3, b->both);
    else if (a->parts == 3)
        product_of_parts(steps, x, 3, a->both, y, 2, b->both);
    else if (b->parts == 3)
        product_of_parts(steps, x, 2, a->both, y, 3, b->both);
    else
        product_of_parts(steps, x, 2, a->both, y, 2, b->both);
}

static void product(int64_t steps, const lt_amx_operand *a, const lt_amx_operand *b, bool add, float *sums, const lt_amx_store *before)
{
    const int64_t stride = BLOCK * sizeof(float);
    if (add) {
        _tile_loadd(0, sums, stride);
        _tile_loadd(1, sums + WIDTH, stride);
        _tile_loadd(2, sums + WIDTH * BLOCK, stride);
        _tile_loadd(3, sums + WIDTH * BLOCK + WIDTH, stride);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    /* What the unit is busy with hides that stores have to wait for memory. */
    for (int64_t i = 0, done = 0; i < SQUARES; i++) {
        const int64_t share = steps * (i + 1) / SQUARES - done;
        any_product(done, share, a, b);
        if (before) store_number(before, (int)i);
        done += share;
    }
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + WIDTH, stride);
    _tile_stored(2, sums + WIDTH * BLOCK, stride);
    _tile_stored(3, sums + WIDTH * BLOCK + WIDTH, stride);
}

/* Intel's manual, volume 1, 18.4. Constant, so that no compiler may hold it in registers. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} eight_tiles = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

static void begin(void) { _tile_loadconfig(&eight_tiles); }

static void end(void) { _tile_release(); }

const struct lt_amx_kernels LT_ISA_NAME(lt_amx_kernels) = {
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .product = product,
    .begin = begin,
    .end = end,
    .store = store,
    .conv = &LT_ISA_NAME(lt_amx_conv_kernels),
};
