/* Filters, resizing and warps of images. */
#include <math.h>
#include <string.h>

#include "autograd/ops_act_impl.h"
#include "tensor/kernels/resample/resample_impl.h"

/* The contiguous form of x (N, C, H, W), H and W at least 1; NULL after recording a failure. */
static lt_tensor *dense_image(lt_ctx *ctx, const lt_tensor *x, const char *op)
{
    char a[96];
    lt_tensor *dense = lt_dense(ctx, x, op, "x");
    if (!dense)
        return NULL;
    if (lt_ndim(x) != 4 || lt_dim(x, 2) < 1 || lt_dim(x, 3) < 1 ||
        lt_dim(x, 2) > INT32_MAX / lt_dim(x, 3))
        return LT_NULL(ctx, LT_ERR_SHAPE, "%s: argument x is %s, expected (N, C, H, W)", op,
                       lt_shape_string(x, a, sizeof a));
    return dense;
}

static lt_status upfirdn2d_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(node, 0));
    if (!gx)
        return ctx->status;
    const lt_status status = lt_fir_adjoint(ctx, lt_node_params(node),
                                            lt_f32(lt_node_saved(node, 0)), lt_f32(gy), lt_f32(gx));
    return status ? status : lt_grad_add(ctx, node, 0, gx);
}

/* Prepares an upfirdn2d: *dense becomes the contiguous x, *s the sizes. Returns the kernel
 * turned by 180 degrees, since lt_fir_apply() correlates; NULL after recording a failure. */
static lt_tensor *prepare_fir(lt_ctx *ctx, const char *op, lt_tensor *x, const lt_tensor *kernel,
                              int up, int down, int pad0, int pad1, lt_tensor **dense,
                              lt_fir_shape *s)
{
    char a[96], b[96];
    lt_tensor *kd = lt_dense(ctx, kernel, op, "kernel");
    *dense = dense_image(ctx, x, op);
    if (!*dense || !kd)
        return NULL;
    if (lt_ndim(kernel) != 2 || lt_numel(kernel) < 1)
        return LT_NULL(ctx, LT_ERR_SHAPE, "%s: argument kernel is %s, expected (kH, kW)", op,
                       lt_shape_string(kernel, a, sizeof a));
    if (up < 1 || down < 1)
        return LT_NULL(ctx, LT_ERR_ARGUMENT, "%s: up is %d and down is %d, expected at least 1", op,
                       up, down);
    *s = (lt_fir_shape){
        .planes = lt_dim(x, 0) * lt_dim(x, 1),
        .h = lt_dim(x, 2),
        .w = lt_dim(x, 3),
        .kh = lt_dim(kernel, 0),
        .kw = lt_dim(kernel, 1),
        .up = up,
        .down = down,
        .pad_y = pad0,
        .pad_x = pad0,
    };
    const int64_t fit_h = s->h * up + pad0 + pad1 - s->kh, fit_w = s->w * up + pad0 + pad1 - s->kw;
    if (fit_h < 0 || fit_w < 0)
        return LT_NULL(ctx, LT_ERR_SHAPE,
                       "%s: argument kernel is %s, too large for x %s with up %d and pads %d, %d",
                       op, lt_shape_string(kernel, a, sizeof a), lt_shape_string(x, b, sizeof b),
                       up, pad0, pad1);
    s->oh = fit_h / down + 1;
    s->ow = fit_w / down + 1;
    lt_tensor *flipped = lt_new(ctx, 2, (int64_t[]){s->kh, s->kw});
    const int64_t size = s->kh * s->kw;
    for (int64_t i = 0; flipped && i < size; i++)
        lt_f32(flipped)[i] = lt_f32(kd)[size - 1 - i];
    return flipped;
}

lt_tensor *lt_upfirdn2d(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int up, int down,
                        int pad0, int pad1)
{
    lt_fir_shape s;
    lt_tensor *xd,
        *flipped = prepare_fir(ctx, "lt_upfirdn2d", x, kernel, up, down, pad0, pad1, &xd, &s);
    lt_tensor *out =
        flipped ? lt_new(ctx, 4, (int64_t[]){lt_dim(x, 0), lt_dim(x, 1), s.oh, s.ow}) : NULL;
    if (!out || lt_fir_apply(ctx, &s, lt_f32(flipped), lt_f32(xd), lt_f32(out)))
        return NULL;
    lt_node *node = lt_record(ctx, out, upfirdn2d_backward, 1, &x, sizeof s);
    if (node) {
        *(lt_fir_shape *)lt_node_params(node) = s;
        lt_node_save(node, 0, flipped);
    }
    return lt_recorded(ctx, out);
}

