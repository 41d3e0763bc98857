/* Normalisation: layer norm, batch norm at inference, rows of length 1, PixelNorm. */
#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* ---- layer norm ---- */

/* Saved: x, weight, and for each row its mean and 1 / sqrt(variance + eps), (rows, 2). */
static lt_status layer_norm_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_tensor *x = lt_node_saved(node, 0), *w = lt_node_saved(node, 1);
    const float *px = lt_floats(x), *stats = lt_floats(lt_node_saved(node, 2));
    const float *pw = lt_floats(w), *g = lt_floats(gy);
    const int64_t n = w->shape[0], rows = lt_numel(x) / n;
    if (lt_wants_grad(node, 0)) {
        lt_tensor *gx = lt_new_like(ctx, x);
        if (!gx)
            return ctx->status;
        float *out = lt_floats(gx);
#pragma omp parallel for num_threads(lt_team(ctx, rows *n)) schedule(static)
        for (int64_t r = 0; r < rows; r++)
            k->layer_norm_grad(n, px + r * n, pw, stats + 2 * r, g + r * n, out + r * n);
        if (lt_grad_add(ctx, node, 0, gx) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 1) && !lt_wants_grad(node, 2))
        return LT_OK;
    lt_tensor *gw = lt_new_like(ctx, w), *gb = lt_new_like(ctx, w);
    if (!gw || !gb)
        return ctx->status;
    float *out_w = lt_floats(gw), *out_b = lt_floats(gb);
    const int64_t blocks = (n + LT_COLUMN_BLOCK - 1) / LT_COLUMN_BLOCK;
#pragma omp parallel for num_threads(lt_team(ctx, rows *n)) schedule(static)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t c0 = block * LT_COLUMN_BLOCK;
        const int64_t cols = n - c0 < LT_COLUMN_BLOCK ? n - c0 : LT_COLUMN_BLOCK;
        double sum_w[LT_COLUMN_BLOCK] = {0}, sum_b[LT_COLUMN_BLOCK] = {0};
        k->layer_norm_columns(rows, cols, n, px + c0, stats, g + c0, sum_w, sum_b);
        for (int64_t c = 0; c < cols; c++) {
            out_w[c0 + c] = (float)sum_w[c];
            out_b[c0 + c] = (float)sum_b[c];
        }
    }
    if (lt_grad_add(ctx, node, 1, gw) != LT_OK)
        return ctx->status;
    return lt_grad_add(ctx, node, 2, gb);
}

lt_tensor *lt_layer_norm(lt_ctx *ctx, lt_tensor *x, lt_tensor *weight, lt_tensor *bias, float eps)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dx = lt_dense_input(ctx, x, "lt_layer_norm", "x");
    lt_tensor *dw = dx ? lt_dense_input(ctx, weight, "lt_layer_norm", "weight") : NULL;
    lt_tensor *db = dw ? lt_dense_input(ctx, bias, "lt_layer_norm", "bias") : NULL;
    if (!db)
        return lt_scope_close(ctx, scope, NULL);
    const int64_t n = lt_dim(dx, -1);
    if (dx->ndim < 1 || n < 1 || dw->ndim != 1 || dw->shape[0] != n || !lt_same_shape(dw, db)) {
        char s[80], t[80], u[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "lt_layer_norm: arguments weight %s and bias %s, expected (D) for x (..., D) %s",
                lt_shape_string(dw, s, sizeof s), lt_shape_string(db, t, sizeof t),
                lt_shape_string(dx, u, sizeof u));
        return lt_scope_close(ctx, scope, NULL);
    }
    const int64_t rows = lt_numel(dx) / n;
    lt_tensor *out = lt_new_like(ctx, dx);
    lt_tensor *stats = out ? lt_new(ctx, 2, (int64_t[]){rows, 2}) : NULL;
    if (!stats)
        return lt_scope_close(ctx, scope, NULL);
    const float *px = lt_floats(dx), *pw = lt_floats(dw), *pb = lt_floats(db);
    float *y = lt_floats(out), *ps = lt_floats(stats);
