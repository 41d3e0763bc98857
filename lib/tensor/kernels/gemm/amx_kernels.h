/* The hot loops of matrix products on AMX, the matrix unit of Intel's Xeons since Sapphire Rapids.
 *
 * The unit multiplies bytes and sums in 32 bits. A value is made a 24-bit integer by the largest of
 * those it is added up with, and that split into three signed digits of base 256 (the scheme of
 * Ozaki, Ogita, Oishi & Rump 2012, "Error-free transformations of matrix multiplication by using
 * fast routines of matrix multiplication", in fixed point):
 *
 *     a b = a0 b0 2^32 + (a0 b1 + a1 b0) 2^24 + (a0 b2 + a1 b1 + a2 b0) 2^16 + O(2^23)
 *
 * Sums of products of digits are exact. What is left out and the rounding of the integers come to
 * errors as large as those of float32's; (a1 b2 + a2 b1) 2^8 would halve them and cost a third more
 * products. Six products of bytes take half of the time of three parts of bfloat16 (Henry, Tang &
 * Heinecke 2019), which the unit multiplies at half the rate.
 *
 * A product is of 16 rows and 16 columns. Its tiles hold 64 depth indices a step: of a row 64 bytes
 * one after the other, of columns fours of them, column after column. Any order of the depth would
 * do that is the same on both sides.
 *
 * In products of matrices byte 4 i + j of a row is depth index i + 16 j, and each slab of the depth
 * has its own largest values by row and column: a peak costs digits of its row, or column, of its
 * slab only. A value that is not finite makes its row, or column, of the result so. */
#ifndef LT_TENSOR_AMX_KERNELS_H
#define LT_TENSOR_AMX_KERNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LT_AMX_SIDE = 16,  /* rows and columns of a product */
    LT_AMX_DEPTH = 64, /* depth indices of a step */
    LT_AMX_DIGITS = 3,
    LT_AMX_TILE = LT_AMX_SIDE * LT_AMX_DEPTH, /* bytes: a digit of a step */
    LT_AMX_STEP = LT_AMX_DIGITS * LT_AMX_TILE,
    LT_AMX_SUMS = LT_AMX_SIDE * LT_AMX_SIDE, /* sums of a product */
    LT_AMX_STEPS = 6,                        /* of a slab of matrices' depth */
    LT_AMX_PACKED = 12,                      /* blocks that are packed together, at most */
    LT_AMX_LINE = 64,                        /* bytes of a line of the caches */
};

/* What an integer's 1 is worth, and the inverse of that, by the bits of the largest value. Values
 * below 1e-31 are not told apart; nothing is worth nothing, so that rows and columns that are not
 * there do not make subnormal numbers, which are slow. */
static inline float lt_amx_worth(uint32_t bits, float *inverse)
{
    const float integers = 8355000.0f, least = 1e-31f;
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    const float from = largest < least ? least : largest;
    *inverse = integers / from;
    return bits == 0 ? 0.0f : from / integers;
}

/* Memory that is wanted soon, row by row: rows of a set one after the other, set after set. A few
 * cache lines are fetched with each step: many at once would keep the tiles waiting. */
typedef struct lt_amx_ahead {
    const char *next;    /* row */
    int64_t left;        /* rows */
    int64_t bytes, done; /* of a row, and how many of them are fetched */
    int64_t row,
        set; /* bytes from a row to the next, and from a set's last to the next set's first */
    int64_t rows, in_set; /* of a set, and how many of them are done */
    int64_t lines;        /* of a step */
} lt_amx_ahead;

/* Lines of a step with which all are fetched in so many. */
static inline int64_t lt_amx_lines(const lt_amx_ahead *a, int64_t steps)
{
    return (a->left * ((a->bytes + LT_AMX_LINE - 1) / LT_AMX_LINE) + steps - 1) / steps;
}

/* A step's lines, to the second-level cache. */
static inline void lt_amx_fetch(lt_amx_ahead *a)
{
    for (int64_t i = 0; i < a->lines && a->left > 0; i++) {
        __builtin_prefetch(a->next + a->done, 0, 2);
        a->done += LT_AMX_LINE;
        if (a->done < a->bytes)
            continue;
        const bool last = ++a->in_set == a->rows;
        a->next += last ? a->set : a->row;
        a->done = 0;
        a->left--;
        if (last)
            a->in_set = 0;
    }
}

/* Values to pack: element (i, k), row of A or column of B by depth index, is at i * ld + k, or
 * `across` at k * ld + i. `half`: float16, not float32. */
typedef struct lt_amx_source {
    const void *data;
    int64_t ld;
    bool across, half;
} lt_amx_source;

/* Digits of one side: block after block of 16 rows or columns (steps, 3, tile), and what their
 * integers are worth (16). */
typedef struct lt_amx_blocks {
    const int8_t *digits;
    const float *worth;
    int64_t count;
    int64_t elements; /* rows or columns that are there */
} lt_amx_blocks;

/* A slab of the products of two sides' blocks. Sums are floats (kept block, passing block, 16, 16),
 * and go to C with the last slab: c[...] = alpha sum + beta c[...], whatever C was where beta is
 * zero. */
typedef struct lt_amx_walk {
    int64_t steps;
    lt_amx_blocks kept, passing;
    bool kept_left;   /* rows of products are of the kept side */
    bool first, last; /* slab */
    float *sums;
    float alpha, beta, *c;
    int64_t row, column; /* elements of C from a product's row to the next, from column to column;
                            one of them is 1 */
    lt_amx_ahead *ahead; /* fetched meanwhile */
} lt_amx_walk;

struct lt_amx_kernels {
    /* Digits of `count` (at most 16 LT_AMX_PACKED) rows or columns, from i on, by `depth` (at most
     * 64 LT_AMX_STEPS) indices from k on, zeros where there is no element: ceil(count / 16) blocks
     * of ceil(depth / 64) steps to `to`, what integers are worth (blocks, 16) to `worth`. Rows of A
     * cannot lie across. */
    void (*pack_rows)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                      int8_t *to, float *worth);
    void (*pack_columns)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                         int8_t *to, float *worth);

    /* Between begin() and end() on the same thread only. */
    void (*products)(const lt_amx_walk *walk);
    void (*begin)(void);
    void (*end)(void);
};

extern const struct lt_amx_kernels lt_amx_kernels_amx;

#endif
