/* Vectors as wide as a row of a register tile, 64 bytes, for amx*_kernels.c only. Tests compile
 * those files once more, for processors without AMX (LT_AMX_EMULATED). */
#ifndef LT_TENSOR_AMX_VECTORS_H
#define LT_TENSOR_AMX_VECTORS_H

#include <stdint.h>

#include "tensor/kernels/hints.h"
#include "tensor/kernels/vec.h"

#if !defined(LT_AMX_EMULATED)
#include <immintrin.h>
#endif

enum { WIDTH = 16 };

typedef float floats __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));
typedef float loose_floats __attribute__((vector_size(64), aligned(4), may_alias));

/* largest[l] = the larger of largest[l] and the bits of |x[l]|, for the lanes l of a vector. As
 * bits, a NaN is larger than every number. */
INLINE void keep_largest(vec x, uint32_t *largest)
{
    vec_mask *to = (vec_mask *)(void *)largest;
    const vec_mask bits = (vec_mask)x & INT32_MAX;
#if LANES == 16
    *to = (vec_mask)_mm512_max_epi32((__m512i)bits, (__m512i)*to);
#else
    const vec_mask more = bits > *to;
    *to = (more & bits) | (~more & *to);
#endif
}

/* Exchanges the squares of `step` x `step` words of row[0 ... 15] that lie across the diagonal. */
#define EXCHANGE(row, step, upper, lower)                \
    UNROLL                                               \
    for (int i = 0; i < WIDTH; i++) {                    \
        if (i & (step))                                  \
            continue;                                    \
        const words a = (row)[i], b = (row)[i + (step)]; \
        (row)[i] = MIX(words, a, b, upper);              \
        (row)[i + (step)] = MIX(words, a, b, lower);     \
    }
#define UPPER_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define LOWER_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define UPPER_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define LOWER_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define UPPER_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define LOWER_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define UPPER_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define LOWER_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/* Transposes 16 x 16 words: row[i] lane j becomes row[j] lane i. */
INLINE void transpose(words *row)
{
    EXCHANGE(row, 8, UPPER_8, LOWER_8)
    EXCHANGE(row, 4, UPPER_4, LOWER_4)
    EXCHANGE(row, 2, UPPER_2, LOWER_2)
    EXCHANGE(row, 1, UPPER_1, LOWER_1)
}

#endif
