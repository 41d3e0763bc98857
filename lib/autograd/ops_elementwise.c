/* Elementwise operations: arithmetic with broadcasting, functions of one element, PReLU. */
#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* ---- binary operations ---- */

/* The gradient of an x that was broadcast to the shape of t: the sum of t over the axes along
 * which x was repeated. */
static lt_tensor *unbroadcast(lt_ctx *ctx, lt_tensor *t, const lt_tensor *x)
{
    return !t || lt_same_shape(t, x) ? t : lt_reduce_to(ctx, t, NULL, 1.0f, x->ndim, x->shape);
}

/* unbroadcast() of t * other: the gradient of a product. Where `other` has the shape of t, the
 * product is summed as it is computed and never stored. */
static lt_tensor *unbroadcast_product(lt_ctx *ctx, lt_tensor *t, const lt_tensor *other,
                                      const lt_tensor *x)
{
    if (!lt_same_shape(t, x) && lt_same_shape(t, other)) {
        const lt_tensor *dense = lt_dense_input(ctx, other, "backward", "operand");
        return dense ? lt_reduce_to(ctx, t, dense, 1.0f, x->ndim, x->shape) : NULL;
    }
    return unbroadcast(ctx, lt_run_binary(ctx, LT_BINARY_MUL, t, other, "backward"), x);
}

static lt_tensor *negated(lt_ctx *ctx, lt_tensor *t)
{
    lt_tensor *out = t ? lt_new_like(ctx, t) : NULL;
    if (out)
        lt_run_unary(ctx, LT_UNARY_AFFINE, lt_numel(t), lt_floats(t), lt_floats(out), -1.0f, 0.0f);
    return out;
}

static lt_status add_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    for (int i = 0; i < 2; i++)
        if (lt_wants_grad(n, i) &&
            lt_grad_add(ctx, n, i, unbroadcast(ctx, gy, lt_node_input(n, i))) != LT_OK)
            return ctx->status;
    return LT_OK;
}

static lt_status sub_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    if (lt_wants_grad(n, 0) &&
        lt_grad_add(ctx, n, 0, unbroadcast(ctx, gy, lt_node_input(n, 0))) != LT_OK)
        return ctx->status;
    if (!lt_wants_grad(n, 1))
        return LT_OK;
    return lt_grad_add(ctx, n, 1, negated(ctx, unbroadcast(ctx, gy, lt_node_input(n, 1))));
}

/* Saved: the operands that the gradient of the other operand needs; and for a quotient the
 * result. */
enum { SAVED_A, SAVED_B, SAVED_OUT };

static lt_status mul_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    for (int i = 0; i < 2; i++) {
        if (!lt_wants_grad(n, i))
            continue;
        lt_tensor *g = unbroadcast_product(ctx, gy, lt_node_saved(n, i ? SAVED_A : SAVED_B),
                                           lt_node_input(n, i));
        if (lt_grad_add(ctx, n, i, g) != LT_OK)
            return ctx->status;
    }
    return LT_OK;
}

/* For y = a / b: ga = gy / b and gb = -sum(gy y) / b. The division by b is outside of the sum,
 * because b is constant along the axes that are summed. */
static lt_status div_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    lt_tensor *a = lt_node_input(n, 0), *b = lt_node_saved(n, SAVED_B);
    if (lt_wants_grad(n, 0)) {
        lt_tensor *g = unbroadcast(ctx, lt_run_binary(ctx, LT_BINARY_DIV, gy, b, "backward"), a);
        if (lt_grad_add(ctx, n, 0, g) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(n, 1))
        return LT_OK;
    lt_tensor *g = unbroadcast_product(ctx, gy, lt_node_saved(n, SAVED_OUT), b);
    return lt_grad_add(
        ctx, n, 1, negated(ctx, g ? lt_run_binary(ctx, LT_BINARY_DIV, g, b, "backward") : NULL));
}

/* Applies op to a and b and records it. */
static lt_tensor *binary(lt_ctx *ctx, lt_binary_op op, lt_backward_fn backward, lt_tensor *a,
                         lt_tensor *b, const char *name)
{
    lt_tensor *out = lt_run_binary(ctx, op, a, b, name);
    lt_node *node = lt_record(ctx, out, backward, 2, (lt_tensor *[]){a, b}, 0);
    if (node && op == LT_BINARY_MUL) {
        lt_node_save(node, SAVED_A, lt_wants_grad(node, 1) ? a : NULL);
        lt_node_save(node, SAVED_B, lt_wants_grad(node, 0) ? b : NULL);
    } else if (node && op == LT_BINARY_DIV) {
        lt_node_save(node, SAVED_B, b);
        lt_node_save(node, SAVED_OUT, lt_wants_grad(node, 1) ? out : NULL);
    }
    return lt_recorded(ctx, out);
}

