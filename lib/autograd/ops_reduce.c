/* Sums, means, and the softmax family. */
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* ---- sums ---- */

struct sum_params {
    int64_t kept[LT_MAX_DIMS]; /* the shape of x, with size 1 for summed axes */
    float scale;
};

/* Every element of x receives the gradient of the sum it went into, times scale: a tensor of the
 * size of the result, repeated by strides of 0. */
static lt_status sum_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct sum_params *p = lt_node_params(n);
    const lt_tensor *x = lt_node_input(n, 0);
    lt_tensor *g = lt_new(ctx, x->ndim, p->kept);
    if (!g)
        return ctx->status;
    lt_run_unary(ctx, LT_UNARY_AFFINE, lt_numel(gy), lt_floats(gy), lt_floats(g), p->scale, 0.0f);
    int64_t stride[LT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        stride[i] = p->kept[i] == x->shape[i] ? g->stride[i] : 0;
    lt_tensor *full = lt_view(ctx, g, x->ndim, x->shape, stride, 0);
    return lt_grad_add(ctx, n, 0, lt_dense_input(ctx, full, "backward", "gradient"));
}

/* The sum or the mean of x over the axes of a bit mask. */
static lt_tensor *scaled_sum(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims, bool mean,
                             const char *op)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *dense = lt_dense_input(ctx, x, op, "x");
    if (!dense)
        return lt_scope_close(ctx, scope, NULL);
    if (axes >> x->ndim != 0) {
        char s[80];
        lt_fail(ctx, LT_ERR_ARGUMENT,
                "%s: argument x is %s and lacks axes of mask 0x%x, whose bit i stands for axis i",
                op, lt_shape_string(x, s, sizeof s), axes);
        return lt_scope_close(ctx, scope, NULL);
    }
    if (axes == 0)
        axes = (1u << x->ndim) - 1u;
    struct sum_params p = {.scale = 1.0f};
    int64_t shape[LT_MAX_DIMS], stride[LT_MAX_DIMS], count = 1, step = 1;
    int ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        const bool summed = axes >> i & 1u;
        p.kept[i] = summed ? 1 : x->shape[i];
        if (summed)
            count *= x->shape[i];
        if (!summed || keep_dims)
            shape[ndim++] = p.kept[i];
    }
    for (int i = ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i];
    }
    if (mean)
        p.scale = 1.0f / (float)count;
    lt_tensor *sums = lt_reduce_to(ctx, dense, NULL, p.scale, x->ndim, p.kept);
    lt_tensor *out = sums ? lt_view(ctx, sums, ndim, shape, stride, 0) : NULL;
    lt_node *n = lt_record(ctx, out, sum_backward, 1, &x, sizeof p);
    if (n)
        memcpy(lt_node_params(n), &p, sizeof p);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

lt_tensor *lt_sum(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims)
{
    return scaled_sum(ctx, x, axes, keep_dims, false, "lt_sum");
}

lt_tensor *lt_mean(lt_ctx *ctx, lt_tensor *x, unsigned axes, bool keep_dims)
{
    return scaled_sum(ctx, x, axes, keep_dims, true, "lt_mean");
}

/* ---- the softmax family, over rows: the last axis ---- */

/* The number of rows and their length; false after recording a failure for a scalar or empty
 * rows. */
static bool row_shape(lt_ctx *ctx, const lt_tensor *x, const char *op, int64_t *rows, int64_t *n)
{
    *n = lt_dim(x, -1);
    if (x->ndim < 1 || *n < 1) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE, "%s: argument x is %s and has no rows, expected (..., D)", op,
                lt_shape_string(x, s, sizeof s));
        return false;
    }
    *rows = lt_numel(x) / *n;
    return true;
}

/* Rows of n elements, each of which a kernel turns into a row or a number y; x and y are what
 * backward saved. */
struct rows {
    const struct lt_dense_kernels *k;
    int64_t n;
    const float *x, *y, *gy;
    float *out;
};

static void softmax_grad_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++)
        j->k->softmax_grad(n, j->y + r * n, j->gy + r * n, 1.0f, j->out + r * n);
}

/* Saved: y. gx = y (gy - sum(y gy)). */
static lt_status softmax_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *y = lt_node_saved(node, 0);
    const int64_t n = lt_dim(y, -1), rows = lt_numel(y) / n;
    lt_tensor *gx = lt_new_like(ctx, gy);
    if (gx) {
        struct rows j = {.k = lt_dense_table(ctx),
                         .n = n,
                         .y = lt_floats(y),
                         .gy = lt_floats(gy),
                         .out = lt_floats(gx)};
        lt_for(ctx, lt_threads(ctx, rows * n), rows, softmax_grad_rows, &j);
    }
    return lt_grad_add(ctx, node, 0, gx);
}

