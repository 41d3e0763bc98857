/* Differentiable operations.
 *
 * Arguments are float32 tensors of any strides, unless said otherwise. The result is a new tensor;
 * it belongs to the innermost scope of the context. Views share the memory of their argument.
 * Gradients flow to every float32 argument that is not const, unless said otherwise.
 *
 * After a failure an operation returns NULL, and the context keeps the status and a message that
 * names the operation, the argument and the shapes: LT_ERR_ARGUMENT (NULL, or a value out of
 * range), LT_ERR_DTYPE, LT_ERR_SHAPE, LT_ERR_MEMORY. An operation that is given the NULL of a
 * failed one returns NULL and leaves the message alone, so that a chain of calls needs one check at
 * its end.
 *
 * In shapes, N is the batch, C channels, H and W height and width, O output channels, kH and kW
 * the sides of a kernel, D features, L a length, R rows, V a vocabulary. "..." is any number of
 * axes. */
#ifndef LT_AUTOGRAD_OPS_H
#define LT_AUTOGRAD_OPS_H

#include "autograd/tape.h"

LT_BEGIN_DECLS

/* ---- arithmetic (ops_elementwise.c): a and b broadcast as in NumPy ---- */

/* a + b. */
LT_API lt_tensor *lt_add(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* a - b. */
LT_API lt_tensor *lt_sub(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* a * b, element by element. */
LT_API lt_tensor *lt_mul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* a / b, element by element. */
LT_API lt_tensor *lt_div(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);

/* ---- functions of one element (ops_elementwise.c): the result has the shape of x ---- */

/* scale * x + shift. */
LT_API lt_tensor *lt_affine(lt_ctx *ctx, lt_tensor *x, float scale, float shift);
/* -x. */
LT_API lt_tensor *lt_neg(lt_ctx *ctx, lt_tensor *x);
/* e to the power of x. */
LT_API lt_tensor *lt_exp(lt_ctx *ctx, lt_tensor *x);
/* The natural logarithm of x. */
LT_API lt_tensor *lt_log(lt_ctx *ctx, lt_tensor *x);
/* The square root of x. */
LT_API lt_tensor *lt_sqrt(lt_ctx *ctx, lt_tensor *x);
/* 1 / sqrt(x). */
LT_API lt_tensor *lt_rsqrt(lt_ctx *ctx, lt_tensor *x);
/* x * x. */
LT_API lt_tensor *lt_square(lt_ctx *ctx, lt_tensor *x);
/* |x|, with gradient 0 at x = 0. */
LT_API lt_tensor *lt_abs(lt_ctx *ctx, lt_tensor *x);
/* The hyperbolic tangent of x. */
LT_API lt_tensor *lt_tanh(lt_ctx *ctx, lt_tensor *x);
/* 1 / (1 + exp(-x)). */
LT_API lt_tensor *lt_sigmoid(lt_ctx *ctx, lt_tensor *x);
/* x limited to low..high; no gradient flows where x lies outside. Errors: LT_ERR_ARGUMENT unless
 * low <= high. */
LT_API lt_tensor *lt_clamp(lt_ctx *ctx, lt_tensor *x, float low, float high);
/* max(x, 0), with gradient 0 at x = 0. */
LT_API lt_tensor *lt_relu(lt_ctx *ctx, lt_tensor *x);
/* gain * x where x > 0, gain * slope * x elsewhere. */
LT_API lt_tensor *lt_leaky_relu(lt_ctx *ctx, lt_tensor *x, float slope, float gain);
/* GELU (Hendrycks & Gimpel 2016): x * Phi(x), Phi being the normal distribution function, computed
 * by erf rather than by the tanh approximation. */
LT_API lt_tensor *lt_gelu(lt_ctx *ctx, lt_tensor *x);
/* QuickGELU: x * sigmoid(1.702 x), the activation of OpenAI's CLIP models. */
LT_API lt_tensor *lt_quick_gelu(lt_ctx *ctx, lt_tensor *x);
/* PReLU (He et al. 2015): x (N, C, ...) where x > 0, slope[c] * x elsewhere, for slope (C). */
LT_API lt_tensor *lt_prelu(lt_ctx *ctx, lt_tensor *x, lt_tensor *slope);

/* ---- shape (ops_shape.c) ---- */

/* The elements of x, in row-major order, in another shape; one size may be -1 and is then computed
 * from the others. A view where x is contiguous, else a copy. */
LT_API lt_tensor *lt_reshape(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape);
/* A view of x with its axes in another order: axis i of the result is axis axes[i] of x. */
LT_API lt_tensor *lt_permute(lt_ctx *ctx, lt_tensor *x, const int *axes);
/* A view of x with axes a and b exchanged; negative axes count from the last. */
LT_API lt_tensor *lt_transpose(lt_ctx *ctx, lt_tensor *x, int a, int b);
/* A view of x's `count` entries from `start` on along one axis; a negative axis counts from the
 * last. */
LT_API lt_tensor *lt_slice(lt_ctx *ctx, lt_tensor *x, int axis, int64_t start, int64_t count);
/* A view that repeats x along every axis where x has size 1, and along axes that `shape` has in
 * front of those of x. */
LT_API lt_tensor *lt_expand(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape);
/* x with its elements in row-major order in memory: a view where they are so already, else a
 * copy. */
LT_API lt_tensor *lt_contiguous(lt_ctx *ctx, lt_tensor *x);
/* `count` tensors put one behind the other along an axis; along all other axes they have the same
 * sizes. A negative axis counts from the last. */
LT_API lt_tensor *lt_concat(lt_ctx *ctx, int count, lt_tensor *const *x, int axis);
/* Rows of a table by their numbers: table (V, ...) and int32 ids of any shape give float32 of shape
 * (ids..., ...). The table may be float16 or bfloat16; it gets a gradient where it is float32. */
LT_API lt_tensor *lt_embedding(lt_ctx *ctx, lt_tensor *table, const lt_tensor *ids);
/* One row of each sample: x (N, L, ...) and int32 ids (N) give (N, ...), out[i] = x[i, ids[i]]. */
LT_API lt_tensor *lt_pick(lt_ctx *ctx, lt_tensor *x, const lt_tensor *ids);

/* ---- reductions (ops_reduce.c) ---- */

/* The sum of x over some axes. `axes` is a bit mask, bit i for axis i; 0 stands for all axes. With
 * keep_dims a summed axis stays, with size 1. */
LT_API lt_tensor *lt_sum(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims);
/* The mean of x over some axes; axes and keep_dims as in lt_sum(). */
LT_API lt_tensor *lt_mean(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims);
/* exp(x) / sum(exp(x)) over the last axis. */
LT_API lt_tensor *lt_softmax(lt_ctx *ctx, lt_tensor *x);
/* x - log(sum(exp(x))) over the last axis: the logarithm of lt_softmax(), without overflow. */
LT_API lt_tensor *lt_log_softmax(lt_ctx *ctx, lt_tensor *x);
/* log(sum(exp(x))) over the last axis, which disappears. */
LT_API lt_tensor *lt_logsumexp(lt_ctx *ctx, lt_tensor *x);

/* ---- matrix products (ops_matmul.c, ops_attention.c) ---- */

/* Matrix products over the last two axes: a (..., M, K) times b (..., K, P) gives (..., M, P). Axes
 * in front broadcast. With trans_a, a holds (..., K, M); with trans_b, b holds (..., P, K). */
LT_API lt_tensor *lt_matmul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, bool trans_a, bool trans_b);
/* A fully connected layer: x (..., D), w (O, D) and bias (O), or NULL, give x w^T + bias (..., O).
 * A w that requires no gradient may be float16 or bfloat16, which halves its memory; each product
 * then takes the time to widen it. */
LT_API lt_tensor *lt_linear(lt_ctx *ctx, lt_tensor *x, lt_tensor *w, lt_tensor *bias);
/* Multi-head attention (Vaswani et al. 2017, section 3.2): qkv (N, L, 3D), in each row queries,
 * keys and values one after the other, gives (N, L, D). The logits are scaled by 1 / sqrt(D /
 * heads). With `causal`, a position attends to itself and to earlier ones only. */
LT_API lt_tensor *lt_attention(lt_ctx *ctx, lt_tensor *qkv, int heads, bool causal);
/* lt_attention() for N sequences of different lengths, stored one after the other: qkv (R, 3D)
 * gives (R, D). Sequence i has the rows starts[i] to starts[i + 1]; starts is int32 (N + 1),
 * contiguous, and ascends from 0 to R. */
LT_API lt_tensor *lt_attention_ragged(lt_ctx *ctx, lt_tensor *qkv, lt_tensor *starts, int heads,
                                      bool causal);

/* ---- normalisation (ops_norm.c) ---- */

/* Layer norm (Ba et al. 2016): (x - mean) / sqrt(variance + eps) * weight + bias, mean and biased
 * variance taken over the last axis of x (..., D); weight and bias (D). */
LT_API lt_tensor *lt_layer_norm(lt_ctx *ctx, lt_tensor *x, lt_tensor *weight, lt_tensor *bias,
                                float eps);
/* Batch norm at inference (Ioffe & Szegedy 2015, algorithm 2): (x - mean) / sqrt(var + eps) *
 * weight
 * + bias for each channel of x (N, C, ...). mean, var, weight and bias are (C); weight and bias may
 * be NULL. */
LT_API lt_tensor *lt_batch_norm(lt_ctx *ctx, lt_tensor *x, const lt_tensor *mean,
                                const lt_tensor *var, lt_tensor *weight, lt_tensor *bias,
                                float eps);
/* Rows of length 1: x / max(l2 norm, eps), the norm taken over the last axis. */
LT_API lt_tensor *lt_l2_normalize(lt_ctx *ctx, lt_tensor *x, float eps);
/* PixelNorm of StyleGAN (Karras et al. 2018, section 4.2): x / sqrt(mean(x^2) + 1e-8), the mean
 * taken over one axis; a negative axis counts from the last. */
LT_API lt_tensor *lt_pixel_norm(lt_ctx *ctx, lt_tensor *x, int axis);

/* ---- convolution (ops_conv.c, ops_bias_act.c, ops_max_pool.c) ---- */

/* Convolution with zero padding of x (N, C, H, W) with w (O, C, kH, kW), plus bias (O) or NULL. The
 * result is (N, O, (H + 2 pad - kH) / stride + 1, (W + 2 pad - kW) / stride + 1), rounded down.
 * in_scale (N, C), or NULL, multiplies the channels of each sample of x first: modulated
 * convolution (Karras et al. 2020, section 2.2) with one weight for all samples. */
LT_API lt_tensor *lt_conv2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                            lt_tensor *bias, int stride, int pad);
/* Transposed convolution, the adjoint of a strided one. Arguments are those of lt_conv2d(); w is
 * (O, C, kH, kW), output channels first. The result is
 * (N, O, (H - 1) stride - 2 pad + kH, (W - 1) stride - 2 pad + kW). */
