/* Row loops of resampling, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_RESAMPLE_KERNELS_H
#define LT_TENSOR_RESAMPLE_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

struct lt_resample_kernels {
    /* out[i] = sum over t < taps of weight[t] * row[t][i] */
    void (*combine)(int64_t n, int64_t taps, const float *const *row, const float *weight,
                    float *out);
    /* out[i * out_step] (+)= sum over t < taps of weight[t * weight_step] * in[i * in_step + t];
     * adds where `add`. */
    void (*fir)(int64_t n, int64_t taps, const float *weight, int64_t weight_step, const float *in,
                int64_t in_step, float *out, int64_t out_step, int add);
    /* Two firs of step 1 whose results alternate: out[2 i + r] (+)= sum over t < taps[r] of
     * weight[r][2 t] * in[r][i + t], i < n. */
    void (*fir_pair)(int64_t n, const int64_t taps[2], const float *const weight[2],
                     const float *const in[2], float *out, int add);
    /* out[i] = sum over t < count[i] of weight[first[i] + t] * in[start[i] + t] */
    void (*windows)(int64_t n, const int32_t *start, const int32_t *count, const int64_t *first,
                    const float *weight, const float *in, float *out);
    /* out[i] = sum over the four corners c of weight[4 i + c] * in[index[4 i + c]] */
    void (*corners)(int64_t n, const int32_t *index, const float *weight, const float *in,
                    float *out);
};

LT_ISA_DECLARE(lt_resample_kernels);

#endif
