/* Digits, and products of digits in the unit's register tiles (see README.md); for amx*_kernels.c
 * only. */
#ifndef LT_TENSOR_AMX_DIGITS_H
#define LT_TENSOR_AMX_DIGITS_H

#if defined(LT_AMX_EMULATED)
#include <math.h>
#endif

#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/kernels/gemm/amx_vectors.h"

enum {
    SIDE = LT_AMX_SIDE,
    DEPTH = LT_AMX_DEPTH,
    DIGITS = LT_AMX_DIGITS,
    TILE = LT_AMX_TILE,
    STEP = LT_AMX_STEP,
    SUMS = LT_AMX_SUMS
};

/* Signed digits of base 256 would need carries. Adding 128 to each of the two lower digits, 0x8080
 * in all, makes them plain bytes; gather_digits() takes the 128 away again. */
#define DIGIT_BIAS 32896.0f

/* to = the integers of x times inverse, rounded to nearest, plus the bias. */
INLINE void biased_digits(const floats *x, const floats *inverse, words *to)
{
    const floats y = *x * *inverse + DIGIT_BIAS;
#if defined(LT_AMX_EMULATED)
    for (int i = 0; i < WIDTH; i++)
        (*to)[i] = (uint32_t)lrintf(y[i]);
#else
    *to = (words)_mm512_cvtps_epi32((__m512)y);
#endif
}

/* The bits of a where the mask has ones, else the bits of b. */
#define CHOOSE(mask, a, b) (((a) & (mask)) | ((b) & ~(mask)))

/* digit[d] = digit d of four vectors of biased integers: byte j of lane l comes from w[j] lane
 * l. */
INLINE void gather_digits(const words *w, words *digit)
{
    const uint32_t low = 0xffff, bytes = 0xff00ff;
    const words low_even = CHOOSE(low, w[0], w[2] << 16), low_odd = CHOOSE(low, w[1], w[3] << 16);
    const words high_even = CHOOSE(low, w[0] >> 16, w[2]), high_odd = CHOOSE(low, w[1] >> 16, w[3]);
    digit[0] = CHOOSE(bytes, high_even, high_odd << 8);
    digit[1] = CHOOSE(bytes, low_even >> 8, low_odd) ^ 0x80808080u;
    digit[2] = CHOOSE(bytes, low_even, low_odd << 8) ^ 0x80808080u;
}

INLINE void put(void *to, const words *x) { *(words *)to = *x; }

/* ---- products ---- */

/* Order k of a product collects the products of digit d of the left operand with digit k - d of the
 * right one. Register tile k holds the sums of order k. */
enum { ORDERS = 3, PRODUCT = ORDERS * SUMS };

typedef int32_t counts __attribute__((vector_size(64)));

/* Row i of the sums (orders, 16, 16) as one value per column, divided by 2^16. */
INLINE void sum_orders(const int32_t *sums, int64_t i, floats *to)
{
    floats sum = {0};
    UNROLL
    for (int k = 0; k < ORDERS; k++) {
        const counts of = *(const counts *)(const void *)(sums + k * SUMS + i * SIDE);
        sum = 256.0f * sum + __builtin_convertvector(of, floats);
    }
    *to = sum;
}

/* Finishes rows [from, to) of the previous product's sums; `to` may exceed the last row. */
typedef void settle_rows(void *what, int64_t from, int64_t to);

/* sums (orders, 16, 16) of the product of two blocks over `steps` steps. Step i of the left block
 * is at left + offset[i], with `digit` bytes between its digits; steps of the right block follow
 * each other. While the unit works on a step, the vector units settle a share of the previous
 * product's rows: one after the other, each would wait for the other.
 *
 * Register tiles: 0 1 2 sums of orders 0 1 2; 4 5 6 the right block's digits 0 1 2; 7 the left
 * block's current digit. */
INLINE void digits_product(int64_t steps, const int32_t *offset, const int8_t *left, int64_t digit,
                           const int8_t *right, settle_rows *settle, void *what, int32_t *sums)
{
    const int64_t share = (SIDE + steps - 1) / steps;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    for (int64_t i = 0; i < steps; i++, right += STEP) {
        const int8_t *x = left + offset[i];
        _tile_loadd(4, right, DEPTH);
        _tile_loadd(7, x, DEPTH);
        _tile_dpbssd(0, 7, 4);
        _tile_loadd(5, right + TILE, DEPTH);
        _tile_dpbssd(1, 7, 5);
        _tile_loadd(6, right + 2 * TILE, DEPTH);
        _tile_dpbssd(2, 7, 6);
        _tile_loadd(7, x + digit, DEPTH);
        _tile_dpbssd(2, 7, 5);
        _tile_dpbssd(1, 7, 4);
        _tile_loadd(7, x + 2 * digit, DEPTH);
        _tile_dpbssd(2, 7, 4);
        settle(what, i * share, (i + 1) * share);
    }
    _tile_stored(0, sums, DEPTH);
    _tile_stored(1, sums + SUMS, DEPTH);
    _tile_stored(2, sums + 2 * SUMS, DEPTH);
}

#endif