lt_tensor *lt_add(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return binary(ctx, LT_BINARY_ADD, add_backward, a, b, "lt_add");
}

lt_tensor *lt_sub(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return binary(ctx, LT_BINARY_SUB, sub_backward, a, b, "lt_sub");
}

lt_tensor *lt_mul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return binary(ctx, LT_BINARY_MUL, mul_backward, a, b, "lt_mul");
}

lt_tensor *lt_div(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return binary(ctx, LT_BINARY_DIV, div_backward, a, b, "lt_div");
}

/* ---- unary operations ---- */

struct unary_params {
    lt_unary_op op;
    float p, q;
};

/* What the backward function needs of the forward pass. */
enum saves { SAVE_NOTHING, SAVE_ARGUMENT, SAVE_RESULT };

static lt_status unary_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct unary_params *u = lt_node_params(n);
    const lt_tensor *saved = lt_node_saved(n, 0);
    lt_tensor *gx = lt_grad_buffer(ctx, gy);
    if (gx)
        lt_run_unary_grad(ctx, u->op, lt_numel(gy), lt_floats(gy), lt_floats(saved ? saved : gy),
                          lt_floats(gx), u->p, u->q);
    return lt_grad_add(ctx, n, 0, gx);
}

/* Applies op, whose parameters are p and q, to x and records it. `saves` says what
 * unary_backward() needs. */
static lt_tensor *unary(lt_ctx *ctx, lt_tensor *x, lt_unary_op op, float p, float q,
                        enum saves saves, const char *name)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dense = lt_dense_input(ctx, x, name, "x");
    lt_tensor *out = dense ? lt_new_like(ctx, dense) : NULL;
    if (out) {
        lt_run_unary(ctx, op, lt_numel(out), lt_floats(dense), lt_floats(out), p, q);
        lt_node *n = lt_record(ctx, out, unary_backward, 1, &x, sizeof(struct unary_params));
        if (n) {
            *(struct unary_params *)lt_node_params(n) =
                (struct unary_params){.op = op, .p = p, .q = q};
            if (saves != SAVE_NOTHING)
                lt_node_save(n, 0, saves == SAVE_ARGUMENT ? dense : out);
        }
        out = lt_recorded(ctx, out);
    }
    return lt_scope_close(ctx, scope, out);
}

lt_tensor *lt_affine(lt_ctx *ctx, lt_tensor *x, float scale, float shift)
{
    return unary(ctx, x, LT_UNARY_AFFINE, scale, shift, SAVE_NOTHING, "lt_affine");
}

lt_tensor *lt_neg(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_AFFINE, -1.0f, 0.0f, SAVE_NOTHING, "lt_neg");
}

lt_tensor *lt_exp(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_EXP, 0.0f, 0.0f, SAVE_RESULT, "lt_exp");
}

lt_tensor *lt_log(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_LOG, 0.0f, 0.0f, SAVE_ARGUMENT, "lt_log");
}

lt_tensor *lt_sqrt(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_SQRT, 0.0f, 0.0f, SAVE_RESULT, "lt_sqrt");
}

lt_tensor *lt_rsqrt(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_RSQRT, 0.0f, 0.0f, SAVE_RESULT, "lt_rsqrt");
}

lt_tensor *lt_square(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_SQUARE, 0.0f, 0.0f, SAVE_ARGUMENT, "lt_square");
}

lt_tensor *lt_abs(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_ABS, 0.0f, 0.0f, SAVE_ARGUMENT, "lt_abs");
}

lt_tensor *lt_tanh(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_TANH, 0.0f, 0.0f, SAVE_RESULT, "lt_tanh");
}

lt_tensor *lt_sigmoid(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_SIGMOID, 0.0f, 0.0f, SAVE_RESULT, "lt_sigmoid");
}

lt_tensor *lt_clamp(lt_ctx *ctx, lt_tensor *x, float low, float high)
{
    if (!(low <= high))
        return LT_NULL(ctx, LT_ERR_ARGUMENT,
                       "lt_clamp: low %g and high %g are no range, expected low <= high",
                       (double)low, (double)high);
    return unary(ctx, x, LT_UNARY_CLAMP, low, high, SAVE_ARGUMENT, "lt_clamp");
}

lt_tensor *lt_relu(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_RELU, 0.0f, 0.0f, SAVE_RESULT, "lt_relu");
}