LT_API lt_tensor *lt_conv_transpose2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                      lt_tensor *bias, int stride, int pad);

/* What follows the convolution in a StyleGAN2 layer, for x (N, C, H, W):
 *
 *     y = gain * leaky_relu(x * out_scale[n, c] + noise_weight * noise[n, 0, h, w] + bias[c])
 *
 * Tensors that are NULL are left out; noise and noise_weight come together. slope is the leaky
 * ReLU's; slope 1 and gain 1 leave the activation out. */
typedef struct lt_act {
    lt_tensor *out_scale;    /* (N, C): demodulation */
    lt_tensor *noise;        /* (N, 1, H, W), or (1, 1, H, W) for all samples; gets no gradient */
    lt_tensor *noise_weight; /* (1) */
    lt_tensor *bias;         /* (C) */
    float slope, gain;
} lt_act;

/* y of lt_act for x (N, C, H, W). */
LT_API lt_tensor *lt_bias_act(lt_ctx *ctx, lt_tensor *x, const lt_act *act);
/* lt_bias_act() of lt_conv2d() without bias, in one pass over memory. */
LT_API lt_tensor *lt_conv2d_act(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                int stride, int pad, const lt_act *act);

/* The 1 x 1 convolution that turns the feature map y (N, C, H, W) of a StyleGAN2 layer into a
 * picture (N, 3, H, W). */
