/* Vectors of floats for kernels that keep many of them in registers: as wide as the
 * instruction set that the including *_kernels.c is compiled for. */
#ifndef LT_TENSOR_VEC_H
#define LT_TENSOR_VEC_H

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

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

/* p[2 l] = a, p[2 l + 1] = b of lane l */
INLINE void vec_store_pairs(float *p, vec a, vec b)
{
    vec_store(p, VEC_MIX(a, b, VEC_LOW_LANES));
    vec_store(p + LANES, VEC_MIX(a, b, VEC_HIGH_LANES));
}

/* p[4 l + j] = d[j] lane l */
INLINE void vec_store_fours(float *p, const vec *d)
{
    const vec even0 = VEC_MIX(d[0], d[2], VEC_LOW_LANES), even1 = VEC_MIX(d[0], d[2], VEC_HIGH_LANES);
    const vec odd0 = VEC_MIX(d[1], d[3], VEC_LOW_LANES), odd1 = VEC_MIX(d[1], d[3], VEC_HIGH_LANES);
    vec_store_pairs(p, even0, odd0);
    vec_store_pairs(p + 2 * LANES, even1, odd1);
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

/* p[8 l + j] = d[j] lane l */
INLINE void vec_store_eights(float *p, const vec *d)
{
    vec low[4], high[4];
    UNROLL for (int j = 0; j < 4; j++) {
        low[j] = VEC_MIX(d[j], d[j + 4], VEC_LOW_LANES);
        high[j] = VEC_MIX(d[j], d[j + 4], VEC_HIGH_LANES);
    }
    vec_store_fours(p, low);
    vec_store_fours(p + 4 * LANES, high);
}

#endif
