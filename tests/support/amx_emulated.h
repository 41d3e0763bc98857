/* The AMX kernels, compiled for any processor: the Makefile compiles each amx*_kernels.c once more
 * with amx_unit.h in front, which replaces the unit's instructions by C functions. */
#ifndef TESTS_AMX_EMULATED_H
#define TESTS_AMX_EMULATED_H

#include "tensor/kernels/conv/amx_conv_kernels.h"
#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/tensor_impl.h"

extern const struct lt_amx_conv_kernels lt_amx_conv_kernels_emulated;
extern const struct lt_amx_kernels lt_amx_kernels_emulated;

/* Tests of AMX run twice: i = 0 on the emulated unit, i = 1 on the processor's. */
enum { CHECK_AMX_TABLES = 2 };

/* A context for round `i` of a test. Where i = 1 and the processor has no AMX, `test` (__func__) is
 * reported as skipped and the result is NULL. */
lt_ctx *check_open_amx(const char *test, int threads, int i);

#endif