typedef struct lt_to_rgb {
    lt_tensor *scale; /* (N, C): multiplies the channels of y first */
    lt_tensor *w;     /* (3, C, 1, 1) */
    lt_tensor *bias;  /* (3) or NULL */
} lt_to_rgb;

/* Returns y = lt_conv2d_act() and sets *rgb = lt_conv2d(y, scale, w, bias, 1, 0) by `to`. The two
 * together go back through y in one pass. After a failure the result and *rgb are NULL. */
LT_API lt_tensor *lt_conv2d_act_rgb(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                    int stride, int pad, const lt_act *act, const lt_to_rgb *to,
                                    lt_tensor **rgb);
/* The maximum over windows of kernel x kernel, `stride` apart, without padding: x (N, C, H, W)
 * gives (N, C, (H - kernel) / stride + 1, (W - kernel) / stride + 1), rounded down. A NaN counts as
 * the maximum. The gradient goes to the first of equal maxima. */
LT_API lt_tensor *lt_max_pool2d(lt_ctx *ctx, lt_tensor *x, int kernel, int stride);

/* ---- resampling (ops_resample.c) ---- */

/* upfirdn2d of StyleGAN2: x (N, C, H, W) with up - 1 zeros inserted after each sample, padded by
 * pad0 zeros at the left and top and pad1 at the right and bottom (negative pads crop), convolved
 * with `kernel` (kH, kW), and every down-th sample kept. The result has the sides
 * (H up + pad0 + pad1 - kH) / down + 1 and (W up + pad0 + pad1 - kW) / down + 1. */
