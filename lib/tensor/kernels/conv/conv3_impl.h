/* 3 x 3 convolutions of stride 1 and 2: the request, and the two ways of answering it faster than
 * the general convolution does, winograd.c in float32 and amx_conv.c on the AMX unit. */
#ifndef LT_TENSOR_CONV3_IMPL_H
#define LT_TENSOR_CONV3_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

typedef enum lt_conv3_kind {
    LT_CONV3_SAME, /* out[y, x] = sum of weight[i, j] in[y + i - pad, x + j - pad] */
    LT_CONV3_DOWN, /* out[y, x] = sum of weight[i, j] in[2 y + i - pad, 2 x + j - pad] */
    LT_CONV3_UP,   /* out[2 y + i - pad, 2 x + j - pad] = sum of weight[i, j] in[y, x] */
} lt_conv3_kind;

/* out (n, o, oh, ow) = sums over the channels of scale[n, c] in (n, c, h, w), zero outside, and
 * over the taps, plus bias[o]. Weight (o, c, i, j) is weight[o * w_out + c * w_in + 3 i + j], or
 * with `flip` that of the opposite tap. */
typedef struct lt_conv3 {
    lt_conv3_kind kind;
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
} lt_conv3;

/* What both executions, winograd.c and amx_conv.c, know of it. Strips and tiles start with rows and
 * columns of input and of output that are so much before what their numbers say. */
static inline int64_t lt_conv3_in_shift(const lt_conv3 *q)
{
    return q->kind == LT_CONV3_UP ? 1 : q->pad;
}
static inline int64_t lt_conv3_out_shift(const lt_conv3 *q)
{
    return q->kind == LT_CONV3_UP ? q->pad : 0;
}

/* Whether the last tap meets the first input: from small to big it does, or with `flip`, not with
 * both. */
static inline bool lt_conv3_flipped(const lt_conv3 *q)
{
    return q->flip != (q->kind == LT_CONV3_UP);
}

/* dot from the sums (n, parts, o) of each sample's parts, in their order. */
void lt_conv3_add_parts(const lt_conv3 *q, int64_t parts, const double *partial);

/* One way of running a request. Errors: LT_ERR_MEMORY. Results do not depend on the number of
 * threads. */
typedef lt_status lt_conv3_run(lt_ctx *ctx, const lt_conv3 *q);

/* The fastest way for a request, or NULL where the general convolution is faster. */
lt_conv3_run *lt_conv3_way(const lt_ctx *ctx, const lt_conv3 *q);

#endif
