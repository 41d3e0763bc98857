#include "support/amx_emulated.h"

#include "support/amx_unit.h"

#include "tensor/kernels/conv/amx_conv_kernels.c"
