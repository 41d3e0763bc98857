/* Convolution and its transpose, with the tail of a StyleGAN2 layer where that is asked for. */
#include "autograd/ops_act_impl.h"
#include "tensor/kernels/conv/conv_impl.h"

typedef struct conv_params {
    lt_conv_shape shape;
    bool transposed;
} conv_params;

enum { SAVED_X, SAVED_SCALE, SAVED_W };
enum { IN_X, IN_SCALE, IN_W, IN_BIAS };

/* Saved: x where w or in_scale wants a gradient, w where x or in_scale does, in_scale. The
 * gradient of x is the other direction of the convolution with gy: the adjoint for a
 * convolution, the plain one for a transposed convolution. */
static lt_status conv_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const conv_params *params = lt_node_params(node);
    const lt_conv_shape *s = &params->shape;
    const bool up = params->transposed;
    lt_tensor *x = lt_node_saved(node, SAVED_X), *w = lt_node_saved(node, SAVED_W);
    lt_tensor *scale = lt_node_saved(node, SAVED_SCALE);
    const int64_t outputs = up ? s->c : s->o, out_size = up ? s->h * s->w : s->oh * s->ow;
    lt_status status = LT_OK;

    if (lt_wants_grad(node, IN_X) || lt_wants_grad(node, IN_SCALE)) {
        const bool add = lt_wants_grad(node, IN_X) && lt_grad(lt_node_input(node, IN_X)) &&
                         lt_conv_input_grad_adds(s, up);
        lt_tensor *gx = add ? NULL : lt_new_like(ctx, lt_node_input(node, IN_X));
        lt_tensor *gs = lt_wants_grad(node, IN_SCALE) ? lt_new_like(ctx, scale) : NULL;
        float *to = add ? lt_grad_in_place(ctx, node, IN_X) : gx ? lt_f32(gx) : NULL;
        if (ctx->status)
            return ctx->status;
        status = lt_conv_input_grad(ctx, s, up, lt_f32(gy), lt_f32(w), gs ? lt_f32(x) : NULL,
                                    scale ? lt_f32(scale) : NULL, add, to, gs ? lt_f32(gs) : NULL);
        if (status)
            return status;
        if (gs && (status = lt_grad_add(ctx, node, IN_SCALE, gs)))
            return status;
        if (gx && lt_wants_grad(node, IN_X) && (status = lt_grad_add(ctx, node, IN_X, gx)))
            return status;
    }
    if (lt_wants_grad(node, IN_W)) {
        lt_tensor *gw = lt_new_like(ctx, lt_node_input(node, IN_W));
        if (!gw)
            return ctx->status;
        const float *factor = scale ? lt_f32(scale) : NULL;
        status = up ? lt_conv_weight_grad(ctx, s, lt_f32(gy), NULL, lt_f32(x), factor, lt_f32(gw))
                    : lt_conv_weight_grad(ctx, s, lt_f32(x), factor, lt_f32(gy), NULL, lt_f32(gw));
        if (status || (status = lt_grad_add(ctx, node, IN_W, gw)))
            return status;
    }
    if (lt_wants_grad(node, IN_BIAS)) {
        lt_tensor *gb = lt_new_like(ctx, lt_node_input(node, IN_BIAS));
        if (!gb)
            return ctx->status;
        lt_conv_bias_grad(ctx, s->n, outputs, out_size, lt_f32(gy), lt_f32(gb));
        status = lt_grad_add(ctx, node, IN_BIAS, gb);
    }
    return status;
}

