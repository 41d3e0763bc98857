/* The fused tail of a StyleGAN2 layer: demodulation, noise, bias, leaky ReLU, gain. */
#include "autograd/ops_act_impl.h"
#include "tensor/kernels/conv/conv_impl.h"

enum { SAVED_VALUE = LT_ACT_SAVED, SAVED_PICTURE_SCALE, SAVED_PICTURE_W, SAVED_PICTURE_GRAD };
enum { IN_PICTURE_SCALE = LT_ACT_INPUTS, INPUTS };

typedef struct bias_act_params {
    float slope, gain;
    bool from_y;  /* SAVED_VALUE is y; otherwise x */
    bool promise; /* gy came from picture_backward(), which left it uninitialised */
} bias_act_params;

/* The operands in the form of the kernels, for x of `shape`. */
static lt_bias_act_planes operands_of(const int64_t *shape, const lt_tensor *scale,
                                      const lt_tensor *noise, const lt_tensor *strength,
                                      const lt_tensor *bias, float slope, float gain)
{
    lt_bias_act_planes q = {
        .n = shape[0],
        .c = shape[1],
        .size = shape[2] * shape[3],
        .scale = scale ? lt_f32(scale) : NULL,
        .noise = noise ? lt_f32(noise) : NULL,
        .strength = strength ? lt_f32(strength) : NULL,
        .bias = bias ? lt_f32(bias) : NULL,
        .slope = slope,
        .gain = gain,
    };
    q.noise_step = noise && lt_dim(noise, 0) > 1 ? q.size : 0;
    return q;
}

void lt_act_save(lt_node *node, const lt_act_operands *o)
{
    lt_node_save(node, LT_ACT_SAVED_SCALE, o->scale);
    lt_node_save(node, LT_ACT_SAVED_NOISE, o->noise);
    lt_node_save(node, LT_ACT_SAVED_STRENGTH, o->strength);
    lt_node_save(node, LT_ACT_SAVED_BIAS, o->bias);
}

lt_bias_act_planes lt_act_saved(const lt_node *node, const lt_tensor *gy, float slope, float gain)
{
    return operands_of(lt_shape(gy), lt_node_saved(node, LT_ACT_SAVED_SCALE),
                       lt_node_saved(node, LT_ACT_SAVED_NOISE),
                       lt_node_saved(node, LT_ACT_SAVED_STRENGTH),
                       lt_node_saved(node, LT_ACT_SAVED_BIAS), slope, gain);
}

/* From the sums over each plane to the gradients of the small operands, added in a fixed order.
 * g is the gradient before the activation, pre the value before it. Where y was kept instead of
 * x, the kernels summed g pre; the sum of g x follows by x = (pre - strength noise - bias) /
 * scale. */
static void fold_sums(const lt_bias_act_planes *q, const lt_bias_act_sums *sums, bool from_y,
                      float *gscale, float *gstrength, float *gbias)
{
    double noise = 0;
    for (int64_t c = 0; gbias && c < q->c; c++) {
        double sum = 0;
        for (int64_t n = 0; n < q->n; n++)
            sum += sums[n * q->c + c].bias;
        gbias[c] = (float)sum;
    }
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(q, i);
        noise += sums[i].noise;
        if (!gscale)
            continue;
        double value = sums[i].value;
        if (from_y)
            value = (value - (double)p.strength * sums[i].noise - (double)p.bias * sums[i].bias) /
                    (double)p.scale;
        gscale[i] = (float)value;
    }
    if (gstrength)
        gstrength[0] = (float)noise;
}

lt_status lt_act_add_small(lt_ctx *ctx, lt_node *node, const lt_bias_act_planes *q,
                           const lt_bias_act_sums *sums, bool from_y)
{
    lt_tensor *grad[LT_ACT_INPUTS] = {NULL};
    float *to[LT_ACT_INPUTS] = {NULL};
    for (int i = LT_ACT_IN_SCALE; i < LT_ACT_INPUTS; i++) {
        if (!lt_wants_grad(node, i))
            continue;
        grad[i] = lt_new_like(ctx, lt_node_input(node, i));
        if (!grad[i])
            return ctx->status;
        to[i] = lt_f32(grad[i]);
    }
    fold_sums(q, sums, from_y, to[LT_ACT_IN_SCALE], to[LT_ACT_IN_STRENGTH], to[LT_ACT_IN_BIAS]);
    for (int i = LT_ACT_IN_SCALE; i < LT_ACT_INPUTS; i++)
        if (grad[i] && lt_grad_add(ctx, node, i, grad[i]))
            return ctx->status;
    return LT_OK;
}