static void softmax_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++)
        j->k->softmax(n, n, j->x + r * n, j->out + r * n);
}

lt_tensor *lt_softmax(lt_ctx *ctx, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *dense = lt_dense_input(ctx, x, "lt_softmax", "x");
    int64_t rows, n;
    lt_tensor *out =
        dense && row_shape(ctx, dense, "lt_softmax", &rows, &n) ? lt_new_like(ctx, dense) : NULL;
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    struct rows j = {
        .k = lt_dense_table(ctx), .n = n, .x = lt_floats(dense), .out = lt_floats(out)};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, softmax_rows, &j);
    lt_node *node = lt_record(ctx, out, softmax_backward, 1, &x, 0);
    if (node)
        lt_node_save(node, 0, out);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

static void log_softmax_grad_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++) {
        const float *g = j->gy + r * n;
        j->k->add_scaled_exp(n, j->y + r * n, 0.0f, -(float)j->k->sum(n, g), g, j->out + r * n);
    }
}

/* Saved: y = x - logsumexp(x). gx = gy - exp(y) sum(gy). */
static lt_status log_softmax_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *y = lt_node_saved(node, 0);
    const int64_t n = lt_dim(y, -1), rows = lt_numel(y) / n;
    lt_tensor *gx = lt_new_like(ctx, gy);
    if (gx) {
        struct rows j = {.k = lt_dense_table(ctx),
                         .n = n,
                         .y = lt_floats(y),
                         .gy = lt_floats(gy),
                         .out = lt_floats(gx)};
        lt_for(ctx, lt_threads(ctx, rows * n), rows, log_softmax_grad_rows, &j);
    }
    return lt_grad_add(ctx, node, 0, gx);
}

static void log_softmax_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++) {
        const float *x = j->x + r * n;
        j->k->unary[LT_UNARY_AFFINE](n, x, j->out + r * n, 1.0f, -j->k->logsumexp(n, x));
    }
}

lt_tensor *lt_log_softmax(lt_ctx *ctx, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *dense = lt_dense_input(ctx, x, "lt_log_softmax", "x");
    int64_t rows, n;
    lt_tensor *out = dense && row_shape(ctx, dense, "lt_log_softmax", &rows, &n)
                         ? lt_new_like(ctx, dense)
                         : NULL;
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    struct rows j = {
        .k = lt_dense_table(ctx), .n = n, .x = lt_floats(dense), .out = lt_floats(out)};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, log_softmax_rows, &j);
    lt_node *node = lt_record(ctx, out, log_softmax_backward, 1, &x, 0);
    if (node)
        lt_node_save(node, 0, out);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

static void logsumexp_grad_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++)
        j->k->add_scaled_exp(n, j->x + r * n, j->y[r], j->gy[r], NULL, j->out + r * n);
}

/* Saved: x, y. gx = gy exp(x - y). */
static lt_status logsumexp_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(node, 0), *y = lt_node_saved(node, 1);
    const int64_t n = lt_dim(x, -1), rows = lt_numel(x) / n;
    lt_tensor *gx = lt_new_like(ctx, x);
    if (gx) {
        struct rows j = {.k = lt_dense_table(ctx),
                         .n = n,
                         .x = lt_floats(x),
                         .y = lt_floats(y),
                         .gy = lt_floats(gy),
                         .out = lt_floats(gx)};
        lt_for(ctx, lt_threads(ctx, rows * n), rows, logsumexp_grad_rows, &j);
    }
    return lt_grad_add(ctx, node, 0, gx);
}

static void logsumexp_rows(void *arg, lt_range range)
{
    const struct rows *j = arg;
    for (int64_t r = range.begin; r < range.end; r++)
        j->out[r] = j->k->logsumexp(j->n, j->x + r * j->n);
}

lt_tensor *lt_logsumexp(lt_ctx *ctx, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dense = lt_dense_input(ctx, x, "lt_logsumexp", "x");
    int64_t rows, n;
    lt_tensor *out = dense && row_shape(ctx, dense, "lt_logsumexp", &rows, &n)
                         ? lt_new(ctx, dense->ndim - 1, dense->shape)
                         : NULL;
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    struct rows j = {
        .k = lt_dense_table(ctx), .n = n, .x = lt_floats(dense), .out = lt_floats(out)};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, logsumexp_rows, &j);
    lt_node *node = lt_record(ctx, out, logsumexp_backward, 1, &x, 0);
    if (node) {
        lt_node_save(node, 0, dense);
        lt_node_save(node, 1, out);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