lt_tensor *lt_leaky_relu(lt_ctx *ctx, lt_tensor *x, float slope, float gain)
{
    /* With these parameters the result has the sign of x. It is saved instead of x, because the
     * next layer usually keeps it in memory anyway. */
    const bool sign_survives = slope >= 0.0f && gain > 0.0f;
    return unary(ctx, x, LT_UNARY_LEAKY_RELU, slope, gain,
                 sign_survives ? SAVE_RESULT : SAVE_ARGUMENT, "lt_leaky_relu");
}

lt_tensor *lt_gelu(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_GELU, 0.0f, 0.0f, SAVE_ARGUMENT, "lt_gelu");
}

lt_tensor *lt_quick_gelu(lt_ctx *ctx, lt_tensor *x)
{
    return unary(ctx, x, LT_UNARY_QUICK_GELU, 0.0f, 0.0f, SAVE_ARGUMENT, "lt_quick_gelu");
}

/* ---- PReLU ---- */

/* N * C planes of `size` elements, each with the slope of its channel. */
struct prelu {
    const struct lt_dense_kernels *k;
    int64_t channels, planes, size;
    const float *x, *slope, *gy;
    float *y, *gx, *gslope;
};

static struct prelu prelu_of(const lt_ctx *ctx, const lt_tensor *x, const lt_tensor *slope)
{
    const int64_t channels = x->shape[1], planes = x->shape[0] * channels;
    return (struct prelu){.k = lt_dense_table(ctx),
                          .channels = channels,
                          .planes = planes,
                          .size = planes > 0 ? lt_numel(x) / planes : 0,
                          .x = lt_floats(x),
                          .slope = lt_floats(slope)};
}

static void prelu_grad_planes(void *arg, lt_range range)
{
    const struct prelu *p = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t at = i * p->size;
        p->k->unary_grad[LT_UNARY_LEAKY_RELU](p->size, p->gy + at, p->x + at, p->gx + at,
                                              p->slope[i % p->channels], 1.0f);
    }
}

static void prelu_grad_slopes(void *arg, lt_range range)
{
    const struct prelu *p = arg;
    for (int64_t c = range.begin; c < range.end; c++) {
        double sum = 0.0;
        for (int64_t i = c; i < p->planes; i += p->channels)
            sum += p->k->dot_negative(p->size, p->x + i * p->size, p->gy + i * p->size);
        p->gslope[c] = (float)sum;
    }
}

/* Saved: x and slope, contiguous. */
static lt_status prelu_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(n, 0), *slope = lt_node_saved(n, 1);
    struct prelu p = prelu_of(ctx, x, slope);
    p.gy = lt_floats(gy);
    if (lt_wants_grad(n, 0)) {
        lt_tensor *gx = lt_new_like(ctx, gy);
        if (!gx)
            return ctx->status;
        p.gx = lt_floats(gx);
        lt_for(ctx, lt_threads(ctx, p.planes * p.size), p.planes, prelu_grad_planes, &p);
        if (lt_grad_add(ctx, n, 0, gx) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(n, 1))
        return LT_OK;
    lt_tensor *gs = lt_new_like(ctx, slope);
    if (!gs)
        return ctx->status;
    p.gslope = lt_floats(gs);
    lt_for(ctx, lt_threads(ctx, p.planes * p.size), p.channels, prelu_grad_slopes, &p);
    return lt_grad_add(ctx, n, 1, gs);
}

static void prelu_planes(void *arg, lt_range range)
{
    const struct prelu *p = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        p->k->unary[LT_UNARY_LEAKY_RELU](p->size, p->x + i * p->size, p->y + i * p->size,
                                         p->slope[i % p->channels], 1.0f);
}

lt_tensor *lt_prelu(lt_ctx *ctx, lt_tensor *x, lt_tensor *slope)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dx = lt_dense_input(ctx, x, "lt_prelu", "x"), *out = NULL;
    lt_tensor *ds = dx ? lt_dense_input(ctx, slope, "lt_prelu", "slope") : NULL;
    if (!ds)
        return lt_scope_close(ctx, scope, NULL);
    if (dx->ndim < 2 || ds->ndim != 1 || ds->shape[0] != dx->shape[1]) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE, "lt_prelu: argument slope is %s, expected (C) for x %s",
                lt_shape_string(ds, s, sizeof s), lt_shape_string(dx, t, sizeof t));
        return lt_scope_close(ctx, scope, NULL);
    }
    out = lt_new_like(ctx, dx);
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    struct prelu p = prelu_of(ctx, dx, ds);
    p.y = lt_floats(out);
    lt_for(ctx, lt_threads(ctx, p.planes * p.size), p.planes, prelu_planes, &p);
    lt_node *n = lt_record(ctx, out, prelu_backward, 2, (lt_tensor *[]){x, slope}, 0);
    if (n) {
        lt_node_save(n, 0, dx);
        lt_node_save(n, 1, ds);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
