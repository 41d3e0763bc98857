/* Resampling of dense float32 planes: FIR filters with zero stuffing, separable
 * windows (bicubic, area) and projective warps, each with its adjoint. */
#ifndef LT_TENSOR_RESAMPLE_IMPL_H
#define LT_TENSOR_RESAMPLE_IMPL_H

#include "tensor/kernels/bias_act_impl.h"

/* One axis pair of upfirdn2d. With u(i) = x[i / up] where up divides i and 0 <= i < size up,
 * else 0:  out[j] = sum over k of kernel[k] u(j down + k - pad), along rows and columns.
 * `kernel` (kh, kw) is the correlation kernel. */
typedef struct lt_fir_shape {
    int64_t planes, h, w, oh, ow;
    int64_t kh, kw;
    int64_t up, down;
    int64_t pad_y, pad_x; /* before the first row and column; may be negative */
} lt_fir_shape;

/* kernel[i][j] = column[i] row[j]? */
bool lt_fir_factor(int64_t kh, int64_t kw, const float *kernel, float *column, float *row);

/* Errors: LT_ERR_MEMORY. */
lt_status lt_fir_apply(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *x,
                       float *out);
/* x (planes,h,w) = adjoint of lt_fir_apply at out (planes,oh,ow). */
lt_status lt_fir_adjoint(lt_ctx *ctx, const lt_fir_shape *s, const float *kernel, const float *out,
                         float *x);

/* One without resampling, of few taps, column[i] row[j]. */
enum { LT_BLUR_TAPS = 8 };
typedef struct lt_blur {
    int64_t planes, h, w, oh, ow, pad_y, pad_x;
    int rows, columns; /* taps */
    float column[LT_BLUR_TAPS], row[LT_BLUR_TAPS];
} lt_blur;

/* Whether it is one, and every row of out meets the row of the same number of x. */
bool lt_blur_of(const lt_fir_shape *s, const float *kernel, lt_blur *b);

/* lt_fir_apply(), then, unless NULL, what `act` makes of the outputs. Errors: LT_ERR_MEMORY. */
lt_status lt_blur_apply(lt_ctx *ctx, const lt_blur *b, const float *x,
                        const lt_bias_act_planes *act, float *out);
/* gx (planes,h,w), and the sums of each plane, from gy and y (planes,oh,ow), the result with `act`.
 */
lt_status lt_blur_act_adjoint(lt_ctx *ctx, const lt_blur *b, const lt_bias_act_planes *act,
                              const float *y, const float *gy, float *gx, lt_bias_act_sums *sums);

/* A linear map along one axis: output i is a weighted window of the inputs. */
typedef struct lt_windows {
    int64_t in, out, taps;
    int32_t *start; /* (out) */
    float *weight;  /* (out, taps) */
} lt_windows;

typedef enum lt_resize_kind {
    LT_RESIZE_CUBIC,
    LT_RESIZE_CUBIC_ANTIALIAS,
    LT_RESIZE_AREA
} lt_resize_kind;

/* The windows of resizing `in` pixels to `out`; false when memory ran out. To be freed, also then;
 * zeroed before. */
bool lt_windows_build(lt_ctx *ctx, lt_resize_kind kind, int64_t in, int64_t out, lt_windows *t);
void lt_windows_free(lt_ctx *ctx, lt_windows *t);

/* out (planes,oh,ow) of x (planes,h,w), and the adjoint. Errors: LT_ERR_MEMORY. */
lt_status lt_resize_apply(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                          const float *x, int64_t oh, int64_t ow, float *out);
lt_status lt_resize_adjoint(lt_ctx *ctx, lt_resize_kind kind, int64_t planes, int64_t h, int64_t w,
                            float *x, int64_t oh, int64_t ow, const float *out);

/* out and x are both (planes,h,w); coeffs and mask_border as lt_warp_perspective(). The adjoint
 * is added to x. */
lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out);
lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                          bool mask_border, const float *out, float *x);

/* Whether resizing (h,w) to (oh,ow) leaves so many pixels out that it pays to warp only the others.
 */
bool lt_warp_resize_pays(int64_t h, int64_t w, int64_t oh, int64_t ow);

/* lt_resize_apply() of kind LT_RESIZE_CUBIC after lt_warp_apply(): out is (planes,oh,ow). The
 * adjoint is added to x. Needs lt_warp_resize_pays(). */
lt_status lt_warp_resize_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                               const double coeffs[8], bool mask_border, const float *x, int64_t oh,
                               int64_t ow, float *out);
lt_status lt_warp_resize_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                                 const double coeffs[8], bool mask_border, int64_t oh, int64_t ow,
                                 const float *out, float *x);

#endif
