/* Vectors of floats, as wide as the instruction set that the including *_kernels.c is compiled for,
 * for loops that keep many of them in registers. */
#ifndef LT_TENSOR_VEC_H
#define LT_TENSOR_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/kernels/hints.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

/* Output channels of a panel of the convolution kernel. Three vectors of sums for each, and the
 * vectors they are made of, fill the registers. */
#define PANEL (LANES == 16 ? 8 : 4)

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float loose_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vec vec_load(const float *p) { return *(const loose_vec *)p; }

INLINE void vec_store(float *p, vec v) { *(loose_vec *)p = v; }

/* Stores v past the caches where the processor can, which spares reading memory that is overwritten
 * anyway. p is aligned to the size of a vector. vec_stream_end() must follow before other threads
 * read it. */
INLINE void vec_stream(float *p, vec v)
{
#if LANES == 16
    _mm512_stream_ps(p, (__m512)v);
#elif LANES == 8
    _mm256_stream_ps(p, (__m256)v);
#else
    vec_store(p, v);
#endif
}

/* How many floats from p on lie before the first start of a cache line. */
INLINE int64_t vec_line_head(const float *p) { return (int64_t)(-(uintptr_t)p % 64 / sizeof *p); }

INLINE void vec_stream_end(void)
{
#if LANES > 4
    _mm_sfence();
#endif
}

typedef int vec_mask __attribute__((vector_size(4 * LANES)));

/* The lanes of a where the mask is set, else the lanes of b. */
INLINE vec vec_choose(vec_mask mask, vec a, vec b)
{
    return (vec)((mask & (vec_mask)a) | (~mask & (vec_mask)b));
}

INLINE vec vec_splat(float s) { return s - (vec){0}; }

#define VEC_MIX(a, b, ...) MIX(vec_mask, a, b, __VA_ARGS__)

/* Tiles (conv/README.md) in vectors.
 *
 * A vector consists of quads of four lanes; shuffles within quads are cheap. To load and store
 * tiles of four floats by such shuffles alone, lane 4 q + i of a vector holds tile i L/4 + q:
 *
 *     L = 16    lane  0  1  2  3 | 4  5  6  7 | 8  9 10 11 | 12 13 14 15
 *               tile  0  4  8 12 | 1  5  9 13 | 2  6 10 14 |  3  7 11 15 */
#if LANES == 16
#define VEC_LOW_LANES   0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define VEC_HIGH_LANES  2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define VEC_LOW_PAIRS   0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define VEC_HIGH_PAIRS  2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define VEC_EVEN_QUADS  0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define VEC_ODD_QUADS   4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define VEC_FIRST_QUADS 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23
#define VEC_LAST_QUADS  8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31
#elif LANES == 8
#define VEC_LOW_LANES   0, 8, 1, 9, 4, 12, 5, 13
#define VEC_HIGH_LANES  2, 10, 3, 11, 6, 14, 7, 15
#define VEC_LOW_PAIRS   0, 1, 8, 9, 4, 5, 12, 13
#define VEC_HIGH_PAIRS  2, 3, 10, 11, 6, 7, 14, 15
#define VEC_EVEN_QUADS  0, 1, 2, 3, 8, 9, 10, 11
#define VEC_ODD_QUADS   4, 5, 6, 7, 12, 13, 14, 15
#define VEC_FIRST_QUADS VEC_EVEN_QUADS
#define VEC_LAST_QUADS  VEC_ODD_QUADS
#else
#define VEC_LOW_LANES   0, 4, 1, 5
#define VEC_HIGH_LANES  2, 6, 3, 7
#define VEC_LOW_PAIRS   0, 1, 4, 5
#define VEC_HIGH_PAIRS  2, 3, 6, 7
#define VEC_EVEN_QUADS  0, 1, 2, 3
#define VEC_ODD_QUADS   4, 5, 6, 7
#define VEC_FIRST_QUADS VEC_EVEN_QUADS
#define VEC_LAST_QUADS  VEC_ODD_QUADS
#endif

/* Transposes the 4 x 4 floats that d[0 .. 3] have in each quad: lane j of r[i] in a quad is lane i
 * of d[j]. Twice in a row it changes nothing. */
INLINE void vec_transpose_quads(const vec *d, vec *r)
{
    const vec low0 = VEC_MIX(d[0], d[1], VEC_LOW_LANES), low1 = VEC_MIX(d[2], d[3], VEC_LOW_LANES);
    const vec high0 = VEC_MIX(d[0], d[1], VEC_HIGH_LANES),
              high1 = VEC_MIX(d[2], d[3], VEC_HIGH_LANES);
    r[0] = VEC_MIX(low0, low1, VEC_LOW_PAIRS);
    r[1] = VEC_MIX(low0, low1, VEC_HIGH_PAIRS);
    r[2] = VEC_MIX(high0, high1, VEC_LOW_PAIRS);
    r[3] = VEC_MIX(high0, high1, VEC_HIGH_PAIRS);
}

/* Loads L tiles of four floats: float j of tile l, p[4 l + j], goes to tile l's lane of d[j]. */
INLINE void vec_load_fours(const float *p, vec *d)
{
    const vec row[4] = {vec_load(p), vec_load(p + LANES), vec_load(p + 2 * LANES),
                        vec_load(p + 3 * LANES)};
    vec_transpose_quads(row, d);
}

/* The reverse of vec_load_fours(): r[0 .. 3] are the floats in the order of memory. */
INLINE void vec_mix_fours(const vec *d, vec *r) { vec_transpose_quads(d, r); }

/* Loads L tiles of eight floats: float j of tile l, p[8 l + j], goes to tile l's lane of d[j]. */
INLINE void vec_load_eights(const float *p, vec *d)
{
    vec half[2][4];
    UNROLL
    for (int i = 0; i < 2; i++) {
        vec row[4];
        UNROLL
        for (int k = 0; k < 4; k++)
            row[k] = vec_load(p + (2 * k + i) * LANES);
        vec_transpose_quads(row, half[i]);
    }
    UNROLL
    for (int j = 0; j < 4; j++) {
        d[j] = VEC_MIX(half[0][j], half[1][j], VEC_EVEN_QUADS);
        d[4 + j] = VEC_MIX(half[0][j], half[1][j], VEC_ODD_QUADS);
    }
}

/* The reverse of vec_load_eights(): r[0 .. 7] are the floats in the order of memory. */
INLINE void vec_mix_eights(const vec *d, vec *r)
{
    vec first[4], last[4], even[4], odd[4];
    UNROLL
    for (int j = 0; j < 4; j++) {
        first[j] = VEC_MIX(d[j], d[4 + j], VEC_FIRST_QUADS);
        last[j] = VEC_MIX(d[j], d[4 + j], VEC_LAST_QUADS);
    }
    vec_transpose_quads(first, even);
    vec_transpose_quads(last, odd);
    UNROLL
    for (int k = 0; k < 4; k++) {
        r[2 * k] = even[k];
        r[2 * k + 1] = odd[k];
    }
}

/* The sum of the lanes, from the first to the last. */
INLINE float vec_sum(vec v)
{
    float sum = 0;
    UNROLL
    for (int l = 0; l < LANES; l++)
        sum += v[l];
    return sum;
}

#endif