/* Backward of a layer together with the picture that was made from it: sets gx and the sums over
 * the planes, and adds the gradient of the picture's scale. */
static lt_status picture_adjoint(lt_ctx *ctx, lt_node *node, const lt_bias_act_planes *q,
                                 lt_tensor *gy, float *gx, lt_bias_act_sums *sums)
{
    const bias_act_params *params = lt_node_params(node);
    const lt_tensor *g = lt_node_saved(node, SAVED_PICTURE_GRAD),
                    *scale = lt_node_saved(node, SAVED_PICTURE_SCALE);
    lt_tensor *gscale = lt_wants_grad(node, IN_PICTURE_SCALE) ? lt_new_like(ctx, scale) : NULL;
    if (ctx->status)
        return ctx->status;
    const lt_bias_act_picture picture = {.channels = lt_dim(g, 1),
                                         .g = lt_f32(g),
                                         .weight = lt_f32(lt_node_saved(node, SAVED_PICTURE_W)),
                                         .scale = lt_f32(scale),
                                         .gscale = gscale ? lt_f32(gscale) : NULL};
    const lt_status status =
        lt_bias_act_picture_adjoint(ctx, q, &picture, lt_f32(lt_node_saved(node, SAVED_VALUE)),
                                    params->promise ? NULL : lt_f32(gy), gx, sums);
    return status == LT_OK && gscale ? lt_grad_add(ctx, node, IN_PICTURE_SCALE, gscale) : status;
}

/* Saved: the operands, and x or y; where the layer made a picture, also the scale, the weight
 * and the gradient of the picture. Overwrites gy with the gradient of x where gy is not shared. */
static lt_status bias_act_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const bias_act_params *params = lt_node_params(node);
    const float *value = lt_f32(lt_node_saved(node, SAVED_VALUE));
    const bool picture = lt_node_saved(node, SAVED_PICTURE_GRAD);
    const lt_bias_act_planes q = lt_act_saved(node, gy, params->slope, params->gain);
    lt_tensor *gx = picture || lt_wants_grad(node, LT_ACT_IN_X) ? lt_grad_buffer(ctx, gy) : NULL;
    lt_bias_act_sums *sums =
        ctx->status ? NULL : lt_scratch(ctx, (size_t)(q.n * q.c) * sizeof *sums);
    if (!sums)
        return ctx->status;
    lt_status status = LT_OK;
    if (picture)
        status = picture_adjoint(ctx, node, &q, gy, lt_f32(gx), sums);
    else
        lt_bias_act_adjoint(ctx, &q, params->from_y ? NULL : value, params->from_y ? value : NULL,
                            lt_f32(gy), gx ? lt_f32(gx) : NULL, sums);
    if (status == LT_OK)
        status = lt_act_add_small(ctx, node, &q, sums, params->from_y);
    lt_scratch_free(ctx, sums);
    if (status == LT_OK && lt_wants_grad(node, LT_ACT_IN_X))
        status = lt_grad_add(ctx, node, LT_ACT_IN_X, gx);
    return status;
}

/* Whether backward can do with y instead of x, so that x need not be kept. The sign of y must
 * tell on which side of the kink x lay (slope and gain above 0); and where out_scale wants a
 * gradient, x must follow from y by a division by the scale. */
static bool output_suffices(const lt_bias_act_planes *q, bool scale_grad)
{
    if (!(q->slope > 0.0f) || !(q->gain > 0.0f))
        return false;
    for (int64_t i = 0; scale_grad && q->scale && i < q->n * q->c; i++)
        if (!(q->scale[i] > 1e-12f || q->scale[i] < -1e-12f))
            return false;
    return true;
}

