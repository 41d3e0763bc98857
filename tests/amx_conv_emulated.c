#include "amx_emulated.h"

#include "amx_unit.h"

#include "tensor/amx_conv_kernels.c"
