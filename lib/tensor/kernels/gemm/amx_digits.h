/* Digits of integers and sums of their products (amx_kernels.h), for amx*_kernels.c only. */
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

/* The two lower digits 128 more than they are, so that none is negative: 0x8080 in all. */
#define DIGIT_BIAS 32896.0f

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

/* a where the mask's bits are, else b. */
#define CHOOSE(mask, a, b) (((a) & (mask)) | ((b) & ~(mask)))

/* Of four vectors of such integers, digit d of all in word d. */
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

/* Order k of a product is what digits d of the left and k - d of the right side make; tile k holds
 * its sums. */
enum { ORDERS = 3, PRODUCT = ORDERS * SUMS };

typedef int32_t counts __attribute__((vector_size(64)));

/* Row i of sums (orders, 16, 16), over 2^16. */
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

/* What becomes of rows [from, to) of the sums before; some past the last do not count. */
typedef void settle_rows(void *what, int64_t from, int64_t to);

/* sums (orders, 16, 16) of `steps` steps: of the left side at left + offset[i], its digits `digit`
 * bytes apart, of the right side one after the other. While the unit is at a step, the vector units
 * settle some of the rows before: by themselves they would wait for each other. */
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