/* Checks the shapes of the operands for x of shape x[4]. */
static lt_status check_shapes(lt_ctx *ctx, const char *op, const int64_t *x, const lt_act *act)
{
    char a[96];
    const lt_tensor *scale = act->out_scale, *noise = act->noise, *strength = act->noise_weight,
                    *bias = act->bias;
    const long long n = x[0], c = x[1], h = x[2], w = x[3];
    if (scale && (lt_ndim(scale) != 2 || lt_dim(scale, 0) != n || lt_dim(scale, 1) != c))
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument out_scale is %s, expected (%lld, %lld)", op,
                       lt_shape_string(scale, a, sizeof a), n, c);
    if (!noise != !strength)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%s: noise and noise_weight must be given together",
                       op);
    if (noise && (lt_ndim(noise) != 4 || lt_dim(noise, 1) != 1 ||
                  (lt_dim(noise, 0) != 1 && lt_dim(noise, 0) != n) || lt_dim(noise, 2) != h ||
                  lt_dim(noise, 3) != w))
        return lt_fail(
            ctx, LT_ERR_SHAPE,
            "%s: argument noise is %s, expected (1 or N, 1, H, W) for x (%lld, %lld, %lld, %lld)",
            op, lt_shape_string(noise, a, sizeof a), n, c, h, w);
    if (strength && lt_numel(strength) != 1)
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument noise_weight is %s, expected (1,)", op,
                       lt_shape_string(strength, a, sizeof a));
    if (bias && (lt_ndim(bias) != 1 || lt_dim(bias, 0) != c))
        return lt_fail(ctx, LT_ERR_SHAPE, "%s: argument bias is %s, expected (%lld,)", op,
                       lt_shape_string(bias, a, sizeof a), c);
    return LT_OK;
}

lt_status lt_act_prepare(lt_ctx *ctx, const char *op, const int64_t *shape, const lt_act *act,
                         lt_act_operands *o)
{
    *o = (lt_act_operands){
        .scale = act->out_scale ? lt_dense(ctx, act->out_scale, op, "out_scale") : NULL,
        .noise = act->noise ? lt_dense(ctx, act->noise, op, "noise") : NULL,
        .strength = act->noise_weight ? lt_dense(ctx, act->noise_weight, op, "noise_weight") : NULL,
        .bias = act->bias ? lt_dense(ctx, act->bias, op, "bias") : NULL,
    };
    if (ctx->status || check_shapes(ctx, op, shape, act))
        return ctx->status;
    o->q = operands_of(shape, o->scale, o->noise, o->strength, o->bias, act->slope, act->gain);
    o->from_y = output_suffices(&o->q, lt_would_record(ctx, 1, (lt_tensor *[]){act->out_scale}));
    return LT_OK;
}

/* Records the operation; NULL where nothing is recorded. `value` is x or y, whichever backward
 * needs. */
static lt_node *record(lt_ctx *ctx, lt_tensor *x, const lt_act *act, const lt_act_operands *o,
                       lt_tensor *value, lt_tensor *picture_scale, lt_tensor *out)
{
    lt_tensor *const inputs[INPUTS] = {x, act->out_scale, act->noise_weight, act->bias,
                                       picture_scale};
    lt_node *node = lt_record(ctx, out, bias_act_backward, INPUTS, inputs, sizeof(bias_act_params));
    if (node) {
        *(bias_act_params *)lt_node_params(node) =
            (bias_act_params){.slope = act->slope, .gain = act->gain, .from_y = o->from_y};
        lt_act_save(node, o);
        lt_node_save(node, SAVED_VALUE, value);
    }
    return node;
}

static lt_tensor *view_of(lt_ctx *ctx, lt_tensor *x)
{
    return lt_view(ctx, x, x->ndim, x->shape, x->stride, 0);
}

lt_tensor *lt_act_over(lt_ctx *ctx, lt_tensor *x, const lt_act *act, const lt_act_operands *o)
{
    lt_tensor *out = view_of(ctx, x);
    if (out)
        record(ctx, x, act, o, out, NULL, out);
    return lt_recorded(ctx, out);
}

/* Leaves the gradient of the picture to the node of the layer, which runs next and takes it
 * along in its own pass over y. */
