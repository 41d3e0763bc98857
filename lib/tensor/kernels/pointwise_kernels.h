/* The hot loops of 1 x 1 convolutions to or from a few channels, one table per instruction set
 * (isa.h). */
#ifndef LT_TENSOR_POINTWISE_KERNELS_H
#define LT_TENSOR_POINTWISE_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

enum {
    LT_POINTWISE_FEW = 4 /* the most channels of the narrow side, and of the wide side at a time */
};

/* How results are written: over what was there, the same past the caches, or added. */
typedef enum lt_pointwise_write {
    LT_POINTWISE_SET,
    LT_POINTWISE_STREAM,
    LT_POINTWISE_ADD
} lt_pointwise_write;

struct lt_pointwise_kernels {
    /* From wide to narrow: few[k * ld + i] += sum over j < many of w[j * FEW + k] wide[j][i], for k
     * < count, i < n. */
    void (*narrow)(int64_t n, int count, int many, const float *w, const float *const *wide,
                   float *few, int64_t ld);

    /* From narrow to wide: wide[i] = scale v[i], where v[i] = sum over k < count of w[k] few[k * ld
     * + i]. Returns the sum of v[i] with[i], or 0 where `with` is NULL. With LT_POINTWISE_STREAM
     * wide starts at a cache line, and stream_end() must follow before other threads read it. */
    double (*widen)(int64_t n, int count, const float *w, const float *few, int64_t ld, float scale,
                    const float *with, lt_pointwise_write how, float *wide);
    void (*stream_end)(void);
};

LT_ISA_DECLARE(lt_pointwise_kernels);

#endif