#pragma omp parallel for num_threads(lt_team(ctx, rows *n)) schedule(static)
    for (int64_t r = 0; r < rows; r++)
        k->layer_norm(n, px + r * n, pw, pb, eps, y + r * n, ps + 2 * r);
    lt_node *node =
        lt_record(ctx, out, layer_norm_backward, 3, (lt_tensor *[]){x, weight, bias}, 0);
    if (node) {
        lt_node_save(node, 0, dx);
        lt_node_save(node, 1, dw);
        lt_node_save(node, 2, stats);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

/* ---- batch norm, inference ---- */

/* y = scale[c] x + shift[c] for planes of `size` elements, plane i being of channel i %
 * channels. shift may be NULL. */
static void channel_affine(lt_ctx *ctx, int64_t planes, int64_t channels, int64_t size,
                           const float *x, const float *scale, const float *shift, float *y)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
#pragma omp parallel for num_threads(lt_team(ctx, planes *size)) schedule(static)
    for (int64_t i = 0; i < planes; i++) {
        const float p = scale[i % channels], q = shift ? shift[i % channels] : 0.0f;
        if (size == 1)
            y[i] = p * x[i] + q;
        else
            k->unary[LT_UNARY_AFFINE](size, x + i * size, y + i * size, p, q);
    }
}

/* Saved: x, weight / sqrt(var + eps), 1 / sqrt(var + eps), mean. */
static lt_status batch_norm_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(node, 0), *scale = lt_node_saved(node, 1);
    const int64_t channels = x->shape[1], planes = x->shape[0] * channels;
    if (lt_wants_grad(node, 0)) {
        lt_tensor *gx = lt_new_like(ctx, x);
        if (gx && planes > 0)
            channel_affine(ctx, planes, channels, lt_numel(x) / planes, lt_floats(gy),
                           lt_floats(scale), NULL, lt_floats(gx));
        if (lt_grad_add(ctx, node, 0, gx) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 1) && !lt_wants_grad(node, 2))
        return LT_OK;
    int64_t shape[LT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == 1 ? channels : 1;
    const lt_tensor *sum_g = lt_reduce_to(ctx, gy, NULL, 1.0f, x->ndim, shape);
    const lt_tensor *sum_gx = sum_g ? lt_reduce_to(ctx, gy, x, 1.0f, x->ndim, shape) : NULL;
    lt_tensor *gw = sum_gx ? lt_new_like(ctx, scale) : NULL;
    lt_tensor *gb = gw ? lt_new_like(ctx, scale) : NULL;
    if (!gb)
        return ctx->status;
    const float *rstd = lt_floats(lt_node_saved(node, 2));
    const float *mean = lt_floats(lt_node_saved(node, 3));
    for (int64_t c = 0; c < channels; c++) {
        const double g = (double)lt_floats(sum_g)[c];
        lt_floats(gw)[c] =
            (float)((double)rstd[c] * ((double)lt_floats(sum_gx)[c] - (double)mean[c] * g));
        lt_floats(gb)[c] = (float)g;
    }
    if (lt_grad_add(ctx, node, 1, gw) != LT_OK)
        return ctx->status;
    return lt_grad_add(ctx, node, 2, gb);
}

/* The contiguous form of an argument (C); NULL after recording a failure. */
static lt_tensor *per_channel(lt_ctx *ctx, const lt_tensor *t, const lt_tensor *x, const char *name)
{
    lt_tensor *dense = lt_dense_input(ctx, t, "lt_batch_norm", name);
    if (dense && (dense->ndim != 1 || dense->shape[0] != x->shape[1])) {
        char s[80], u[80];
        return LT_NULL(ctx, LT_ERR_SHAPE,
                       "lt_batch_norm: argument %s is %s, expected (C) for x (N, C, ...) %s", name,
                       lt_shape_string(dense, s, sizeof s), lt_shape_string(x, u, sizeof u));
    }
    return dense;
}

