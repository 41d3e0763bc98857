/* The hot loops of resampling, most of them along a row, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_RESAMPLE_KERNELS_H
#define LT_TENSOR_RESAMPLE_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/tail.h"
#include "tensor/isa.h"
#include "tensor/kernels/quad.h"

/* A window of an (h, w) image: it starts at (top, left) and has `pitch` pixels a row. */
typedef struct lt_warp_window {
    int64_t h, w, top, left, pitch;
} lt_warp_window;

struct lt_resample_kernels {
    /* out[i] = sum over t < taps of weight[t] * row[t][i] */
    void (*combine)(int64_t n, int64_t taps, const float *const *row, const float *weight,
                    float *out);
    /* out[i * out_step] = sum over t < taps of weight[t * weight_step] * in[i * in_step + t]; with
     * `add` the sum is added to out. */
    void (*fir)(int64_t n, int64_t taps, const float *weight, int64_t weight_step, const float *in,
                int64_t in_step, float *out, int64_t out_step, int add);
    /* Two filters whose results alternate: out[2 i + r] = sum over t < taps[r] of weight[r][2 t] *
     * in[r][i + t], i < n; with `add` the sum is added to out. */
    void (*fir_pair)(int64_t n, const int64_t taps[2], const float *const weight[2],
                     const float *const in[2], float *out, int add);
    /* out[i] = the tail (tail.h) of the sum over t < taps of weight[t] * row[t][i]; noise lies
     * beside out, or is NULL. Streaming needs n >= 32; out may lie anywhere. */
    void (*blend)(int64_t n, int taps, const float *const *row, const float *weight,
                  const lt_tail *tail, const float *noise, float *out);
    void (*stream_end)(void); /* vec_stream_end() */
    /* out[i] = sum over t < taps of weight[i * taps + t] * in[start[i] + t] */
    void (*windows)(int64_t n, int64_t taps, const int32_t *start, const float *weight,
                    const float *in, float *out);

    /* Where the pixels (x[i], y), i < n, of a projective warp come from, see lt_warp_perspective().
     * base[i] is the index, in the window, of the upper left of four neighbours; weight[k * ld + i]
     * are the weights of the neighbours (0, 0), (0, 1), (1, 0), (1, 1). They are 0 for a pixel from
     * outside of the image. */
    void (*project)(int64_t n, const int32_t *x, int64_t y, const lt_warp_window *window,
                    const double coeffs[8], int mask_border, int32_t *base, float *weight,
                    int64_t ld);
    /* out[i] = weighted sum of the neighbours in[base[i] + {0, right, down, down + right}] */
    void (*sample)(int64_t n, const int32_t *base, const float *weight, int64_t ld, int64_t right,
                   int64_t down, const lt_quad *in, lt_quad *out);
    /* The adjoint of sample: adds value[i], weighted, to the neighbours. */
    void (*scatter)(int64_t n, const int32_t *base, const float *weight, int64_t ld, int64_t right,
                    int64_t down, const lt_quad *value, lt_quad *to);
    /* to[i] = pixel i of up to four planes; add_planes adds quads back to the planes */
    void (*interleave)(int64_t n, int planes, const float *const *from, lt_quad *to);
    void (*add_planes)(int64_t n, int planes, const lt_quad *from, float *const *to);
};

LT_ISA_DECLARE(lt_resample_kernels);

#endif
