/* What *_kernels.c tell the compiler. */
#ifndef LT_TENSOR_KERNEL_HINTS_H
#define LT_TENSOR_KERNEL_HINTS_H

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
