/* Hints for the compiler, for *_kernels.c. */
#ifndef LT_TENSOR_KERNEL_HINTS_H
#define LT_TENSOR_KERNEL_HINTS_H

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A vector of the lanes of a and b with the given numbers, where the lanes of b count on from those
 * of a. `type` is a vector of integers of the same size and number of lanes. */
#if defined(__clang__) || __GNUC__ >= 12
#define MIX(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

#endif