enum { SAVED_Y = LT_ACT_SAVED };

typedef struct blur_act_params {
    lt_blur blur;
    float slope, gain;
} blur_act_params;

/* Saved: the operands of the tail, and y. One pass takes the gradient back through the tail and
 * the blur. */
static lt_status blur_act_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const blur_act_params *params = lt_node_params(node);
    const lt_bias_act_planes q = lt_act_saved(node, gy, params->slope, params->gain);
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(node, LT_ACT_IN_X));
    lt_bias_act_sums *sums = gx ? lt_scratch(ctx, (size_t)(q.n * q.c) * sizeof *sums) : NULL;
    if (!sums)
        return ctx->status;
    lt_status status = lt_blur_act_adjoint(
        ctx, &params->blur, &q, lt_f32(lt_node_saved(node, SAVED_Y)), lt_f32(gy), lt_f32(gx), sums);
    if (status == LT_OK)
        status = lt_act_add_small(ctx, node, &q, sums, true);
    lt_scratch_free(ctx, sums);
    if (status == LT_OK && lt_wants_grad(node, LT_ACT_IN_X))
        status = lt_grad_add(ctx, node, LT_ACT_IN_X, gx);
    return status;
}

lt_tensor *lt_blur_act(lt_ctx *ctx, lt_tensor *x, const lt_tensor *kernel, int pad0, int pad1,
                       const lt_act *act)
{
    lt_fir_shape s;
    lt_blur blur;
    lt_act_operands o;
    lt_tensor *xd, *flipped = prepare_fir(ctx, "lt_blur_act", x, kernel, 1, 1, pad0, pad1, &xd, &s);
    if (!flipped)
        return NULL;
    const int64_t shape[4] = {lt_dim(x, 0), lt_dim(x, 1), s.oh, s.ow};
    if (lt_act_prepare(ctx, "lt_blur_act", shape, act, &o))
        return NULL;
    if (!o.from_y || !lt_blur_of(&s, lt_f32(flipped), &blur))
        return lt_bias_act(ctx, lt_upfirdn2d(ctx, x, kernel, 1, 1, pad0, pad1), act);
    lt_tensor *out = lt_new(ctx, 4, shape);
    if (!out || lt_blur_apply(ctx, &blur, lt_f32(xd), &o.q, lt_f32(out)))
        return NULL;
    lt_tensor *const inputs[LT_ACT_INPUTS] = {x, act->out_scale, act->noise_weight, act->bias};
    lt_node *node =
        lt_record(ctx, out, blur_act_backward, LT_ACT_INPUTS, inputs, sizeof(blur_act_params));
    if (node) {
        *(blur_act_params *)lt_node_params(node) = (blur_act_params){blur, act->slope, act->gain};
        lt_act_save(node, &o);
        lt_node_save(node, SAVED_Y, out);
    }
    return lt_recorded(ctx, out);
}

static lt_status resize_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_resize_kind *kind = lt_node_params(node);
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(node, 0));
    if (!gx)
        return ctx->status;
    const lt_status status =
        lt_resize_adjoint(ctx, *kind, lt_dim(gx, 0) * lt_dim(gx, 1), lt_dim(gx, 2), lt_dim(gx, 3),
                          lt_f32(gx), lt_dim(gy, 2), lt_dim(gy, 3), lt_f32(gy));
    return status ? status : lt_grad_add(ctx, node, 0, gx);
}

/* Resizes x to (h, w) by a filter and records it. */
static lt_tensor *resize(lt_ctx *ctx, const char *op, lt_resize_kind kind, lt_tensor *x, int64_t h,
                         int64_t w)
{
    lt_tensor *xd = dense_image(ctx, x, op);
    if (!xd)
        return NULL;
    if (h < 1 || w < 1 || h > INT32_MAX / w)
        return LT_NULL(ctx, LT_ERR_ARGUMENT, "%s: size is %lld x %lld, expected at least 1 x 1", op,
                       (long long)h, (long long)w);
    lt_tensor *out = lt_new(ctx, 4, (int64_t[]){lt_dim(x, 0), lt_dim(x, 1), h, w});
    if (!out)
        return NULL;
    if (lt_resize_apply(ctx, kind, lt_dim(x, 0) * lt_dim(x, 1), lt_dim(x, 2), lt_dim(x, 3),
                        lt_f32(xd), h, w, lt_f32(out)))
        return NULL;
    lt_node *node = lt_record(ctx, out, resize_backward, 1, &x, sizeof kind);
    if (node)
        *(lt_resize_kind *)lt_node_params(node) = kind;
    return lt_recorded(ctx, out);
}

