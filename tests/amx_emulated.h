/* The kernels for AMX with the unit's instructions written out in C, for processors without it. */
#ifndef TESTS_AMX_EMULATED_H
#define TESTS_AMX_EMULATED_H

#include "tensor/amx_conv_kernels.h"
#include "tensor/amx_kernels.h"

extern const struct lt_amx_conv_kernels lt_amx_conv_kernels_emulated;
extern const struct lt_amx_kernels lt_amx_kernels_emulated;

#endif
