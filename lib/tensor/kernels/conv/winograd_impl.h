/* 3 x 3 convolutions by Winograd's minimal filtering (Lavin & Gray 2016, "Fast Algorithms for
 * Convolutional Neural Networks"): a quarter of the multiplications of the direct sum with
 * stride 1, 0.56 of them with stride 2 (winograd_kernels.h). */
#ifndef LT_TENSOR_WINOGRAD_IMPL_H
#define LT_TENSOR_WINOGRAD_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

typedef enum lt_winograd_kind {
    LT_WINOGRAD_SAME, /* out[y, x] = sum of weight[i, j] in[y + i - pad, x + j - pad] */
    LT_WINOGRAD_DOWN, /* out[y, x] = sum of weight[i, j] in[2 y + i - pad, 2 x + j - pad] */
    LT_WINOGRAD_UP,   /* out[2 y + i - pad, 2 x + j - pad] = sum of weight[i, j] in[y, x] */
} lt_winograd_kind;

/* out (n, o, oh, ow) = sums over the channels of scale[n, c] in (n, c, h, w), zero outside, and
 * over the taps, plus bias[o]. Weight (o, c, i, j) is weight[o * w_out + c * w_in + 3 i + j], or
 * with `flip` that of the opposite tap. */
typedef struct lt_winograd {
    lt_winograd_kind kind;
    int64_t n, c, h, w;
    int64_t o, oh, ow;
    int64_t pad; /* 0..2 */
    int64_t w_out, w_in;
    bool flip;
    const float *in, *scale, *weight, *bias; /* scale and bias may be NULL */
    float *out;

    /* For gradients: out, then dot (n, o) = sums over the plane of out times `with` (shape of out),
     * then out times out_scale (n, o). Each may be NULL; with and dot go together. */
    const float *out_scale, *with;
    float *dot;

    /* What follows, or NULL; its scale takes out_scale's place, and `with` is not there then. */
    const lt_bias_act_planes *act;
} lt_winograd;

/* What both executions, winograd.c and amx_conv.c, know of it. Strips and tiles start with rows and
 * columns of input and of output that are so much before what their numbers say. */
static inline int64_t lt_winograd_in_shift(const lt_winograd *q)
{
    return q->kind == LT_WINOGRAD_UP ? 1 : q->pad;
}
static inline int64_t lt_winograd_out_shift(const lt_winograd *q)
{
    return q->kind == LT_WINOGRAD_UP ? q->pad : 0;
}

/* Whether the last tap meets the first input: from small to big it does, or with `flip`, not with
 * both. */
static inline bool lt_winograd_flipped(const lt_winograd *q)
{
    return q->flip != (q->kind == LT_WINOGRAD_UP);
}

/* dot from the sums (n, parts, o) of each sample's parts, in their order. */
void lt_winograd_add_parts(const lt_winograd *q, int64_t parts, const double *partial);

/* Whether it is faster than the direct sum: enough channels and enough tiles. */
bool lt_winograd_pays(const lt_ctx *ctx, const lt_winograd *q);

/* Whether `with` may be given: no vector of tiles spans two samples. */
bool lt_winograd_sums(const lt_ctx *ctx, const lt_winograd *q);

/* Errors: LT_ERR_MEMORY. Results do not depend on the number of threads. */
lt_status lt_winograd_run(lt_ctx *ctx, const lt_winograd *q);

#endif