/* Checks the operands of a convolution or of its transpose. */
static lt_status check_operands(lt_ctx *ctx, const char *op, const lt_tensor *x,
                                const lt_tensor *scale, const lt_tensor *w, const lt_tensor *bias,
                                int stride, int pad)
{
    char a[96], b[96];
    if (lt_ndim(x) != 4)
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument x is %s, expected (N, C, H, W)", op,
                       lt_shape_string(x, a, sizeof a));
    if (lt_ndim(w) != 4 || lt_dim(w, 1) != lt_dim(x, 1))
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "%s: argument w is %s, expected (O, %lld, kH, kW) for x %s", op,
                       lt_shape_string(w, a, sizeof a), (long long)lt_dim(x, 1),
                       lt_shape_string(x, b, sizeof b));
    if (scale && (lt_ndim(scale) != 2 || lt_dim(scale, 0) != lt_dim(x, 0) ||
                  lt_dim(scale, 1) != lt_dim(x, 1)))
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument in_scale is %s, expected (%lld, %lld)", op,
                       lt_shape_string(scale, a, sizeof a), (long long)lt_dim(x, 0),
                       (long long)lt_dim(x, 1));
    if (bias && (lt_ndim(bias) != 1 || lt_dim(bias, 0) != lt_dim(w, 0)))
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument bias is %s, expected (%lld,)", op,
                       lt_shape_string(bias, a, sizeof a), (long long)lt_dim(w, 0));
    if (stride < 1 || pad < 0)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "%s: stride is %d and pad is %d, expected at least 1 and 0", op, stride,
                       pad);
    if (lt_dim(w, 2) < 1 || lt_dim(w, 3) < 1)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "%s: argument w is %s, expected a kernel of at least (1, 1)", op,
                       lt_shape_string(w, a, sizeof a));
    return LT_OK;
}

/* The sizes of a convolution of x with w, and the shape of its result. A transposed convolution is
 * described as the convolution that it is the adjoint of: its result has the sizes c, h, w, its
 * argument the sizes o, oh, ow. */
static lt_status find_sizes(lt_ctx *ctx, const char *op, bool up, const lt_tensor *x,
                            const lt_tensor *w, int stride, int pad, lt_conv_shape *s,
                            int64_t shape[4])
{
    char a[96], b[96];
    const int64_t h = lt_dim(x, 2), width = lt_dim(x, 3), c = lt_dim(x, 1), o = lt_dim(w, 0);
    s->n = lt_dim(x, 0);
    s->kh = lt_dim(w, 2);
    s->kw = lt_dim(w, 3);
    s->stride = stride;
    s->pad = pad;
    const int64_t fit_h =
        up ? (h - 1) * stride - 2 * (int64_t)pad + s->kh : h + 2 * (int64_t)pad - s->kh;
    const int64_t fit_w =
        up ? (width - 1) * stride - 2 * (int64_t)pad + s->kw : width + 2 * (int64_t)pad - s->kw;
    if (h < 1 || width < 1 || fit_h < (up ? 1 : 0) || fit_w < (up ? 1 : 0))
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "%s: argument w is %s, too %s for x %s with stride %d and pad %d", op,
                       lt_shape_string(w, a, sizeof a), up ? "small" : "large",
                       lt_shape_string(x, b, sizeof b), stride, pad);
    const int64_t out_h = up ? fit_h : fit_h / stride + 1, out_w = up ? fit_w : fit_w / stride + 1;
    s->c = up ? o : c;
    s->h = up ? out_h : h;
    s->w = up ? out_w : width;
    s->o = up ? c : o;
    s->oh = up ? h : out_h;
    s->ow = up ? width : out_w;
    s->w_small = up ? s->kh * s->kw : c * s->kh * s->kw;
    s->w_big = up ? c * s->kh * s->kw : s->kh * s->kw;
    shape[0] = s->n;
    shape[1] = o;
    shape[2] = out_h;
    shape[3] = out_w;
    return LT_OK;
}

/* Convolves x with w, or applies the adjoint with `up`; then the tail `act` and the picture `to`,
 * each unless NULL. The tail runs inside the convolution where the kernels allow it. */
