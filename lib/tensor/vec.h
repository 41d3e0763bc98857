/* Vectors of floats for kernels that keep many of them in registers: as wide as the
 * instruction set that the including *_kernels.c is compiled for. */
#ifndef LT_TENSOR_VEC_H
#define LT_TENSOR_VEC_H

#include <stdbool.h>
#include <stddef.h>

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

/* Output channels of a panel of the convolution kernel: with three vectors each, and what they are made of, they fill
 * the registers. */
#define PANEL (LANES == 16 ? 8 : 4)

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float loose_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vec vec_load(const float *p)
{
    return *(const loose_vec *)p;
}

INLINE void vec_store(float *p, vec v)
{
    *(loose_vec *)p = v;
}

/* Past the caches, which spares reading what is overwritten; p is aligned as vectors are. vec_stream_end() before
 * other threads read it. */
INLINE void vec_stream(float *p, vec v)
{
#if LANES == 16
    _mm512_stream_ps(p, (__m512)v);
#elif LANES == 8
    _mm256_stream_ps(p, (__m256)v);
#else
    *(vec *)(void *)p = v;
#endif
}

INLINE void vec_stream_end(void)
{
#if LANES > 4
    _mm_sfence();
#endif
}

INLINE vec vec_splat(float s)
{
    return s - (vec){0};
}

#if defined(__clang__) || __GNUC__ >= 12
#define VEC_MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define VEC_MIX(a, b, ...) __builtin_shuffle(a, b, (int __attribute__((vector_size(4 * LANES)))){__VA_ARGS__})
#endif
#if LANES == 16
#define VEC_EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define VEC_ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define VEC_LOW_LANES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define VEC_HIGH_LANES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define VEC_EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14
#define VEC_ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15
#define VEC_LOW_LANES 0, 8, 1, 9, 2, 10, 3, 11
#define VEC_HIGH_LANES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define VEC_EVEN_LANES 0, 2, 4, 6
#define VEC_ODD_LANES 1, 3, 5, 7
#define VEC_LOW_LANES 0, 4, 1, 5
#define VEC_HIGH_LANES 2, 6, 3, 7
#endif

/* Every other element of a and b, the first or the second of each two. */
INLINE vec vec_even(vec a, vec b)
{
    return VEC_MIX(a, b, VEC_EVEN_LANES);
}

INLINE vec vec_odd(vec a, vec b)
{
    return VEC_MIX(a, b, VEC_ODD_LANES);
}

/* d[j] lane l = p[4 l + j] */
INLINE void vec_load_fours(const float *p, vec *d)
{
    const vec a = vec_load(p), b = vec_load(p + LANES);
    const vec e = vec_load(p + 2 * LANES), f = vec_load(p + 3 * LANES);
    const vec even0 = vec_even(a, b), even1 = vec_even(e, f);
    const vec odd0 = vec_odd(a, b), odd1 = vec_odd(e, f);
    d[0] = vec_even(even0, even1);
    d[1] = vec_even(odd0, odd1);
    d[2] = vec_odd(even0, even1);
    d[3] = vec_odd(odd0, odd1);
}

/* r[0], r[1] = a and b lane by lane by turns */
INLINE void vec_mix_pairs(vec a, vec b, vec *r)
{
    r[0] = VEC_MIX(a, b, VEC_LOW_LANES);
    r[1] = VEC_MIX(a, b, VEC_HIGH_LANES);
}

/* Element 4 l + j of r[0], ... r[3] one after the other = d[j] lane l */
INLINE void vec_mix_fours(const vec *d, vec *r)
{
    vec even[2], odd[2];
    vec_mix_pairs(d[0], d[2], even);
    vec_mix_pairs(d[1], d[3], odd);
    vec_mix_pairs(even[0], odd[0], r);
    vec_mix_pairs(even[1], odd[1], r + 2);
}

/* d[j] lane l = p[8 l + j] */
INLINE void vec_load_eights(const float *p, vec *d)
{
    vec a[4], b[4];
    vec_load_fours(p, a);
    vec_load_fours(p + 4 * LANES, b);
    UNROLL for (int j = 0; j < 4; j++) {
        d[j] = vec_even(a[j], b[j]);
        d[4 + j] = vec_odd(a[j], b[j]);
    }
}

/* Element 8 l + j of r[0], ... r[7] one after the other = d[j] lane l */
INLINE void vec_mix_eights(const vec *d, vec *r)
{
    vec low[4], high[4];
    UNROLL for (int j = 0; j < 4; j++) {
        low[j] = VEC_MIX(d[j], d[j + 4], VEC_LOW_LANES);
        high[j] = VEC_MIX(d[j], d[j + 4], VEC_HIGH_LANES);
    }
    vec_mix_fours(low, r);
    vec_mix_fours(high, r + 4);
}

/* A row of outputs in the order of memory: its sum with `with`, then scaled and stored, or streamed. */
INLINE vec vec_finish_row(const int vectors, const vec *r, float scale, const float *with, bool stream, float *y,
                      vec sum)
{
    UNROLL for (int v = 0; v < vectors; v++) {
        if (with) sum += r[v] * vec_load(with + v * LANES);
        if (stream)
            vec_stream(y + v * LANES, r[v] * scale);
        else
            vec_store(y + v * LANES, r[v] * scale);
    }
    return sum;
}

INLINE float vec_sum(vec v)
{
    float sum = 0;
    UNROLL for (int l = 0; l < LANES; l++) sum += v[l];
    return sum;
}

#endif
