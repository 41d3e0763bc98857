/* 3 x 3 convolutions of stride 1 and 2: the request. Two ways answer it faster than the general
 * convolution does, winograd.c in float32 and amx_conv.c on the AMX unit; conv.c chooses. */
#ifndef LT_TENSOR_CONV3_IMPL_H
#define LT_TENSOR_CONV3_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

/* Stride 1; stride 2 from big to small; stride 2 from small to big, which is the adjoint. */
typedef enum lt_conv3_kind {
    LT_CONV3_SAME, /* out[y, x] = sum of weight[i, j] in[y + i - pad, x + j - pad] */
    LT_CONV3_DOWN, /* out[y, x] = sum of weight[i, j] in[2 y + i - pad, 2 x + j - pad] */
    LT_CONV3_UP,   /* out[2 y + i - pad, 2 x + j - pad] = sum of weight[i, j] in[y, x] */
} lt_conv3_kind;

/* A request: out (n, o, oh, ow) = bias[o] + sum over channels c and taps (i, j) of weight times
 * scale[n, c] in (n, c, h, w), where the input is zero outside of its edges. The weight of (o, c,
 * i, j) is weight[o * w_out + c * w_in + 3 i + j], or with `flip` weight[... + 8 - (3 i + j)]. */
typedef struct lt_conv3 {
    lt_conv3_kind kind;
    int64_t n, c, h, w;
    int64_t o, oh, ow;
    int64_t pad; /* 0..2 */
    int64_t w_out, w_in;
    bool flip;
    const float *in, *scale, *weight, *bias; /* scale and bias may be NULL */
    float *out;

    /* For gradients, each may be NULL: first dot (n, o) = sums over a plane of out times `with`,
     * which has the shape of out; then out is multiplied by out_scale (n, o). `with` and dot are
     * given together. */
    const float *out_scale, *with;
    float *dot;

    /* The tail of the layer, applied to out, or NULL. It brings a scale of its own: out_scale and
     * `with` are NULL then. */
    const lt_bias_act_planes *act;
} lt_conv3;

/* Tile number t of an axis starts with input place t * in_step - in_shift and output place t *
 * out_step - out_shift. Both executions, winograd.c and amx_conv.c, place their tiles so. */
static inline int64_t lt_conv3_in_shift(const lt_conv3 *q)
{
    return q->kind == LT_CONV3_UP ? 1 : q->pad;
}
static inline int64_t lt_conv3_out_shift(const lt_conv3 *q)
{
    return q->kind == LT_CONV3_UP ? q->pad : 0;
}

/* Whether the taps are taken in reverse order: from small to big the last tap meets the first
 * input, and `flip` reverses the order once more. */
static inline bool lt_conv3_flipped(const lt_conv3 *q)
{
    return q->flip != (q->kind == LT_CONV3_UP);
}

/* Sets q->dot to the totals of the partial sums (n, parts, o), added up in the order of the
 * parts. */
void lt_conv3_add_parts(const lt_conv3 *q, int64_t parts, const double *partial);

/* One way of running a request. Errors: LT_ERR_MEMORY. Results do not depend on the number of
 * threads. */
typedef lt_status lt_conv3_run(lt_ctx *ctx, const lt_conv3 *q);

#endif
