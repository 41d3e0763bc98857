/* What *_kernels.c tell the compiler. */
#ifndef LT_TENSOR_KERNEL_HINTS_H
#define LT_TENSOR_KERNEL_HINTS_H

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The elements of vectors a and b, side by side, of these numbers; type: a vector of as many
 * integers as large. */
#if defined(__clang__) || __GNUC__ >= 12
#define MIX(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

#endif
