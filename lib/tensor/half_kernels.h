/* 16-bit values to float32 at the speed of memory, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_HALF_KERNELS_H
#define LT_TENSOR_HALF_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/isa.h"

struct lt_half_kernels {
    /* Give the values of lt_f16_to_f32() and lt_bf16_to_f32(); only the payloads of NaNs may
     * differ. */
    void (*f16)(const uint16_t *src, float *dst, size_t n);
    void (*bf16)(const uint16_t *src, float *dst, size_t n);
};

LT_ISA_DECLARE(lt_half_kernels);

#endif
