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

#endif
