/* Differentiable operations.
 *
 * Every operation takes float32 tensors of any strides (unless said otherwise),
 * returns a new tensor owned by the context's innermost scope, and NULL after a
 * failure, whose message names the operation, the argument and the shapes.
 * Gradients flow to every tensor argument unless said otherwise. N, C, H, W are
 * batch, channels, height and width; O output channels; D features; L length. */
#ifndef LT_AUTOGRAD_OPS_H
#define LT_AUTOGRAD_OPS_H

#include "autograd/tape.h"

LT_BEGIN_DECLS

/* ---- elementwise (ops_elementwise.c); binary ones broadcast as NumPy does ---- */
LT_API lt_tensor *lt_add(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
LT_API lt_tensor *lt_sub(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
LT_API lt_tensor *lt_mul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
LT_API lt_tensor *lt_div(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
LT_API lt_tensor *lt_affine(lt_ctx *ctx, lt_tensor *x, float scale,
                            float shift); /* scale x + shift */
LT_API lt_tensor *lt_neg(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_exp(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_log(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_sqrt(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_rsqrt(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_square(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_abs(lt_ctx *ctx, lt_tensor *x); /* gradient 0 at 0 */
LT_API lt_tensor *lt_tanh(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_sigmoid(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_clamp(lt_ctx *ctx, lt_tensor *x, float low, float high);
LT_API lt_tensor *lt_relu(lt_ctx *ctx, lt_tensor *x);
/* gain * (x > 0 ? x : slope x) */
LT_API lt_tensor *lt_leaky_relu(lt_ctx *ctx, lt_tensor *x, float slope, float gain);
LT_API lt_tensor *lt_gelu(lt_ctx *ctx, lt_tensor *x); /* x Phi(x), by erf */
LT_API lt_tensor *lt_quick_gelu(lt_ctx *ctx,
                                lt_tensor *x); /* x sigmoid(1.702 x), as OpenAI's CLIP */
/* x (N,C,...) and slope (C): PReLU (He et al. 2015). */
LT_API lt_tensor *lt_prelu(lt_ctx *ctx, lt_tensor *x, lt_tensor *slope);

/* ---- shape (ops_shape.c) ---- */
/* A view where x is contiguous, else a copy. One size may be -1. */
LT_API lt_tensor *lt_reshape(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape);
LT_API lt_tensor *lt_permute(lt_ctx *ctx, lt_tensor *x, const int *axes); /* view */
LT_API lt_tensor *lt_transpose(lt_ctx *ctx, lt_tensor *x, int a, int b);  /* view */
LT_API lt_tensor *lt_slice(lt_ctx *ctx, lt_tensor *x, int axis, int64_t start,
                           int64_t count); /* view */
/* Sizes of 1 (or missing leading axes) repeat; a view with stride 0. */
LT_API lt_tensor *lt_expand(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape);
LT_API lt_tensor *lt_contiguous(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_concat(lt_ctx *ctx, int count, lt_tensor *const *x, int axis);
/* Rows table[ids[i]], float32: table (V, ...), also float16 or bfloat16, ids int32 of any shape ->
 * ids' shape + (...). Gradient to table. */
LT_API lt_tensor *lt_embedding(lt_ctx *ctx, lt_tensor *table, const lt_tensor *ids);
/* out[i] = x[i, ids[i]]: x (N, L, ...), ids int32 (N) -> (N, ...). */
LT_API lt_tensor *lt_pick(lt_ctx *ctx, lt_tensor *x, const lt_tensor *ids);

/* ---- reductions (ops_reduce.c); `axes` is a bit mask, bit i = axis i; 0 = all axes ---- */
LT_API lt_tensor *lt_sum(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims);
LT_API lt_tensor *lt_mean(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims);
/* Over the last axis. */
LT_API lt_tensor *lt_softmax(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_log_softmax(lt_ctx *ctx, lt_tensor *x);
LT_API lt_tensor *lt_logsumexp(lt_ctx *ctx, lt_tensor *x);

/* ---- products (ops_matmul.c) ---- */
/* op(a) op(b) over the last two axes; leading axes broadcast. (.., M, K) x (.., K, P) -> (.., M,
 * P). */
LT_API lt_tensor *lt_matmul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, bool trans_a, bool trans_b);
/* x (..., D) w (O, D)^T + bias (O) -> (..., O). bias may be NULL. A constant w may be float16 or
 * bfloat16: it is widened for each product, which costs time and halves the memory of weights. */
LT_API lt_tensor *lt_linear(lt_ctx *ctx, lt_tensor *x, lt_tensor *w, lt_tensor *bias);
/* Multi-head attention (Vaswani et al. 2017) of packed qkv (N, L, 3D) -> (N, L, D); scale
 * 1/sqrt(D/heads). */
LT_API lt_tensor *lt_attention(lt_ctx *ctx, lt_tensor *qkv, int heads, bool causal);
/* The same for sequences of different lengths, one after the other: qkv (R, 3D) -> (R, D), sequence
 * i in rows starts[i] to starts[i + 1]; starts int32 (N + 1), ascending from 0 to R. */
LT_API lt_tensor *lt_attention_ragged(lt_ctx *ctx, lt_tensor *qkv, lt_tensor *starts, int heads,
                                      bool causal);

/* ---- normalisation (ops_norm.c) ---- */
/* Over the last axis, variance biased; weight, bias (D). */
LT_API lt_tensor *lt_layer_norm(lt_ctx *ctx, lt_tensor *x, lt_tensor *weight, lt_tensor *bias,
                                float eps);
/* Inference: (x - mean) / sqrt(var + eps) * weight + bias per channel of (N,C,...). No gradient to
 * mean and var; weight and bias may be NULL. */
LT_API lt_tensor *lt_batch_norm(lt_ctx *ctx, lt_tensor *x, const lt_tensor *mean,
                                const lt_tensor *var, lt_tensor *weight, lt_tensor *bias,
                                float eps);
/* x / max(norm, eps) over the last axis. */
LT_API lt_tensor *lt_l2_normalize(lt_ctx *ctx, lt_tensor *x, float eps);
/* x / sqrt(mean(x^2 over `axis`) + 1e-8): StyleGAN's PixelNorm. */
LT_API lt_tensor *lt_pixel_norm(lt_ctx *ctx, lt_tensor *x, int axis);

/* ---- convolution (ops_conv.c), zero padding ---- */
/* x (N,C,H,W), w (O,C,kH,kW), bias (O) or NULL. in_scale (N,C) or NULL multiplies x per sample and
 * channel first (the scale-input form of modulated convolution, Karras et al. 2020). */
LT_API lt_tensor *lt_conv2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                            lt_tensor *bias, int stride, int pad);
/* Transposed convolution: w (O,C,kH,kW) is applied as the adjoint of a strided convolution, output
 * (H-1)*stride - 2 pad + kH. Note the order of w's axes: output channels first. */
LT_API lt_tensor *lt_conv_transpose2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                      lt_tensor *bias, int stride, int pad);
/* The tail of a StyleGAN2 layer:
 *   y = gain * lrelu_slope(x * out_scale[n,c] + noise_weight * noise[n or 0,0,h,w] + bias[c]).
 * out_scale (N,C), noise (1 or N,1,H,W) with noise_weight (1), bias (C): each may be NULL. slope 1
 * and gain 1 leave the activation out. No gradient to noise. */
typedef struct lt_act {
    lt_tensor *out_scale, *noise, *noise_weight, *bias;
    float slope, gain;
} lt_act;
LT_API lt_tensor *lt_bias_act(lt_ctx *ctx, lt_tensor *x, const lt_act *act);
/* lt_bias_act() of lt_conv2d() without a bias, in one pass over memory. */
LT_API lt_tensor *lt_conv2d_act(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                int stride, int pad, const lt_act *act);
/* What StyleGAN2 makes a picture of: w (3,C,1,1) and bias (3), or NULL, of y times scale (N,C). */
typedef struct lt_to_rgb {
    lt_tensor *scale, *w, *bias;
} lt_to_rgb;
/* lt_conv2d_act(), y, and *rgb = lt_conv2d(y, scale, w, bias, 1, 0), whose gradients go back in one
 * pass. NULL, and *rgb too, after a failure. */
LT_API lt_tensor *lt_conv2d_act_rgb(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                                    int stride, int pad, const lt_act *act, const lt_to_rgb *to,
                                    lt_tensor **rgb);
LT_API lt_tensor *lt_max_pool2d(lt_ctx *ctx, lt_tensor *x, int kernel, int stride);

/* ---- resampling (ops_resample.c) ---- */
/* Upsample by `up` with zeros, pad (negative crops), correlate with the flipped FIR `kernel`
 * (kH,kW; constant), keep every `down`-th sample: upfirdn2d of StyleGAN2. pad: left/top pad0,
 * right/bottom pad1. */
LT_API lt_tensor *lt_upfirdn2d(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int up, int down,
                               int pad0, int pad1);
/* lt_bias_act() of lt_upfirdn2d() with up and down 1, in one pass over memory. */
LT_API lt_tensor *lt_blur_act(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int pad0,
                              int pad1, const lt_act *act);
/* Bicubic, a = -0.75, half-pixel centres, edges clamped, as PyTorch's interpolate; with `antialias`
 * the support is widened when shrinking and a = -0.5 (Pillow's filter). */
LT_API lt_tensor *lt_resize_bicubic(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w,
                                    bool antialias);
/* Mean over adaptive windows, as adaptive_avg_pool2d. */
LT_API lt_tensor *lt_resize_area(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w);
/* Centre crop or any window: rows y0.., columns x0.. is lt_slice twice. */
/* Projective warp of (N,C,H,W) by coeffs[8] = a..h mapping output pixel centres to input positions:
 * ((a X + b Y + c)/D, (d X + e Y + f)/D), D = g X + h Y + 1; bilinear, zeros outside; if
 * `mask_border`, times the same sampling of an all-ones image, as torchvision 0.14's
 * perspective(fill=0). */
LT_API lt_tensor *lt_warp_perspective(lt_ctx *ctx, lt_tensor *x, const double coeffs[8],
                                      bool mask_border);
/* lt_resize_bicubic() of it to (h,w), without antialias; shrunk to a quarter or less, in one pass.
 */
LT_API lt_tensor *lt_warp_resize(lt_ctx *ctx, lt_tensor *x, const double coeffs[8],
                                 bool mask_border, int64_t h, int64_t w);

/* ---- losses (ops_loss.c), all mean over elements or rows, result a scalar ---- */
LT_API lt_tensor *lt_mse_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
LT_API lt_tensor *lt_l1_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
/* logits (N, K), target int32 (N); target -1 leaves the row out of the mean. */
LT_API lt_tensor *lt_cross_entropy(lt_ctx *ctx, lt_tensor *logits, const lt_tensor *target);
/* InfoNCE (van den Oord et al. 2018): query (B,D), positive (B,D), negatives (K,D) shared by the
 * rows, all made unit (norm at least 1e-12); rows logsumexp([q.p, q.n]/T) - q.p/T. rows: (B) losses
 * if not NULL (no gradient there). */
LT_API lt_tensor *lt_info_nce(lt_ctx *ctx, lt_tensor *query, lt_tensor *positive,
                              lt_tensor *negatives, float temperature, lt_tensor **rows);

LT_END_DECLS

#endif
