/* Normalisation: layer norm, batch norm at inference, rows of length 1, PixelNorm. */
#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* ---- layer norm ---- */

/* Rows of n elements, each with its mean and 1 / sqrt(variance + eps) in stats (rows, 2). */
struct layer_norm {
    const struct lt_dense_kernels *k;
    int64_t rows, n;
    float eps;
    const float *x, *weight, *bias, *gy;
    float *y, *stats, *gx, *gweight, *gbias;
};

static void layer_norm_grad_rows(void *arg, lt_range range)
{
    const struct layer_norm *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++)
        j->k->layer_norm_grad(n, j->x + r * n, j->weight, j->stats + 2 * r, j->gy + r * n,
                              j->gx + r * n);
}

/* The gradients of weight and bias, in blocks of LT_COLUMN_BLOCK columns. */
static void layer_norm_grad_columns(void *arg, lt_range range)
{
    const struct layer_norm *j = arg;
    const int64_t n = j->n;
    for (int64_t block = range.begin; block < range.end; block++) {
        const int64_t c0 = block * LT_COLUMN_BLOCK;
        const int64_t cols = n - c0 < LT_COLUMN_BLOCK ? n - c0 : LT_COLUMN_BLOCK;
        double sum_w[LT_COLUMN_BLOCK] = {0}, sum_b[LT_COLUMN_BLOCK] = {0};
        j->k->layer_norm_columns(j->rows, cols, n, j->x + c0, j->stats, j->gy + c0, sum_w, sum_b);
        for (int64_t c = 0; c < cols; c++) {
            j->gweight[c0 + c] = (float)sum_w[c];
            j->gbias[c0 + c] = (float)sum_b[c];
        }
    }
}

/* Saved: x, weight, and for each row its mean and 1 / sqrt(variance + eps), (rows, 2). */
static lt_status layer_norm_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(node, 0), *w = lt_node_saved(node, 1);
    const int64_t n = w->shape[0], rows = lt_numel(x) / n;
    struct layer_norm j = {.k = lt_dense_table(ctx),
                           .rows = rows,
                           .n = n,
                           .x = lt_floats(x),
                           .weight = lt_floats(w),
                           .gy = lt_floats(gy),
                           .stats = lt_floats(lt_node_saved(node, 2))};
    if (lt_wants_grad(node, 0)) {
        lt_tensor *gx = lt_new_like(ctx, x);
        if (!gx)
            return ctx->status;
        j.gx = lt_floats(gx);
        lt_for(ctx, lt_threads(ctx, rows * n), rows, layer_norm_grad_rows, &j);
        if (lt_grad_add(ctx, node, 0, gx) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 1) && !lt_wants_grad(node, 2))
        return LT_OK;
    lt_tensor *gw = lt_new_like(ctx, w), *gb = lt_new_like(ctx, w);
    if (!gw || !gb)
        return ctx->status;
    j.gweight = lt_floats(gw);
    j.gbias = lt_floats(gb);
    lt_for(ctx, lt_threads(ctx, rows * n), lt_ceil_quotient(n, LT_COLUMN_BLOCK),
           layer_norm_grad_columns, &j);
    if (lt_grad_add(ctx, node, 1, gw) != LT_OK)
        return ctx->status;
    return lt_grad_add(ctx, node, 2, gb);
}

static void layer_norm_rows(void *arg, lt_range range)
{
    const struct layer_norm *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++)
        j->k->layer_norm(n, j->x + r * n, j->weight, j->bias, j->eps, j->y + r * n,
                         j->stats + 2 * r);
}

lt_tensor *lt_layer_norm(lt_ctx *ctx, lt_tensor *x, lt_tensor *weight, lt_tensor *bias, float eps)
{
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
    struct layer_norm j = {.k = lt_dense_table(ctx),
                           .rows = rows,
                           .n = n,
                           .eps = eps,
                           .x = lt_floats(dx),
                           .weight = lt_floats(dw),
                           .bias = lt_floats(db),
                           .y = lt_floats(out),
                           .stats = lt_floats(stats)};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, layer_norm_rows, &j);
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

struct affine {
    const struct lt_dense_kernels *k;
    int64_t channels, size;
    const float *x, *scale, *shift;
    float *y;
};

