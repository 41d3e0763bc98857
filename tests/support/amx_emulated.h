/* The kernels for AMX with the unit's instructions written out in C, for processors without it. */
#ifndef TESTS_AMX_EMULATED_H
#define TESTS_AMX_EMULATED_H

#include "tensor/kernels/conv/amx_conv_kernels.h"
#include "tensor/kernels/gemm/amx_kernels.h"
#include "tensor/tensor_impl.h"

extern const struct lt_amx_conv_kernels lt_amx_conv_kernels_emulated;
extern const struct lt_amx_kernels lt_amx_kernels_emulated;

/* The tables that tests of AMX run with: the emulated one, and that of the processor. */
enum { CHECK_AMX_TABLES = 2 };

/* A context with table `i`; NULL where the processor lacks what it needs. */
lt_ctx *check_open_amx(int threads, int i);

#endif
