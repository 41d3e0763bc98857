/* Resampling of dense float32 planes, each operation with its adjoint: FIR filters with up- and
 * downsampling, resizing by separable windows (bicubic, area), and projective warps. */
#ifndef LT_TENSOR_RESAMPLE_IMPL_H
#define LT_TENSOR_RESAMPLE_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

/* A filter with resampling (upfirdn2d of StyleGAN2), along rows and columns alike. Zeros are
 * inserted between inputs: u(i) = x[i / up] where up divides i and 0 <= i < size up, else 0. Then
 * out[j] = sum over k of kernel[k] u(j down + k - pad). The kernel (kh, kw) is that of a
 * correlation: it is not reversed. */
typedef struct lt_fir_shape {
    int64_t planes, h, w, oh, ow;
    int64_t kh, kw;
    int64_t up, down;
    int64_t pad_y, pad_x; /* before the first row and column; may be negative */
} lt_fir_shape;

/* Whether the kernel is a product, kernel[i][j] = column[i] row[j]; if so, fills in column (kh) and
 * row (kw). */
bool lt_fir_factor(int64_t kh, int64_t kw, const float *kernel, float *column, float *row);

/* out (planes,oh,ow) = filtered x (planes,h,w). Errors: LT_ERR_MEMORY. */
lt_status lt_fir_apply(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *x,
                       float *out);
/* x (planes,h,w) = the adjoint filter of out (planes,oh,ow). Errors: LT_ERR_MEMORY. */
lt_status lt_fir_adjoint(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *out,
                         float *x);

/* A blur: a filter without resampling whose kernel is a product column[i] row[j] of few taps. */
enum { LT_BLUR_TAPS = 8 };
typedef struct lt_blur {
    int64_t planes, h, w, oh, ow, pad_y, pad_x;
    int rows, columns; /* taps */
    float column[LT_BLUR_TAPS], row[LT_BLUR_TAPS];
} lt_blur;

/* Whether the filter is a blur and every row of out sees the row of x with the same number; if so,
 * fills in *b. */
bool lt_blur_of(const lt_fir_shape *s, const float *kernel, lt_blur *b);

/* lt_fir_apply() of a blur, then the tail `act`, unless NULL. Errors: LT_ERR_MEMORY. */
lt_status lt_blur_apply(lt_ctx *ctx, const lt_blur *b, const float *x,
                        const lt_bias_act_planes *act, float *out);
/* The gradients of lt_blur_apply() with `act`: gx (planes,h,w) and the sums of each plane, from gy
 * and the result y, both (planes,oh,ow). Errors: LT_ERR_MEMORY. */
lt_status lt_blur_act_adjoint(lt_ctx *ctx, const lt_blur *b, const lt_bias_act_planes *act,
                              const float *y, const float *gy, float *gx, lt_bias_act_sums *sums);

/* A linear map along one axis: output i is the weighted sum of a window of inputs. */
typedef struct lt_windows {
    int64_t in, out, taps;
    int32_t *start; /* (out) first input of each window */
    float *weight;  /* (out, taps) */
} lt_windows;

typedef enum lt_resize_kind {
    LT_RESIZE_CUBIC,
    LT_RESIZE_CUBIC_ANTIALIAS,
    LT_RESIZE_AREA
} lt_resize_kind;

/* Makes the windows that resize `in` pixels to `out`. False when memory ran out. *t is zeroed by
 * the caller before, and freed after, also on failure. */
bool lt_windows_build(lt_ctx *ctx, lt_resize_kind kind, int64_t in, int64_t out, lt_windows *t);
void lt_windows_free(lt_ctx *ctx, lt_windows *t);

/* Resizes x (planes,h,w) to out (planes,oh,ow); the adjoint goes from out to x. Errors:
 * LT_ERR_MEMORY. */
lt_status lt_resize_apply(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                          const float *x, int64_t oh, int64_t ow, float *out);
lt_status lt_resize_adjoint(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                            float *x, int64_t oh, int64_t ow, const float *out);

/* Warps x (planes,h,w) to out (planes,h,w); coeffs and mask_border are those of
 * lt_warp_perspective(). The adjoint is added to x. Errors: LT_ERR_MEMORY. */
lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out);
lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                          bool mask_border, const float *out, float *x);

/* Whether resizing (h,w) to (oh,ow) skips so many pixels that it pays to warp only those it
 * reads. */
bool lt_warp_resize_pays(int64_t h, int64_t w, int64_t oh, int64_t ow);

/* lt_warp_apply() and lt_resize_apply() of kind LT_RESIZE_CUBIC in one pass: out is (planes,oh,ow).
 * The adjoint is added to x. Only where lt_warp_resize_pays(). Errors: LT_ERR_MEMORY. */
lt_status lt_warp_resize_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                               const double coeffs[8], bool mask_border, const float *x, int64_t oh,
                               int64_t ow, float *out);
lt_status lt_warp_resize_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                                 const double coeffs[8], bool mask_border, int64_t oh, int64_t ow,
                                 const float *out, float *x);

#endif