static lt_tensor *convolve(lt_ctx *ctx, const char *op, bool up, lt_tensor *x, lt_tensor *scale,
                           lt_tensor *w, lt_tensor *bias, int stride, int pad, const lt_act *act,
                           const lt_to_rgb *to, lt_tensor **rgb)
{
    lt_tensor *const inputs[4] = {x, scale, w, bias};
    lt_tensor *xd = lt_dense(ctx, x, op, "x"), *wd = lt_dense(ctx, w, op, "w");
    lt_tensor *sd = scale ? lt_dense(ctx, scale, op, "in_scale") : NULL;
    lt_tensor *bd = bias ? lt_dense(ctx, bias, op, "bias") : NULL;
    if (!xd || !wd || ctx->status)
        return NULL;
    if (check_operands(ctx, op, x, scale, w, bias, stride, pad))
        return NULL;

    conv_params params = {.transposed = up};
    lt_conv_shape *s = &params.shape;
    int64_t shape[4];
    if (find_sizes(ctx, op, up, x, w, stride, pad, s, shape))
        return NULL;
    lt_act_operands tail;
    if (act && lt_act_prepare(ctx, op, shape, act, &tail))
        return NULL;
    const bool fused = act && tail.from_y;
    lt_tensor *out = lt_new(ctx, 4, shape);
    if (!out)
        return NULL;
    const float *factor = sd ? lt_f32(sd) : NULL, *shift = bd ? lt_f32(bd) : NULL;
    const lt_status status =
        up ? lt_conv_adjoint(ctx, s, lt_f32(xd), factor, lt_f32(wd), shift, lt_f32(out))
           : lt_conv_apply(ctx, s, lt_f32(xd), factor, lt_f32(wd), shift, fused ? &tail.q : NULL,
                           lt_f32(out));
    if (status)
        return NULL;

    lt_node *node = lt_record(ctx, out, conv_backward, 4, inputs, sizeof params);
    if (node) {
        *(conv_params *)lt_node_params(node) = params;
        if (lt_would_record(ctx, 1, &w) || lt_would_record(ctx, 1, &scale))
            lt_node_save(node, SAVED_X, xd);
        if (lt_would_record(ctx, 1, &x) || lt_would_record(ctx, 1, &scale))
            lt_node_save(node, SAVED_W, wd);
        lt_node_save(node, SAVED_SCALE, sd);
    }
    out = lt_recorded(ctx, out);
    if (!act || !out)
        return out;
    if (to && fused && lt_act_fits_picture(ctx, shape, &tail, to))
        return lt_act_over_picture(ctx, out, act, &tail, to, rgb);
    out = fused ? lt_act_over(ctx, out, act, &tail) : lt_bias_act(ctx, out, act);
    if (to && out)
        *rgb = lt_conv2d(ctx, out, to->scale, to->w, to->bias, 1, 0);
    return out;
}

lt_tensor *lt_conv2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w, lt_tensor *bias,
                     int stride, int pad)
{
    return convolve(ctx, "lt_conv2d", false, x, in_scale, w, bias, stride, pad, NULL, NULL, NULL);
}

lt_tensor *lt_conv_transpose2d(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                               lt_tensor *bias, int stride, int pad)
{
    return convolve(ctx, "lt_conv_transpose2d", true, x, in_scale, w, bias, stride, pad, NULL, NULL,
                    NULL);
}

lt_tensor *lt_conv2d_act(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w, int stride,
                         int pad, const lt_act *act)
{
    return convolve(ctx, "lt_conv2d_act", false, x, in_scale, w, NULL, stride, pad, act, NULL,
                    NULL);
}

lt_tensor *lt_conv2d_act_rgb(lt_ctx *ctx, lt_tensor *x, lt_tensor *in_scale, lt_tensor *w,
                             int stride, int pad, const lt_act *act, const lt_to_rgb *to,
                             lt_tensor **rgb)
{
    *rgb = NULL;
    lt_tensor *out =
        convolve(ctx, "lt_conv2d_act_rgb", false, x, in_scale, w, NULL, stride, pad, act, to, rgb);
    return *rgb ? out : NULL;
}
