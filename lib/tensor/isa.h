/* Run-time choice between copies of the hot loops.
 *
 * A source named *_kernels.c is compiled once per instruction set, each time with another
 * LT_ISA_SUFFIX. It exports one table of functions,
 * `const struct lt_foo_kernels LT_ISA_NAME(lt_foo_kernels) = {...}`. Its header announces the
 * tables with LT_ISA_DECLARE(lt_foo_kernels), and callers pick the one for their context with
 * LT_ISA_SELECT(ctx, lt_foo_kernels). */
#ifndef LT_TENSOR_ISA_H
#define LT_TENSOR_ISA_H

#include "tensor/cpu.h"

#define LT_ISA_CAT2(a, b)  a##_##b
#define LT_ISA_CAT(a, b)   LT_ISA_CAT2(a, b)
#define LT_ISA_NAME(table) LT_ISA_CAT(table, LT_ISA_SUFFIX)

#if defined(__x86_64__)
#define LT_ISA_DECLARE(table) extern const struct table table##_base, table##_avx2, table##_avx512
#define LT_ISA_SELECT(ctx, table)                  \
    ((ctx)->isa == LT_ISA_AVX512 ? &table##_avx512 \
     : (ctx)->isa == LT_ISA_AVX2 ? &table##_avx2   \
                                 : &table##_base)
#else
#define LT_ISA_DECLARE(table)     extern const struct table table##_base
#define LT_ISA_SELECT(ctx, table) ((void)(ctx), &table##_base)
#endif

#endif
