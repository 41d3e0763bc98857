/* The hot loops of convolution, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_CONV_KERNELS_H
#define LT_TENSOR_CONV_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

/* The most of any instruction set. */
#define LT_CONV_MAX_PANEL 8  /* channels of a panel */
#define LT_CONV_MAX_LANES 16 /* lanes of a vector */
#define LT_CONV_VECTORS   3  /* vectors of a group */
#define LT_CONV_MAX_GROUP (LT_CONV_VECTORS * LT_CONV_MAX_LANES)

struct lt_conv_kernels {
    int panel; /* M, output channels computed together */
    int lanes; /* L, floats of a vector */

    /* M output channels at a group of up to three vectors:
     * out[i * 3L + v * L + l] = sum over k < depth of w[k * M + i] * in[offset[k] + start[v] + l]
     * for i < M, v < vectors (1..3), l < L. All L floats of each vector are read. */
    void (*product)(int64_t depth, const float *w, const float *in, const int32_t *offset,
                    const int64_t *start, int vectors, float *out);

    /* The gradient of weights: acc[i * vectors * L + j] += sum over r < rows, p < cols of
     *     x[offset[i] + r * pitch + p] * g[(r * cols + p) * vectors * L + j]
     * for i < M, j < vectors * L. */
    void (*outer)(int64_t rows, int64_t cols, int64_t pitch, const float *x, const int32_t *offset,
                  const float *g, int vectors, float *acc);

    /* dst[i] = scale * src[i * step] */
    void (*gather)(int64_t n, float scale, const float *src, int64_t step, float *dst);
    /* dst[offset[i] + j * step] = src[i * ld + j] + bias[i], i < channels, j < n; bias may be
     * NULL. */
    void (*store)(int channels, int64_t n, const float *src, int64_t ld, const float *bias,
                  float *dst, const int64_t *offset, int64_t step);
    /* As store with step 2, for two classes: dst[offset[i] + 2 j] from a, dst[offset[i] + 2 j + 1]
     * from b. */
    void (*store_pairs)(int channels, int64_t n, const float *a, const float *b, int64_t ld,
                        const float *bias, float *dst, const int64_t *offset);
    /* Transposes: dst[j * ldd + i] = scale[i] * src[i * lds + j], i < m, j < n; scale may be
     * NULL. */
    void (*transpose)(int64_t m, int64_t n, const float *src, int64_t lds, const float *scale,
                      float *dst, int64_t ldd);

    /* Returns the sum of g[i] x[i]; with `apply`, afterwards g[i] *= scale. */
    double (*dot_scale)(int64_t n, float *g, const float *x, float scale, int apply);
    void (*scale)(int64_t n, float *g, float scale);
    double (*sum)(int64_t n, const float *g);
};

LT_ISA_DECLARE(lt_conv_kernels);

#endif
