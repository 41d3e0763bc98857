/* Which processor, which kernels and which BLAS a context computes with. */
#ifndef LT_TENSOR_IN_USE_H
#define LT_TENSOR_IN_USE_H

#include "tensor/context.h"

LT_BEGIN_DECLS

typedef struct lt_cpu_info {
    char blas[96];    /* OpenBLAS's own configuration string, or "portable" */
    char kernels[32]; /* OpenBLAS's kernel set: "SkylakeX", "Haswell", ..., or "portable" */
    char isa[16];     /* this library's own kernels: "avx512, amx", "avx512", "avx2", "base" */
    char cpu[64];     /* the processor's name as the system tells it, or "unknown" */
    int cores;        /* cores that this process may run on, 1..256 */
} lt_cpu_info;

/* Loads the BLAS if no product has done so yet. */
LT_API lt_cpu_info lt_cpu_describe(lt_ctx *ctx);

LT_END_DECLS

#endif