lt_tensor *lt_batch_norm(lt_ctx *ctx, lt_tensor *x, const lt_tensor *mean, const lt_tensor *var,
                         lt_tensor *weight, lt_tensor *bias, float eps)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *out = NULL;
    lt_tensor *dx = lt_dense_input(ctx, x, "lt_batch_norm", "x");
    if (!dx)
        goto done;
    if (dx->ndim < 2) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE, "lt_batch_norm: argument x is %s, expected (N, C, ...)",
                lt_shape_string(dx, s, sizeof s));
        goto done;
    }
    const lt_tensor *dm = per_channel(ctx, mean, dx, "mean");
    const lt_tensor *dv = dm ? per_channel(ctx, var, dx, "var") : NULL;
    const lt_tensor *dw = dv && weight ? per_channel(ctx, weight, dx, "weight") : NULL;
    const lt_tensor *db = dv && bias ? per_channel(ctx, bias, dx, "bias") : NULL;
    if (!dv || (weight && !dw) || (bias && !db))
        goto done;
    const int64_t channels = dx->shape[1], planes = dx->shape[0] * channels;
    lt_tensor *scale = lt_new(ctx, 1, &channels), *rstd = scale ? lt_new_like(ctx, scale) : NULL;
    lt_tensor *shift = rstd ? lt_new_like(ctx, scale) : NULL;
    lt_tensor *own_mean = shift ? lt_clone(ctx, dm) : NULL;
    out = own_mean ? lt_new_like(ctx, dx) : NULL;
    if (!out)
        goto done;
    for (int64_t c = 0; c < channels; c++) {
        const double r = 1.0 / sqrt((double)lt_floats(dv)[c] + (double)eps);
        const double s = r * (dw ? (double)lt_floats(dw)[c] : 1.0);
        const double b = db ? (double)lt_floats(db)[c] : 0.0;
        lt_floats(rstd)[c] = (float)r;
        lt_floats(scale)[c] = (float)s;
        lt_floats(shift)[c] = (float)(b - s * (double)lt_floats(dm)[c]);
    }
    if (planes > 0)
        channel_affine(ctx, planes, channels, lt_numel(dx) / planes, lt_floats(dx),
                       lt_floats(scale), lt_floats(shift), lt_floats(out));
    lt_node *node =
        lt_record(ctx, out, batch_norm_backward, 3, (lt_tensor *[]){x, weight, bias}, 0);
    if (node) {
        lt_node_save(node, 0, dx);
        lt_node_save(node, 1, scale);
        lt_node_save(node, 2, rstd);
        lt_node_save(node, 3, own_mean);
    }
    out = lt_recorded(ctx, out);
done:
    return lt_scope_close(ctx, scope, out);
}

/* ---- unit rows ---- */

/* Saved: y and the inverse norms (rows), as lt_run_normalize() gives them. */
static lt_status l2_normalize_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *y = lt_node_saved(node, 0), *inv = lt_node_saved(node, 1);
    lt_tensor *gx = lt_new_like(ctx, y);
    if (gx)
        lt_run_normalize_grad(ctx, lt_numel(inv), lt_dim(y, -1), lt_floats(y), lt_floats(inv),
                              lt_floats(gy), lt_floats(gx));
    return lt_grad_add(ctx, node, 0, gx);
}

