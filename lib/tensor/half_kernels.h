/* 16-bit weights to float32 at the speed of memory, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_HALF_KERNELS_H
#define LT_TENSOR_HALF_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/isa.h"

struct lt_half_kernels {
    /* As lt_f16_to_f32() and lt_bf16_to_f32(), value for value but for the payloads of NaNs. */
    void (*f16)(const uint16_t *src, float *dst, size_t n);
    void (*bf16)(const uint16_t *src, float *dst, size_t n);
};

LT_ISA_DECLARE(lt_half_kernels);

#endif
