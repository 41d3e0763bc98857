/* The fused tail of a StyleGAN2 layer: demodulation, noise, bias, leaky ReLU, gain. */
#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/bias_act_kernels.h"

enum { IN_X, IN_SCALE, IN_STRENGTH, IN_BIAS };
enum { SAVED_VALUE, SAVED_SCALE, SAVED_NOISE, SAVED_STRENGTH, SAVED_BIAS };

typedef struct bias_act_params {
    float slope, gain;
    bool from_x; /* SAVED_VALUE is x, else y */
} bias_act_params;

/* The operands as dense arrays; NULL where absent. */
typedef struct operands {
    int64_t n, c, size;
    const float *scale, *noise, *strength, *bias;
    int64_t noise_step; /* floats from one sample's noise to the next */
    float slope, gain;
} operands;

static lt_bias_act_plane plane_of(const operands *q, int64_t i)
{
    const int64_t n = i / q->c, c = i % q->c;
    return (lt_bias_act_plane){
        .size = q->size,
        .noise = q->noise && q->strength ? q->noise + n * q->noise_step : NULL,
        .scale = q->scale ? q->scale[i] : 1.0f,
        .strength = q->strength ? q->strength[0] : 0.0f,
        .bias = q->bias ? q->bias[c] : 0.0f,
        .slope = q->slope,
        .gain = q->gain,
    };
}

static operands operands_of(const lt_tensor *x, const lt_tensor *scale, const lt_tensor *noise,
                            const lt_tensor *strength, const lt_tensor *bias, float slope,
                            float gain)
{
    operands q = {
        .n = lt_dim(x, 0), .c = lt_dim(x, 1), .size = lt_dim(x, 2) * lt_dim(x, 3),
        .scale = scale ? lt_f32(scale) : NULL,
        .noise = noise ? lt_f32(noise) : NULL,
        .strength = strength ? lt_f32(strength) : NULL,
        .bias = bias ? lt_f32(bias) : NULL,
        .slope = slope, .gain = gain,
    };
    q.noise_step = noise && lt_dim(noise, 0) > 1 ? q.size : 0;
    return q;
}

/* Planes' sums to the gradients of the small operands, in a fixed order. Where y was
 * kept, the sum of g x follows from that of g pre: x = (pre - strength noise - bias) / scale. */
static void fold_sums(const operands *q, const lt_bias_act_sums *sums, bool from_x, float *gscale,
                      float *gstrength, float *gbias)
{
    double noise = 0;
    for (int64_t c = 0; gbias && c < q->c; c++) {
        double sum = 0;
        for (int64_t n = 0; n < q->n; n++) sum += sums[n * q->c + c].bias;
        gbias[c] = (float)sum;
    }
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = plane_of(q, i);
        noise += sums[i].noise;
        if (!gscale) continue;
        double value = sums[i].value;
        if (!from_x)
            value = (value - (double)p.strength * sums[i].noise - (double)p.bias * sums[i].bias) /
                    (double)p.scale;
        gscale[i] = (float)value;
    }
    if (gstrength) gstrength[0] = (float)noise;
}

/* A gradient for input i where one is wanted. */
static lt_tensor *gradient_of(lt_ctx *ctx, const lt_node *node, int i, lt_tensor *gy)
{
    if (!lt_wants_grad(node, i)) return NULL;
    return i == IN_X ? lt_grad_buffer(ctx, gy) : lt_new_like(ctx, lt_node_input(node, i));
}

static lt_status bias_act_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const bias_act_params *params = lt_node_params(node);
    const lt_tensor *value = lt_node_saved(node, SAVED_VALUE);
    const operands q = operands_of(gy, lt_node_saved(node, SAVED_SCALE),
                                   lt_node_saved(node, SAVED_NOISE),
                                   lt_node_saved(node, SAVED_STRENGTH),
                                   lt_node_saved(node, SAVED_BIAS), params->slope, params->gain);
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
    lt_tensor *grad[4];
    float *to[4];
    for (int i = 0; i < 4; i++) {
        grad[i] = gradient_of(ctx, node, i, gy);
        to[i] = grad[i] ? lt_f32(grad[i]) : NULL;
    }
    if (ctx->status) return ctx->status;
    const int64_t planes = q.n * q.c;
    lt_bias_act_sums *sums = lt_scratch(ctx, (size_t)planes * sizeof *sums);
    if (!sums) return ctx->status;
    const float *x = params->from_x ? lt_f32(value) : NULL;
    const float *y = params->from_x ? NULL : lt_f32(value);
    const float *g = lt_f32(gy);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < planes; i++) {
        const lt_bias_act_plane p = plane_of(&q, i);
        const int64_t at = i * q.size;
        sums[i] = k->backward(&p, x ? x + at : NULL, y ? y + at : NULL, g + at,
                              to[IN_X] ? to[IN_X] + at : NULL);
    }
    fold_sums(&q, sums, params->from_x, to[IN_SCALE], to[IN_STRENGTH], to[IN_BIAS]);
    lt_scratch_free(ctx, sums);
    for (int i = 0; i < 4; i++)
        if (grad[i] && lt_grad_add(ctx, node, i, grad[i])) return ctx->status;
    return LT_OK;
}

/* Whether what backward needs of x can be had from y: its sign must tell the side of the
 * kink, and pre and x must follow from it. */