LT_API lt_tensor *lt_upfirdn2d(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int up, int down,
                               int pad0, int pad1);
/* lt_bias_act() of lt_upfirdn2d() with up 1 and down 1, in one pass over memory. */
LT_API lt_tensor *lt_blur_act(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int pad0,
                              int pad1, const lt_act *act);
/* x (N, C, H, W) resized to (N, C, h, w) by bicubic interpolation, pixel centres at halves, edges
 * clamped. Without `antialias` the filter has a = -0.75, as PyTorch's interpolate; with it a = -0.5
 * and a support that widens when shrinking, as Pillow's. */
LT_API lt_tensor *lt_resize_bicubic(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w,
                                    bool antialias);
/* x (N, C, H, W) resized to (N, C, h, w) by means over windows, as PyTorch's
 * adaptive_avg_pool2d. */
LT_API lt_tensor *lt_resize_area(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w);
/* A projective warp of x (N, C, H, W) to the same size, with bilinear sampling and zeros outside.
 * coeffs a..h map the centre (X, Y) of an output pixel to the input position
 *
 *     ((a X + b Y + c) / D, (d X + e Y + f) / D),    D = g X + h Y + 1.
 *
 * With mask_border the result is multiplied by the warp of an image of ones, as the perspective
 * transform of torchvision 0.14 does with fill=0. Errors: LT_ERR_NUMERIC (a coefficient is not
 * finite). */
LT_API lt_tensor *lt_warp_perspective(lt_ctx *ctx, lt_tensor *x, const double coeffs[8],
                                      bool mask_border);
/* lt_resize_bicubic() to (h, w), without antialias, of lt_warp_perspective(). Where both sides
 * shrink to a quarter or less, only the pixels that the result needs are computed. */
LT_API lt_tensor *lt_warp_resize(lt_ctx *ctx, lt_tensor *x, const double coeffs[8],
                                 bool mask_border, int64_t h, int64_t w);

/* ---- losses (ops_loss.c): the result is a scalar ---- */

/* The mean of (a - b)^2 over all elements; a and b have the same shape. */
LT_API lt_tensor *lt_mse_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* The mean of |a - b| over all elements; a and b have the same shape. */
LT_API lt_tensor *lt_l1_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* Cross entropy: the mean of logsumexp(logits[i]) - logits[i, target[i]] over the rows of logits
 * (N, K); target is int32 (N). Rows with target -1 do not count; at least one must. */
LT_API lt_tensor *lt_cross_entropy(lt_ctx *ctx, lt_tensor *logits, const lt_tensor *target);
/* InfoNCE (van den Oord et al. 2018, equation 4) of query (B, D), positive (B, D) and negatives
 * (K, D), which all queries share. Rows are scaled to length 1 (a norm below 1e-12 counts as
 * 1e-12). With temperature T the loss is the mean over the rows of
 *
 *     logsumexp(q.p / T, q.n_1 / T, ..., q.n_K / T) - q.p / T.
 *
 * *rows, unless NULL, becomes the loss of each row (B), without gradient. */
LT_API lt_tensor *lt_info_nce(lt_ctx *ctx, lt_tensor *query, lt_tensor *positive,
                              lt_tensor *negatives, float temperature, lt_tensor **rows);

LT_END_DECLS

#endif
