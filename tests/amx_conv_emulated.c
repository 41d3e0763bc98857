#include "amx_emulated.h"

#include "amx_unit.h"

#include "tensor/kernels/conv/amx_conv_kernels.c"
