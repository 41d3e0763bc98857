/* The hot loops of matrix products on AMX, the matrix unit of Intel's Xeons since Sapphire Rapids.
 * README.md beside this file draws the digits, the register tiles and the packed blocks.
 *
 * The unit multiplies bytes and adds the products up in 32 bits, so float32 values are split into
 * three signed digits of base 256 (the scheme of Ozaki, Ogita, Oishi & Rump 2012, "Error-free
 * transformations of matrix multiplication by using fast routines of matrix multiplication", in
 * fixed point). First a scale turns the values that are added up together into 24-bit integers, the
 * largest of them into the largest integer. With the digits a0 a1 a2 and b0 b1 b2 of two integers
 *
 *     a b = a0 b0 2^32 + (a0 b1 + a1 b0) 2^24 + (a0 b2 + a1 b1 + a2 b0) 2^16 + O(2^23)
 *
 * and the sums of these six products are exact. The products left out and the rounding to integers
 * cause errors as large as those of sums in float32. Adding (a1 b2 + a2 b1) 2^8 would halve the
 * errors and cost a third more products. The usual alternative, three parts of bfloat16 (Henry,
 * Tang & Heinecke 2019), takes twice as long, because the unit multiplies bfloat16 at half the
 * rate.
 *
 * A block is 16 rows of the left operand or 16 columns of the right one; a product of two blocks is
 * 16 x 16 sums. A step covers 64 indices of the depth, which fill one register tile per digit.
 * Which indices share a step does not matter as long as both operands agree.
 *
 * Matrices: byte 4 i + j of a step's row is depth index i + 16 j. Each slice of 384 depth indices
 * has a scale of its own for every row and column, so that a peak costs only its own row, or
 * column, and slice its accuracy. A value that is not finite makes its row, or column, of the
 * result not finite. */
#ifndef LT_TENSOR_AMX_KERNELS_H
#define LT_TENSOR_AMX_KERNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LT_AMX_SIDE = 16,                          /* rows or columns of a block */
    LT_AMX_DEPTH = 64,                         /* depth indices of a step */
    LT_AMX_DIGITS = 3,                         /* digits of an integer */
    LT_AMX_TILE = LT_AMX_SIDE * LT_AMX_DEPTH,  /* bytes of a register tile: one digit of a step */
    LT_AMX_STEP = LT_AMX_DIGITS * LT_AMX_TILE, /* bytes of a block's step */
    LT_AMX_SUMS = LT_AMX_SIDE * LT_AMX_SIDE,   /* sums of a product of two blocks */
    LT_AMX_STEPS = 6,                          /* steps of a slice, at most */
    LT_AMX_PACKED = 12,                        /* blocks packed by one call, at most */
    LT_AMX_LINE = 64,                          /* bytes of a cache line */
};

/* The scale of values whose largest magnitude has these bits: the integer 1 stands for the result,
 * and `*inverse` turns values into integers. The scale of an all-zero row is 0, not a tiny number:
 * padding rows would otherwise produce subnormals, which are slow. Magnitudes below 1e-31 count as
 * 1e-31. */
static inline float lt_amx_worth(uint32_t bits, float *inverse)
{
    const float integers = 8355000.0f, least = 1e-31f;
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    const float from = largest < least ? least : largest;
    *inverse = integers / from;
    return bits == 0 ? 0.0f : from / integers;
}

/* Memory that will be read soon, to be fetched into the caches meanwhile. It consists of sets of
 * rows. Every step of a product fetches a few cache lines; fetching many at once would keep the
 * unit waiting. */
typedef struct lt_amx_ahead {
    const char *next;     /* the row that is being fetched */
    int64_t left;         /* rows still to fetch, this one included */
    int64_t bytes, done;  /* bytes of a row, and how many of this one are fetched */
    int64_t row;          /* bytes from one row to the next */
    int64_t set;          /* bytes from the last row of a set to the first row of the next set */
    int64_t rows, in_set; /* rows of a set, and how many of this set are fetched */
    int64_t fetches;      /* cache lines to fetch per step */
} lt_amx_ahead;

/* How many cache lines each of `steps` steps must fetch so that all of them are fetched. */
static inline int64_t lt_amx_fetches(const lt_amx_ahead *a, int64_t steps)
{
    return (a->left * ((a->bytes + LT_AMX_LINE - 1) / LT_AMX_LINE) + steps - 1) / steps;
}

/* Fetches one step's share of cache lines into the second-level cache. */
static inline void lt_amx_fetch(lt_amx_ahead *a)
{
    for (int64_t i = 0; i < a->fetches && a->left > 0; i++) {
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

/* An operand before it is packed. Element k of the depth of row i of A, or of column i of B, lies
 * at i * ld + k, or with `across` at k * ld + i. The elements are float32, or with `half`
 * float16. */
typedef struct lt_amx_source {
    const void *data;
    int64_t ld;
    bool across, half;
} lt_amx_source;

/* Packed blocks of one side, one after the other. */
typedef struct lt_amx_blocks {
    const int8_t *digits; /* (count, steps, digits, tile) */
    const float *worth;   /* (count, 16) the scale of each row or column */
    int64_t count;        /* blocks */
    int64_t elements;     /* rows or columns of the matrix from here on; the rest is padding */
} lt_amx_blocks;

/* One slice of the products of every kept block with every passing block. The sums of all slices so
 * far are kept as floats; the last slice writes c[...] = alpha sum + beta c[...]. Where beta is 0,
 * C is not read and may hold anything. */
typedef struct lt_amx_walk {
    int64_t steps;               /* of this slice */
    lt_amx_blocks kept, passing; /* the two sides */
    bool kept_left;              /* the kept side holds rows of A; else columns of B */
    bool first, last;            /* whether this is the first, the last slice */
    float *sums;                 /* (kept block, passing block, 16, 16) */
    float alpha, beta, *c;       /* c: where the first kept and the first passing block meet */
    int64_t row, column;         /* elements of C from one row to the next, from one column to the
                                    next; one of the two is 1 */
    lt_amx_ahead *ahead;         /* memory to fetch meanwhile */
} lt_amx_walk;

struct lt_amx_kernels {
    /* Pack `count` rows of A, or columns of B, from i on, and of their depth `depth` indices from k
     * on. `to` gets ceil(count / 16) blocks of ceil(depth / 64) steps, padded with zeros; `worth`
     * gets the scales (blocks, 16). count is at most 16 LT_AMX_PACKED, depth at most 64
     * LT_AMX_STEPS. Rows of A cannot lie across. */
    void (*pack_rows)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                      int8_t *to, float *worth);
    void (*pack_columns)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth,
                         int8_t *to, float *worth);

    /* begin() configures the unit for the calling thread and end() releases it; products(), here
     * and in lt_amx_conv_kernels, may run only between the two. */
    void (*products)(const lt_amx_walk *walk);
    void (*begin)(void);
    void (*end)(void);
};

extern const struct lt_amx_kernels lt_amx_kernels_amx;

#endif