lt_tensor *lt_resize_bicubic(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w, bool antialias)
{
    return resize(ctx, "lt_resize_bicubic", antialias ? LT_RESIZE_CUBIC_ANTIALIAS : LT_RESIZE_CUBIC,
                  x, h, w);
}

lt_tensor *lt_resize_area(lt_ctx *ctx, lt_tensor *x, int64_t h, int64_t w)
{
    return resize(ctx, "lt_resize_area", LT_RESIZE_AREA, x, h, w);
}

typedef struct warp_params {
    double coeffs[8];
    bool mask_border, shrunk;
} warp_params;

static lt_status warp_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const warp_params *p = lt_node_params(node);
    const lt_tensor *x = lt_node_input(node, 0);
    const int64_t planes = lt_dim(gy, 0) * lt_dim(gy, 1), h = lt_dim(x, 2), w = lt_dim(x, 3);
    float *gx = lt_grad_in_place(ctx, node, 0);
    if (!gx)
        return ctx->status;
    return p->shrunk
               ? lt_warp_resize_adjoint(ctx, planes, h, w, p->coeffs, p->mask_border, lt_dim(gy, 2),
                                        lt_dim(gy, 3), lt_f32(gy), gx)
               : lt_warp_adjoint(ctx, planes, h, w, p->coeffs, p->mask_border, lt_f32(gy), gx);
}

/* The warp of x, or, where h is not 0, the warp shrunk to h x w in one pass. */
static lt_tensor *warp(lt_ctx *ctx, const char *op, lt_tensor *x, const double coeffs[8],
                       bool mask_border, int64_t h, int64_t w)
{
    lt_tensor *xd = dense_image(ctx, x, op);
    if (!xd)
        return NULL;
    for (int i = 0; i < 8; i++)
        if (!isfinite(coeffs[i]))
            return LT_NULL(ctx, LT_ERR_NUMERIC, "%s: coefficient %d is not finite", op, i);
    const int64_t planes = lt_dim(x, 0) * lt_dim(x, 1), ih = lt_dim(x, 2), iw = lt_dim(x, 3);
    lt_tensor *out =
        lt_new(ctx, 4, (int64_t[]){lt_dim(x, 0), lt_dim(x, 1), h ? h : ih, h ? w : iw});
    if (!out)
        return NULL;
    if (h ? lt_warp_resize_apply(ctx, planes, ih, iw, coeffs, mask_border, lt_f32(xd), h, w,
                                 lt_f32(out))
          : lt_warp_apply(ctx, planes, ih, iw, coeffs, mask_border, lt_f32(xd), lt_f32(out)))
        return NULL;
    lt_node *node = lt_record(ctx, out, warp_backward, 1, &x, sizeof(warp_params));
    if (node) {
        warp_params *p = lt_node_params(node);
        memcpy(p->coeffs, coeffs, sizeof p->coeffs);
        p->mask_border = mask_border;
        p->shrunk = h != 0;
    }
    return lt_recorded(ctx, out);
}

lt_tensor *lt_warp_perspective(lt_ctx *ctx, lt_tensor *x, const double coeffs[8], bool mask_border)
{
    return warp(ctx, "lt_warp_perspective", x, coeffs, mask_border, 0, 0);
}

lt_tensor *lt_warp_resize(lt_ctx *ctx, lt_tensor *x, const double coeffs[8], bool mask_border,
                          int64_t h, int64_t w)
{
    if (x && lt_ndim(x) == 4 && lt_warp_resize_pays(lt_dim(x, 2), lt_dim(x, 3), h, w))
        return warp(ctx, "lt_warp_resize", x, coeffs, mask_border, h, w);
    const lt_scope scope = lt_scope_open(ctx);
    return lt_scope_close(
        ctx, scope,
        lt_resize_bicubic(ctx, lt_warp_perspective(ctx, x, coeffs, mask_border), h, w, false));
}
