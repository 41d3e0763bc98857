/* The hot loops of matrix products on AMX, the matrix unit of Intel's Xeons since Sapphire Rapids.
 *
 * The unit multiplies bfloat16 and sums in float32. A float32 is split into three bfloat16 parts of eight bits each,
 * high, middle and low, which together are the number itself, and a product of two numbers into products of parts, of
 * which those below 2^-24 are left out:
 *
 *     a b = ah bh + (ah bm + am bh) + (ah bl + am bm + al bh) + O(2^-24 a b)
 *
 * so results are as exact as float32 products (Henry, Tang & Heinecke 2019, "Leveraging the bfloat16 Artificial
 * Intelligence Datatype For Higher-Precision Computations"). Values that come from float16 have no low part, those from
 * bfloat16 only a high one. An infinity gives NaNs.
 *
 * A product C = A B is made of blocks of 32 x 32 elements of C. The unit's tile registers hold 16 x 16 of them, or 16
 * rows of A by 32 depth indices, or 16 columns of B by as many. Operands are packed in that order: block after block of
 * 32 rows of A, or columns of B, in it step after step of 32 depth indices, in it part after part, in it two tiles. In a step
 * indices d and d + 16 come together, a word for both; any order would do that is the same on both sides. */
#ifndef LT_TENSOR_AMX_KERNELS_H
#define LT_TENSOR_AMX_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

struct lt_amx_conv_kernels; /* amx_conv_kernels.h */

enum {
    LT_AMX_BLOCK = 32,              /* rows and columns of a block, and depth indices of a step */
    LT_AMX_PART = 32 * 32,          /* elements of a part of a step */
    LT_AMX_SUMS = 32 * 32,          /* floats of a block of C */
};

/* Values to pack: element (i, k), row of A or column of B by depth index, is at i * ld + k, or `across` at
 * k * ld + i. `half`: float16, not float32. */
typedef struct lt_amx_source {
    const void *data;
    int64_t ld;
    bool across, half;
} lt_amx_source;

/* Sums (32, 32) on their way: c[i * ldc + j] = alpha sums[i][j] + beta c[i * ldc + j], i < rows, j < columns;
 * `transposed`: sums[j][i]. */
typedef struct lt_amx_store {
    const float *sums;
    int64_t rows, columns;
    bool transposed;
    float alpha, beta, *c;
    int64_t ldc;
} lt_amx_store;

/* A packed block: steps of so many parts, and whether it has more than the first 16 rows, or columns; what the others would
 * make is not made then. */
typedef struct lt_amx_operand {
    const uint16_t *packed;
    int parts;
    bool both;
} lt_amx_operand;

struct lt_amx_kernels {
    /* Packs `count` (at most 32) rows or columns, from i on, by `depth` indices from k on: ceil(depth / 32) steps,
     * zeros where there is no element. Rows of A cannot lie across. */
    void (*pack_rows)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, uint16_t *to);
    void (*pack_columns)(const lt_amx_source *s, int64_t i, int64_t count, int64_t k, int64_t depth, uint16_t *to);

    /* sums (32, 32) = or += the product of `steps` steps of a and b; meanwhile `before` is stored, unless NULL. Between
     * begin() and end() on the same thread only. */
    void (*product)(int64_t steps, const lt_amx_operand *a, const lt_amx_operand *b, bool add, float *sums, const lt_amx_store *before);
    void (*begin)(void);
    void (*end)(void);

    void (*store)(const lt_amx_store *s);

    const struct lt_amx_conv_kernels *conv;
};

extern const struct lt_amx_kernels lt_amx_kernels_amx;

#endif
