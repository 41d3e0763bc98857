/* Compiled for AMX only; tests compile it once more with the unit's instructions written out in C (LT_AMX_EMULATED). */
#include "tensor/amx_kernels.h"

#if !defined(LT_AMX_EMULATED)
#include <immintrin.h>
#endif
#include <string.h>

#include "tensor/half.h"
#include "tensor/isa.h"

enum { LANES = 16, BLOCK = LT_AMX_BLOCK, TILE = LT_AMX_PART / 2, MAX_PARTS = 3, LINE = 64 };

#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(64)));
typedef float loose_floats __attribute__((vector_size(64), aligned(4), may_alias));

#if defined(__clang__) || __GNUC__ >= 12
#define MIX(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

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

/* Sixteen floats from row i; `left` of them are there. */
INLINE void load(const lt_amx_source *s, int64_t at, int64_t left, floats *x)
{
    float copy[LANES] = {0};
    if (s->half) {
        const uint16_t *from = (const uint16_t *)s->data + at;
#if !defined(LT_AMX_EMULATED)
        if (left >= LANES) {
            *x = (floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
            return;
        }
#endif
        lt_f16_to_f32(from, copy, (size_t)(left < LANES ? left : LANES));
    } else {
        const float *from = (const float *)s->data + at;
        if (left >= LANES) {
            *x = *(const loose_floats *)from;
            return;
        }
        memcpy(copy, from, (size_t)left * sizeof *copy);
    }
    *x = *(const loose_floats *)copy;
}

/* Asks for what is at `at`, which is wanted soon and lies where the processor does not expect it. */
INLINE void fetch(const lt_amx_source *s, int64_t at)
{
    __builtin_prefetch((const char *)s->data + at * (s->half ? 2 : 4));
}

/* ---- packing ---- */

/* Row i of a step: its parts, 32 depth indices each, in order; part p to to[p]. */
INLINE void split_row(const lt_amx_source *s, int64_t at, int64_t left, const int parts, halves *to)
{
    floats low = {0}, high = {0};
    words part[2][MAX_PARTS];
    if (left > 0) load(s, at, left, &low);
    if (left > LANES) load(s, at + LANES, left - LANES, &high);
    split(&low, parts, part[0]);
    split(&high, parts, part[1]);
    for (int p = 0; p < parts; p++)
        to[p] = MIX(halves, (halves)part[0][p], (halves)part[1][p], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                    31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63);
}

INLINE void pack_rows_body(const lt_amx_source *s, int64_t i0, int64_t count, int64_t k0, int64_t depth, const int parts, uint16_t *to)
{
    /* Row by row, as they lie in memory. */
    for (int64_t i = 0; i < BLOCK; i++)
        for (int64_t k = 0; k < depth; k += BLOCK) {
            halves row[MAX_PARTS] = {{0}};
            if (i < count) split_row(s, (i0 + i) * s->ld + k0 + k, depth - k, parts, row);
            for (int p = 0; p < parts; p++) *(halves *)(void *)(to + (k / BLOCK * parts + p) * LT_AMX_PART + i * BLOCK) = row[p];
        }
}

/* Exchanges `step` x `step` squares of row[0 ... 15] across the diagonal. */
#define EXCHANGE(row, step, upper, lower)                          \
    for (int i = 0; i < LANES; i++) {                              \
        if (i & (step)) continue;                                  \
        const words a = (row)[i], b = (row)[i + (step)];           \
        (row)[i] = MIX(words, a, b, upper);                        \
        (row)[i + (step)] = MIX(words, a, b, lower);               \
    }
#define UPPER_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define LOWER_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define UPPER_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define LOWER_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define UPPER_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define LOWER_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define UPPER_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define LOWER_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/* row[i] lane j = row[j] lane i */
INLINE void transpose(words *row)
{
    EXCHANGE(row, 8, UPPER_8, LOWER_8)
    EXCHANGE(row, 4, UPPER_4, LOWER_4)
    EXCHANGE(row, 2, UPPER_2, LOWER_2)
    EXCHANGE(row, 1, UPPER_1, LOWER_1)
}

/* A tile of columns: row r holds depth indices 2 r and 2 r + 1 of each column, side by side. `left` depth indices are there. */
INLINE void pack_tile(const lt_amx_source *s, int64_t i0, int64_t count, int64_t k0, int64_t left, const int parts, uint16_t *to)
{
    words row[MAX_PARTS][LANES];
    if (s->across) {
        for (int r = 0; r < LANES; r++) {
            floats even = {0}, odd = {0};
            words part[2][MAX_PARTS];
            if (2 * r + 1 + BLOCK < left) {
                fetch(s, (k0 + 2 * r + BLOCK) * s->ld + i0);
                fetch(s, (k0 + 2 * r + 1 + BLOCK) * s->ld + i0);
            }
            if (2 * r < left && count > 0) load(s, (k0 + 2 * r) * s->ld + i0, count, &even);
            if (2 * r + 1 < left && count > 0) load(s, (k0 + 2 * r + 1) * s->ld + i0, count, &odd);
            split(&even, parts, part[0]);
            split(&odd, parts, part[1]);
            for (int p = 0; p < parts; p++) row[p][r] = part[0][p] >> 16 | part[1][p];
        }
    } else {
        for (int i = 0; i < LANES; i++) {
            halves part[MAX_PARTS] = {{0}};
            if (i < count && left > 2 * BLOCK) fetch(s, (i0 + i) * s->ld + k0 + 2 * BLOCK);
            if (i < count) split_row(s, (i0 + i) * s->ld + k0, left, parts, part);
            for (int p = 0; p < parts; p++) row[p][i] = (words)part[p];
        }
        for (int p = 0; p < parts; p++) transpose(row[p]);
    }
    for (int p = 0; p < parts; p++)
        for (int r = 0; r < LANES; r++) *(words *)(void *)(to + p * LT_AMX_PART + r * BLOCK) = row[p][r];
}

INLINE void pack_columns_body(const lt_amx_source *s, int64_t i0, int64_t count, int64_t k0, int64_t depth, const int parts, uint16_t *to)
{
    for (int64_t k = 0; k < depth; k += BLOCK, to += parts * LT_AMX_PART)
        for (int t = 0; t < 2; t++) pack_tile(s, i0 + t * LANES, count - t * LANES, k0 + k, depth - k, parts, to + t * TILE);
}

static void pack_rows(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, int parts, uint16_t *to)
{
    if (parts == 3)
        pack_rows_body(s, i, count, k, depth, 3, to);
    else
        pack_rows_body(s, i, count, k, depth, 2, to);
}

static void pack_columns(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, int parts, uint16_t *to)
{
    if (parts == 3)
        pack_columns_body(s, i, count, k, depth, 3, to);
    else
        pack_columns_body(s, i, count, k, depth, 2, to);
}

/* ---- products ---- */

enum { HIGH, MIDDLE, LOW };

/* Tiles 0 to 3 hold the sums, 4 and 5 a part of a, 6 and 7 one of b. */
#define LOAD_A(part)                                              \
    _tile_loadd(4, a + (part) * LT_AMX_PART, 64);                 \
    _tile_loadd(5, a + (part) * LT_AMX_PART + TILE, 64)
#define LOAD_B(part)                                              \
    _tile_loadd(6, b + (part) * LT_AMX_PART, 64);                 \
    _tile_loadd(7, b + (part) * LT_AMX_PART + TILE, 64)
#define MULTIPLY             \
    _tile_dpbf16ps(0, 4, 6); \
    _tile_dpbf16ps(1, 4, 7); \
    _tile_dpbf16ps(2, 5, 6); \
    _tile_dpbf16ps(3, 5, 7)

/* The order of the products lets most share an operand with the one before. While they are made, `lines` cache lines a
 * step come from `ahead` to the second-level cache, where the unit would wait for them. */
INLINE void product_body(int64_t steps, const uint16_t *a, const int a_parts, const uint16_t *b, const int b_parts, const char *ahead,
                         int64_t lines)
{
    for (; steps > 0; steps--, a += a_parts * LT_AMX_PART, b += b_parts * LT_AMX_PART) {
        for (int64_t i = 0; i < lines; i++, ahead += LINE) __builtin_prefetch(ahead, 0, 2);
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

static void product(int64_t steps, const uint16_t *a, int a_parts, const uint16_t *b, int b_parts, bool add, float *sums,
                    const void *ahead, int64_t lines)
{
    const int64_t stride = BLOCK * sizeof(float);
    if (add) {
        _tile_loadd(0, sums, stride);
        _tile_loadd(1, sums + LANES, stride);
        _tile_loadd(2, sums + LANES * BLOCK, stride);
        _tile_loadd(3, sums + LANES * BLOCK + LANES, stride);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    if (a_parts == 3 && b_parts == 3)
        product_body(steps, a, 3, b, 3, ahead, lines);
    else if (a_parts == 3)
        product_body(steps, a, 3, b, 2, ahead, lines);
    else if (b_parts == 3)
        product_body(steps, a, 2, b, 3, ahead, lines);
    else
        product_body(steps, a, 2, b, 2, ahead, lines);
    _tile_stored(0, sums, stride);
    _tile_stored(1, sums + LANES, stride);
    _tile_stored(2, sums + LANES * BLOCK, stride);
    _tile_stored(3, sums + LANES * BLOCK + LANES, stride);
}

/* Intel's manual, volume 1, 18.4. Constant, so that no compiler may hold it in registers. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} eight_tiles = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

static void begin(void) { _tile_loadconfig(&eight_tiles); }

static void end(void) { _tile_release(); }

/* ---- storing ---- */

/* c[0 ... count) = alpha x + beta c */
INLINE void store_row(const floats *x, int64_t count, float alpha, float beta, float *c)
{
    if (count >= LANES) {
        loose_floats *to = (loose_floats *)c;
        *to = beta == 0.0f ? alpha * *x : alpha * *x + beta * *to;
        return;
    }
    for (int64_t j = 0; j < count; j++) c[j] = beta == 0.0f ? alpha * (*x)[j] : alpha * (*x)[j] + beta * c[j];
}

static void store(const float *sums, int64_t rows, int64_t columns, bool transposed, float alpha, float beta, float *c, int64_t ldc)
{
    for (int64_t i0 = 0; i0 < rows; i0 += LANES)
        for (int64_t j0 = 0; j0 < columns; j0 += LANES) {
            words row[LANES];
            const float *from = sums + (transposed ? j0 * BLOCK + i0 : i0 * BLOCK + j0);
            for (int r = 0; r < LANES; r++) row[r] = *(const words *)(const void *)(from + r * BLOCK);
            if (transposed) transpose(row);
            for (int64_t r = 0; r < LANES && i0 + r < rows; r++) {
                const floats x = (floats)row[r];
                store_row(&x, columns - j0, alpha, beta, c + (i0 + r) * ldc + j0);
            }
        }
}

const struct lt_amx_kernels LT_ISA_NAME(lt_amx_kernels) = {
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .product = product,
    .begin = begin,
    .end = end,
    .store = store,
};