static void affine_planes(void *arg, lt_range range)
{
    const struct affine *j = arg;
    const int64_t size = j->size;
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t c = i % j->channels;
        const float p = j->scale[c], q = j->shift ? j->shift[c] : 0.0f;
        if (size == 1)
            j->y[i] = p * j->x[i] + q;
        else
            j->k->unary[LT_UNARY_AFFINE](size, j->x + i * size, j->y + i * size, p, q);
    }
}

/* y = scale[c] x + shift[c] for planes of `size` elements, plane i being of channel i %
 * channels. shift may be NULL. */
static void channel_affine(lt_ctx *ctx, int64_t planes, int64_t channels, int64_t size,
                           const float *x, const float *scale, const float *shift, float *y)
{
    struct affine j = {lt_dense_table(ctx), channels, size, x, scale, shift, y};
    lt_for(ctx, lt_threads(ctx, planes * size), planes, affine_planes, &j);
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

/* The tensors of a pixel norm; r is (outer, inner). */
struct pixel_norm {
    const struct lt_dense_kernels *k;
    struct pixel_params p;
    const float *x, *gy;
    float *y, *r, *gx;
};

/* A block: its number of columns, its first element, and the first of its values in r. */
struct pixel_block {
    int64_t cols, at, r;
};

static int64_t pixel_blocks(const struct pixel_params *p)
{
    return p->outer * lt_ceil_quotient(p->inner, LT_COLUMN_BLOCK);
}

static struct pixel_block pixel_block_at(const struct pixel_params *p, int64_t i)
{
    const int64_t blocks = lt_ceil_quotient(p->inner, LT_COLUMN_BLOCK);
    const int64_t o = i / blocks, c = i % blocks * LT_COLUMN_BLOCK;
    return (struct pixel_block){.cols =
                                    p->inner - c < LT_COLUMN_BLOCK ? p->inner - c : LT_COLUMN_BLOCK,
                                .at = o * p->count * p->inner + c,
                                .r = o * p->inner + c};
}

static void pixel_norm_grad_blocks(void *arg, lt_range range)
{
    const struct pixel_norm *j = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct pixel_block b = pixel_block_at(&j->p, i);
        j->k->pixel_norm_grad(j->p.count, b.cols, j->p.inner, j->y + b.at, j->r + b.r, j->gy + b.at,
                              j->gx + b.at);
    }
}

/* Saved: y and r = 1 / sqrt(mean(x^2) + 1e-8), (outer, inner). gx = r (gy - y mean(gy y)). */
static lt_status pixel_norm_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    lt_tensor *gx = lt_new_like(ctx, gy);
    if (!gx)
        return ctx->status;
    struct pixel_norm j = {.k = lt_dense_table(ctx),
                           .p = *(const struct pixel_params *)lt_node_params(node),
                           .gy = lt_floats(gy),
                           .y = lt_floats(lt_node_saved(node, 0)),
                           .r = lt_floats(lt_node_saved(node, 1)),
                           .gx = lt_floats(gx)};
    lt_for(ctx, lt_threads(ctx, lt_numel(gy)), pixel_blocks(&j.p), pixel_norm_grad_blocks, &j);
    return lt_grad_add(ctx, node, 0, gx);
}

static void pixel_norm_blocks(void *arg, lt_range range)
{
    const struct pixel_norm *j = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct pixel_block b = pixel_block_at(&j->p, i);
        j->k->pixel_norm(j->p.count, b.cols, j->p.inner, j->x + b.at, 1e-8f, j->y + b.at,
                         j->r + b.r);
    }
}

lt_tensor *lt_pixel_norm(lt_ctx *ctx, lt_tensor *x, int axis)
{
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
    struct pixel_norm j = {.k = lt_dense_table(ctx),
                           .p = p,
                           .x = lt_floats(dx),
                           .y = lt_floats(out),
                           .r = lt_floats(rs)};
    lt_for(ctx, lt_threads(ctx, lt_numel(out)), pixel_blocks(&p), pixel_norm_blocks, &j);
    lt_node *node = lt_record(ctx, out, pixel_norm_backward, 1, &x, sizeof p);
    if (node) {
        *(struct pixel_params *)lt_node_params(node) = p;
        lt_node_save(node, 0, out);
        lt_node_save(node, 1, rs);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