static bool output_suffices(const operands *q, bool scale_grad)
{
    if (!(q->slope > 0.0f) || !(q->gain > 0.0f)) return false;
    for (int64_t i = 0; scale_grad && q->scale && i < q->n * q->c; i++)
        if (!(q->scale[i] > 1e-12f || q->scale[i] < -1e-12f)) return false;
    return true;
}

static lt_status check_shapes(lt_ctx *ctx, const lt_tensor *x, const lt_tensor *scale,
                              const lt_tensor *noise, const lt_tensor *strength,
                              const lt_tensor *bias)
{
    char a[96], b[96];
    if (lt_ndim(x) != 4)
        return lt_fail(ctx, LT_ERR_SHAPE, "bias_act: argument x is %s, expected (N, C, H, W)",
                       lt_shape_string(x, a, sizeof a));
    lt_shape_string(x, b, sizeof b);
    if (scale && (lt_ndim(scale) != 2 || lt_dim(scale, 0) != lt_dim(x, 0) ||
                  lt_dim(scale, 1) != lt_dim(x, 1)))
        return lt_fail(ctx, LT_ERR_SHAPE, "bias_act: argument out_scale is %s, expected (%lld, %lld)",
                       lt_shape_string(scale, a, sizeof a), (long long)lt_dim(x, 0),
                       (long long)lt_dim(x, 1));
    if (!noise != !strength)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "bias_act: noise and noise_weight must be given together");
    if (noise && (lt_ndim(noise) != 4 || lt_dim(noise, 1) != 1 ||
                  (lt_dim(noise, 0) != 1 && lt_dim(noise, 0) != lt_dim(x, 0)) ||
                  lt_dim(noise, 2) != lt_dim(x, 2) || lt_dim(noise, 3) != lt_dim(x, 3)))
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "bias_act: argument noise is %s, expected (1 or N, 1, H, W) for x %s",
                       lt_shape_string(noise, a, sizeof a), b);
    if (strength && lt_numel(strength) != 1)
        return lt_fail(ctx, LT_ERR_SHAPE, "bias_act: argument noise_weight is %s, expected (1,)",
                       lt_shape_string(strength, a, sizeof a));
    if (bias && (lt_ndim(bias) != 1 || lt_dim(bias, 0) != lt_dim(x, 1)))
        return lt_fail(ctx, LT_ERR_SHAPE, "bias_act: argument bias is %s, expected (%lld,)",
                       lt_shape_string(bias, a, sizeof a), (long long)lt_dim(x, 1));
    return LT_OK;
}

static lt_tensor *bias_act(lt_ctx *ctx, lt_tensor *x, lt_tensor *out_scale, const lt_tensor *noise,
                           lt_tensor *noise_weight, lt_tensor *bias, float slope, float gain,
                           bool consume)
{
    lt_tensor *const inputs[4] = {x, out_scale, noise_weight, bias};
    lt_tensor *xd = lt_dense(ctx, x, "bias_act", "x");
    lt_tensor *sd = out_scale ? lt_dense(ctx, out_scale, "bias_act", "out_scale") : NULL;
    lt_tensor *nd = noise ? lt_dense(ctx, noise, "bias_act", "noise") : NULL;
    lt_tensor *wd = noise_weight ? lt_dense(ctx, noise_weight, "bias_act", "noise_weight") : NULL;
    lt_tensor *bd = bias ? lt_dense(ctx, bias, "bias_act", "bias") : NULL;
    if (!xd || ctx->status || check_shapes(ctx, x, out_scale, noise, noise_weight, bias)) return NULL;

    const operands q = operands_of(xd, sd, nd, wd, bd, slope, gain);
    const bool from_x = !output_suffices(&q, lt_would_record(ctx, 1, &out_scale));
    /* Over x, if nobody has kept it for the way back: a view of its memory. */
    lt_tensor *out = consume && !from_x && xd == x && !lt_is_shared(x)
                         ? lt_view(ctx, x, x->ndim, x->shape, x->stride, 0)
                         : lt_new_like(ctx, x);
    if (!out) return NULL;
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
    const float *src = lt_f32(xd);
    float *dst = lt_f32(out);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < q.n * q.c; i++) {
        const lt_bias_act_plane p = plane_of(&q, i);
        k->forward(&p, src + i * q.size, dst + i * q.size);
    }

    lt_node *node = lt_record(ctx, out, bias_act_backward, 4, inputs, sizeof(bias_act_params));
    if (node) {
        bias_act_params *params = lt_node_params(node);
        params->slope = slope;
        params->gain = gain;
        params->from_x = from_x;
        lt_node_save(node, SAVED_VALUE, params->from_x ? xd : out);
        lt_node_save(node, SAVED_SCALE, sd);
        lt_node_save(node, SAVED_NOISE, nd);
        lt_node_save(node, SAVED_STRENGTH, wd);
        lt_node_save(node, SAVED_BIAS, bd);
    }
    return lt_recorded(ctx, out);
}

lt_tensor *lt_bias_act(lt_ctx *ctx, lt_tensor *x, lt_tensor *out_scale, const lt_tensor *noise,
                       lt_tensor *noise_weight, lt_tensor *bias, float slope, float gain)
{
    return bias_act(ctx, x, out_scale, noise, noise_weight, bias, slope, gain, false);
}

lt_tensor *lt_bias_act_over(lt_ctx *ctx, lt_tensor *x, lt_tensor *out_scale,
                            const lt_tensor *noise, lt_tensor *noise_weight, lt_tensor *bias,
                            float slope, float gain)
{
    return bias_act(ctx, x, out_scale, noise, noise_weight, bias, slope, gain, true);
}