lt_tensor *lt_l2_normalize(lt_ctx *ctx, lt_tensor *x, float eps)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *dx = lt_dense_input(ctx, x, "lt_l2_normalize", "x");
    if (!dx)
        return lt_scope_close(ctx, scope, NULL);
    const int64_t n = lt_dim(dx, -1);
    if (dx->ndim < 1 || n < 1) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "lt_l2_normalize: argument x is %s and has no rows, expected (..., D)",
                lt_shape_string(dx, s, sizeof s));
        return lt_scope_close(ctx, scope, NULL);
    }
    const int64_t rows = lt_numel(dx) / n;
    lt_tensor *out = lt_new_like(ctx, dx), *inv = out ? lt_new(ctx, 1, &rows) : NULL;
    if (!inv)
        return lt_scope_close(ctx, scope, NULL);
    lt_run_normalize(ctx, rows, n, lt_floats(dx), eps, lt_floats(out), lt_floats(inv));
    lt_node *node = lt_record(ctx, out, l2_normalize_backward, 1, &x, 0);
    if (node) {
        lt_node_save(node, 0, out);
        lt_node_save(node, 1, inv);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

/* ---- pixel norm ---- */

/* x seen as (outer, count, inner), count being the size of the axis. Threads share blocks of
 * LT_COLUMN_BLOCK inner columns. */
struct pixel_params {
    int64_t outer, count, inner;
};

/* Saved: y and r = 1 / sqrt(mean(x^2) + 1e-8), (outer, inner). gx = r (gy - y mean(gy y)). */
static lt_status pixel_norm_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const struct pixel_params p = *(const struct pixel_params *)lt_node_params(node);
    const float *y = lt_floats(lt_node_saved(node, 0)), *r = lt_floats(lt_node_saved(node, 1));
    const float *g = lt_floats(gy);
    lt_tensor *gx = lt_new_like(ctx, gy);
    if (!gx)
        return ctx->status;
    float *out = lt_floats(gx);
    const int64_t blocks = (p.inner + LT_COLUMN_BLOCK - 1) / LT_COLUMN_BLOCK;
#pragma omp parallel for num_threads(lt_team(ctx, lt_numel(gy))) schedule(static)
    for (int64_t i = 0; i < p.outer * blocks; i++) {
        const int64_t o = i / blocks, c = i % blocks * LT_COLUMN_BLOCK;
        const int64_t cols = p.inner - c < LT_COLUMN_BLOCK ? p.inner - c : LT_COLUMN_BLOCK;
        const int64_t at = o * p.count * p.inner + c;
        k->pixel_norm_grad(p.count, cols, p.inner, y + at, r + o * p.inner + c, g + at, out + at);
    }
    return lt_grad_add(ctx, node, 0, gx);
}

lt_tensor *lt_pixel_norm(lt_ctx *ctx, lt_tensor *x, int axis)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *dx = lt_dense_input(ctx, x, "lt_pixel_norm", "x");
    axis = dx ? lt_axis(ctx, dx, axis, "lt_pixel_norm") : -1;
    if (axis < 0)
        return lt_scope_close(ctx, scope, NULL);
    struct pixel_params p = {.outer = 1, .count = dx->shape[axis], .inner = 1};
    for (int i = 0; i < axis; i++)
        p.outer *= dx->shape[i];
    for (int i = axis + 1; i < dx->ndim; i++)
        p.inner *= dx->shape[i];
    lt_tensor *out = lt_new_like(ctx, dx);
    lt_tensor *rs = out ? lt_new(ctx, 2, (int64_t[]){p.outer, p.inner}) : NULL;
    if (!rs)
        return lt_scope_close(ctx, scope, NULL);
    const float *px = lt_floats(dx);
    float *y = lt_floats(out), *r = lt_floats(rs);
    const int64_t blocks = (p.inner + LT_COLUMN_BLOCK - 1) / LT_COLUMN_BLOCK;
#pragma omp parallel for num_threads(lt_team(ctx, lt_numel(out))) schedule(static)
    for (int64_t i = 0; i < p.outer * blocks; i++) {
        const int64_t o = i / blocks, c = i % blocks * LT_COLUMN_BLOCK;
        const int64_t cols = p.inner - c < LT_COLUMN_BLOCK ? p.inner - c : LT_COLUMN_BLOCK;
        const int64_t at = o * p.count * p.inner + c;
        k->pixel_norm(p.count, cols, p.inner, px + at, 1e-8f, y + at, r + o * p.inner + c);
    }
    lt_node *node = lt_record(ctx, out, pixel_norm_backward, 1, &x, sizeof p);
    if (node) {
        *(struct pixel_params *)lt_node_params(node) = p;
        lt_node_save(node, 0, out);
        lt_node_save(node, 1, rs);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