static lt_status picture_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    lt_node *act = *(lt_node **)lt_node_params(node);
    bias_act_params *params = lt_node_params(act);
    lt_node_save(act, SAVED_PICTURE_GRAD, gy);
    params->promise = !lt_grad(lt_node_input(node, 0));
    return params->promise ? lt_grad_promise(ctx, node, 0) : LT_OK;
}

/* The 1 x 1 convolution with w that makes a picture of y. */
static lt_conv_shape picture_shape(const int64_t *y, const lt_tensor *w)
{
    return (lt_conv_shape){.n = y[0],
                           .c = y[1],
                           .h = y[2],
                           .w = y[3],
                           .o = lt_dim(w, 0),
                           .oh = y[2],
                           .ow = y[3],
                           .kh = lt_dim(w, 2),
                           .kw = lt_dim(w, 3),
                           .stride = 1,
                           .w_small = y[1],
                           .w_big = 1};
}

static bool plain(const lt_tensor *t, int ndim)
{
    return t && lt_ndim(t) == ndim && t->dtype == LT_F32 && lt_is_contiguous(t);
}

bool lt_act_fits_picture(const lt_ctx *ctx, const int64_t *shape, const lt_act_operands *o,
                         const lt_to_rgb *to)
{
    const lt_tensor *scale = to->scale, *w = to->w, *bias = to->bias;
    if (!o->from_y || !plain(scale, 2) || !plain(w, 4) || (bias && !plain(bias, 1)))
        return false;
    if (lt_would_record(ctx, 2, (lt_tensor *[]){to->w, to->bias}))
        return false;
    if (lt_dim(w, 1) != shape[1] || lt_dim(scale, 0) != shape[0] || lt_dim(scale, 1) != shape[1])
        return false;
    if (bias && lt_dim(bias, 0) != lt_dim(w, 0))
        return false;
    const lt_conv_shape s = picture_shape(shape, w);
    return lt_conv_input_grad_adds(&s, false);
}

lt_tensor *lt_act_over_picture(lt_ctx *ctx, lt_tensor *x, const lt_act *act,
                               const lt_act_operands *o, const lt_to_rgb *to, lt_tensor **rgb)
{
    const lt_conv_shape s = picture_shape(x->shape, to->w);
    lt_tensor *out = view_of(ctx, x), *picture = lt_new(ctx, 4, (int64_t[]){s.n, s.o, s.h, s.w});
    if (!out || !picture)
        return NULL;
    if (lt_conv_apply(ctx, &s, lt_f32(out), lt_f32(to->scale), lt_f32(to->w),
                      to->bias ? lt_f32(to->bias) : NULL, NULL, lt_f32(picture)))
        return NULL;
    lt_node *node = record(ctx, x, act, o, out, to->scale, out);
    if (node) {
        lt_node_save(node, SAVED_PICTURE_SCALE, to->scale);
        lt_node_save(node, SAVED_PICTURE_W, to->w);
        lt_node *last = lt_record(ctx, picture, picture_backward, 1, &out, sizeof node);
        if (last)
            *(lt_node **)lt_node_params(last) = node;
    }
    *rgb = lt_recorded(ctx, picture);
    return lt_recorded(ctx, out);
}

lt_tensor *lt_bias_act(lt_ctx *ctx, lt_tensor *x, const lt_act *act)
{
    char a[96];
    lt_act_operands o;
    lt_tensor *xd = lt_dense(ctx, x, "lt_bias_act", "x");
    if (!xd)
        return NULL;
    if (lt_ndim(x) != 4)
        return LT_NULL(ctx, LT_ERR_SHAPE, "lt_bias_act: argument x is %s, expected (N, C, H, W)",
                       lt_shape_string(x, a, sizeof a));
    if (lt_act_prepare(ctx, "lt_bias_act", x->shape, act, &o))
        return NULL;
    lt_tensor *out = lt_new_like(ctx, x);
    if (!out)
        return NULL;
    lt_bias_act_apply(ctx, &o.q, lt_f32(xd), lt_f32(out));
    record(ctx, x, act, &o, o.from_y ? out : xd, NULL, out);
    return lt_recorded(ctx, out);
}
