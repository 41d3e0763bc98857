/* Matrix products and fully connected layers. */
#include <string.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"
#include "tensor/kernels/gemm/amx_impl.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/blas_impl.h"

/* ---- products of many matrices ---- */

/* The matrices of one operand: row-major with rows ld elements apart, or, with trans, the
 * transpose of that; from `data` on, with a stride for each batch axis. */
struct matrices {
    const float *data;
    int64_t ld;
    bool trans;
    int64_t stride[LT_MAX_DIMS];
};

/* A product of `count` pairs of matrices: (m, k) times (k, n), over the batch axes. */
struct product {
    int batch_ndim;
    int64_t batch[LT_MAX_DIMS], count;
    int64_t m, n, k;
};

/* Many products, which are dealt out to the threads. */
struct products {
    const struct product *p;
    const struct matrices *a, *b;
    float *c;
};

static void multiply_pairs(void *arg, lt_range range)
{
    const struct products *all = arg;
    const struct product *p = all->p;
    const struct matrices *a = all->a, *b = all->b;
    for (int64_t i = range.begin; i < range.end; i++)
        lt_sgemm_serial(a->trans, b->trans, p->m, p->n, p->k, 1.0f,
                        a->data + lt_offset(p->batch_ndim, p->batch, a->stride, i), a->ld,
                        b->data + lt_offset(p->batch_ndim, p->batch, b->stride, i), b->ld, 0.0f,
                        all->c + i * p->m * p->n, p->n);
}

/* c (count, m, n) = a b. Many products are dealt out to the threads, one thread a product; where
 * there are fewer products than threads, all threads share each. */
static void multiply(lt_ctx *ctx, const struct product *p, const struct matrices *a,
                     const struct matrices *b, float *c)
{
    const double work = (double)p->m * (double)p->n * (double)p->k * (double)p->count;
    if (p->count < ctx->threads) {
        for (int64_t i = 0; i < p->count; i++)
            lt_sgemm(ctx, a->trans, b->trans, p->m, p->n, p->k, 1.0f,
                     a->data + lt_offset(p->batch_ndim, p->batch, a->stride, i), a->ld,
                     b->data + lt_offset(p->batch_ndim, p->batch, b->stride, i), b->ld, 0.0f,
                     c + i * p->m * p->n, p->n);
        return;
    }
    lt_for(ctx, work < 1e5 ? 1 : ctx->threads, p->count, multiply_pairs,
           &(struct products){p, a, b, c});
}

/* Whether the BLAS can read the matrices of t where they are: dense along rows or along columns. */
static bool readable(const lt_tensor *t)
{
    const int64_t rows = t->shape[t->ndim - 2], cols = t->shape[t->ndim - 1];
    const int64_t down = t->stride[t->ndim - 2], right = t->stride[t->ndim - 1];
    return (right == 1 && (down >= cols || rows == 1)) ||
           (down == 1 && (right >= rows || cols == 1));
}

/* t, or a contiguous copy where the BLAS cannot read its matrices. */
static lt_tensor *readable_input(lt_ctx *ctx, lt_tensor *t, const char *name)
{
    return t && t->dtype == LT_F32 && t->ndim >= 2 && readable(t)
               ? t
               : lt_dense_input(ctx, t, "lt_matmul", name);
}

/* The matrices of a readable() tensor, transposed or not. A matrix that is dense along its
 * columns is given to the BLAS as a row-major one, transposed once more. */
static struct matrices matrices_of(const lt_tensor *t, bool trans, const struct product *p)
{
    struct matrices s = {.data = lt_floats(t), .trans = trans};
    const int64_t rows = t->shape[t->ndim - 2], cols = t->shape[t->ndim - 1];
    const int64_t down = t->stride[t->ndim - 2], right = t->stride[t->ndim - 1];
    if (right == 1 && (down >= cols || rows == 1)) {
        s.ld = rows == 1 ? cols : down;
    } else {
        s.ld = cols == 1 ? rows : right;
        s.trans = !trans;
    }
    for (int i = 0; i < p->batch_ndim; i++) {
        const int j = i - (p->batch_ndim - (t->ndim - 2));
        s.stride[i] = j < 0 || t->shape[j] == 1 ? 0 : t->stride[j];
    }
    return s;
}

struct matmul_params {
    bool trans_a, trans_b;
    struct product p;
};

/* A new tensor (batch..., rows, cols): a result, or a gradient before sums over repeated axes. */
static lt_tensor *new_matrices(lt_ctx *ctx, const struct product *p, int64_t rows, int64_t cols)
{
    int64_t shape[LT_MAX_DIMS];
    memcpy(shape, p->batch, sizeof shape);
    shape[p->batch_ndim] = rows;
    shape[p->batch_ndim + 1] = cols;
    return lt_new(ctx, p->batch_ndim + 2, shape);
}

/* Adds g to the gradient of input i, summed over the axes along which that input was repeated. */
static lt_status add_reduced(lt_ctx *ctx, lt_node *n, int i, lt_tensor *g)
{
    const lt_tensor *x = lt_node_input(n, i);
    if (g && !lt_same_shape(g, x))
        g = lt_reduce_to(ctx, g, NULL, 1.0f, x->ndim, x->shape);
    return lt_grad_add(ctx, n, i, g);
}

/* Saved: a and b. With C = op(A) op(B), where op() transposes or not, and G = gy:
 *
 *     dA = G op(B)^T, or op(B) G^T where A is transposed;
 *     dB = op(A)^T G, or G^T op(A) where B is transposed. */
static lt_status matmul_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const struct matmul_params *q = lt_node_params(node);
    const struct product p = q->p;
    const struct matrices a = matrices_of(lt_node_saved(node, 0), q->trans_a, &p);
    const struct matrices b = matrices_of(lt_node_saved(node, 1), q->trans_b, &p);
    const struct matrices g = matrices_of(gy, false, &p);
    struct matrices at = a, bt = b, gt = g;
    at.trans = !a.trans;
    bt.trans = !b.trans;
    gt.trans = !g.trans;

    if (lt_wants_grad(node, 0)) {
        struct product d = p;
        d.m = q->trans_a ? p.k : p.m;
        d.n = q->trans_a ? p.m : p.k;
        d.k = p.n;
        lt_tensor *ga = new_matrices(ctx, &p, d.m, d.n);
        if (ga)
            multiply(ctx, &d, q->trans_a ? &b : &g, q->trans_a ? &gt : &bt, lt_floats(ga));
        if (add_reduced(ctx, node, 0, ga) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 1))
        return LT_OK;
    struct product d = p;
    d.m = q->trans_b ? p.n : p.k;
    d.n = q->trans_b ? p.k : p.n;
    d.k = p.m;
    lt_tensor *gb = new_matrices(ctx, &p, d.m, d.n);
    if (gb)
        multiply(ctx, &d, q->trans_b ? &gt : &at, q->trans_b ? &a : &g, lt_floats(gb));
    return add_reduced(ctx, node, 1, gb);
}

/* The sizes of a product; false after recording a failure. */
static bool product_make(lt_ctx *ctx, const lt_tensor *a, const lt_tensor *b, bool trans_a,
                         bool trans_b, struct product *p)
{
    *p = (struct product){.count = 1};
    bool fits = a->ndim >= 2 && b->ndim >= 2;
    if (fits) {
        p->m = lt_dim(a, trans_a ? -1 : -2);
        p->k = lt_dim(a, trans_a ? -2 : -1);
        p->n = lt_dim(b, trans_b ? -2 : -1);
        fits = p->k == lt_dim(b, trans_b ? -1 : -2);
        p->batch_ndim = (a->ndim > b->ndim ? a->ndim : b->ndim) - 2;
    }
    for (int i = 0; fits && i < p->batch_ndim; i++) {
        const int ia = i - (p->batch_ndim + 2 - a->ndim), ib = i - (p->batch_ndim + 2 - b->ndim);
        const int64_t x = ia < 0 ? 1 : a->shape[ia], y = ib < 0 ? 1 : b->shape[ib];
        fits = x == y || x == 1 || y == 1;
        p->batch[i] = x == 1 ? y : x;
        p->count *= p->batch[i];
    }
    if (!fits) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE, "lt_matmul: arguments a %s%s and b %s%s do not multiply",
                lt_shape_string(a, s, sizeof s), trans_a ? " transposed" : "",
                lt_shape_string(b, t, sizeof t), trans_b ? " transposed" : "");
    }
    return fits;
}

/* Whether a batch of products is one product: a contiguous a (..., M, K) with a single b is the
 * matrix of all rows of a. */
static bool flattens(const lt_tensor *a, const lt_tensor *b, bool trans_a)
{
    return a->ndim > 2 && b->ndim == 2 && !trans_a && lt_is_contiguous(a);
}

lt_tensor *lt_matmul(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, bool trans_a, bool trans_b)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *ra = readable_input(ctx, a, "a");
    lt_tensor *rb = ra ? readable_input(ctx, b, "b") : NULL;
    struct matmul_params q = {.trans_a = trans_a, .trans_b = trans_b};
    if (!rb || !product_make(ctx, ra, rb, trans_a, trans_b, &q.p))
        return lt_scope_close(ctx, scope, NULL);
    lt_tensor *in_a = a, *out = new_matrices(ctx, &q.p, q.p.m, q.p.n), *result = out;
    const bool flat = flattens(ra, rb, trans_a);
    if (flat) {
        /* One product of all rows, reshaped before and after. The gradient of b then sums over
         * all rows in one product as well. */
        in_a = lt_reshape(ctx, a, 2, (int64_t[]){q.p.count * q.p.m, q.p.k});
        ra = in_a;
        q.p.m *= q.p.count;
        q.p.count = 1;
        q.p.batch_ndim = 0;
        out =
            out ? lt_view(ctx, out, 2, (int64_t[]){q.p.m, q.p.n}, (int64_t[]){q.p.n, 1}, 0) : NULL;
    }
    if (!out || !ra)
        return lt_scope_close(ctx, scope, NULL);
    const struct matrices ma = matrices_of(ra, trans_a, &q.p);
    const struct matrices mb = matrices_of(rb, trans_b, &q.p);
    multiply(ctx, &q.p, &ma, &mb, lt_floats(out));
    lt_node *n = lt_record(ctx, out, matmul_backward, 2, (lt_tensor *[]){in_a, b}, sizeof q);
    if (n) {
        memcpy(lt_node_params(n), &q, sizeof q);
        lt_node_save(n, 0, ra);
        lt_node_save(n, 1, rb);
    }
    result = flat ? lt_reshape(ctx, out, result->ndim, result->shape) : result;
    return lt_scope_close(ctx, scope, lt_recorded(ctx, result));
}

/* ---- linear ---- */

/* y = x w^T + beta y with trans, else y = x w + beta y; x and y have `rows` rows, w (O, D) is as
 * it is stored. A float16 w goes to the AMX unit unconverted, where that pays. */
static lt_status weight_product(lt_ctx *ctx, int64_t rows, const float *x, const lt_tensor *w,
                                bool trans, float beta, float *y)
{
    const int64_t ld = w->shape[1], n = w->shape[trans ? 0 : 1], k = w->shape[trans ? 1 : 0];
    if (w->dtype == LT_F16 && lt_amx_pays(ctx, rows, n, k) &&
        lt_amx_gemm(ctx, rows, n, k, 1.0f, &(lt_amx_source){.data = x, .ld = k},
                    &(lt_amx_source){.data = w->data, .ld = ld, .across = !trans, .half = true},
                    beta, y, n))
        return LT_OK;
    const lt_tensor *values = lt_weight_values(ctx, w);
    if (!values)
        return ctx->status;
    lt_sgemm(ctx, false, trans, rows, n, k, 1.0f, x, k, lt_floats(values), ld, beta, y, n);
    return LT_OK;
}

/* Saved: x (R, D), contiguous, and w as it is stored. gx = gy w, gw = gy^T x, gb = the sum of
 * the rows of gy. */
static lt_status linear_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(node, 0), *w = lt_node_saved(node, 1);
    const int64_t outs = w->shape[0], ins = w->shape[1];
    const int64_t rows = ins > 0 ? lt_numel(x) / ins : 0;
    if (lt_wants_grad(node, 0)) {
        lt_tensor *gx = lt_new_like(ctx, x);
        if (gx && weight_product(ctx, rows, lt_floats(gy), w, false, 0.0f, lt_floats(gx)) != LT_OK)
            return ctx->status;
        if (lt_grad_add(ctx, node, 0, gx) != LT_OK)
            return ctx->status;
    }
    if (lt_wants_grad(node, 1)) {
        lt_tensor *gw = lt_new_like(ctx, w);
        if (gw)
            lt_sgemm(ctx, true, false, outs, ins, rows, 1.0f, lt_floats(gy), outs, lt_floats(x),
                     ins, 0.0f, lt_floats(gw), ins);
        if (lt_grad_add(ctx, node, 1, gw) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 2))
        return LT_OK;
    return lt_grad_add(ctx, node, 2, lt_reduce_to(ctx, gy, NULL, 1.0f, 1, &outs));
}

struct filled_rows {
    int64_t n;
    const float *bias;
    float *y;
};

static void copy_bias(void *arg, lt_range range)
{
    const struct filled_rows *j = arg;
    for (int64_t r = range.begin; r < range.end; r++)
        memcpy(j->y + r * j->n, j->bias, (size_t)j->n * sizeof *j->y);
}

/* Sets every row of y (rows, n) to bias. */
static void fill_rows(lt_ctx *ctx, int64_t rows, int64_t n, const float *bias, float *y)
{
    lt_for(ctx, lt_threads(ctx, rows * n), rows, copy_bias, &(struct filled_rows){n, bias, y});
}

lt_tensor *lt_linear(lt_ctx *ctx, lt_tensor *x, lt_tensor *w, lt_tensor *bias)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dx = lt_dense_input(ctx, x, "lt_linear", "x");
    lt_tensor *dw = dx ? lt_weight_input(ctx, w, "lt_linear", "w") : NULL;
    lt_tensor *db = dw && bias ? lt_dense_input(ctx, bias, "lt_linear", "bias") : NULL;
    if (!dw || (bias && !db))
        return lt_scope_close(ctx, scope, NULL);
    char s[80], t[80];
    if (dx->ndim < 1 || dw->ndim != 2 || lt_dim(dx, -1) != dw->shape[1]) {
        lt_fail(ctx, LT_ERR_SHAPE, "lt_linear: argument w is %s, expected (O, D) for x (..., D) %s",
                lt_shape_string(dw, s, sizeof s), lt_shape_string(dx, t, sizeof t));
        return lt_scope_close(ctx, scope, NULL);
    }
    const int64_t outs = dw->shape[0];
    if (db && (db->ndim != 1 || db->shape[0] != outs)) {
        lt_fail(ctx, LT_ERR_SHAPE, "lt_linear: argument bias is %s, expected (O) for w (O, D) %s",
                lt_shape_string(db, s, sizeof s), lt_shape_string(dw, t, sizeof t));
        return lt_scope_close(ctx, scope, NULL);
    }
    int64_t shape[LT_MAX_DIMS], rows = 1;
    memcpy(shape, dx->shape, sizeof shape);
    for (int i = 0; i + 1 < dx->ndim; i++)
        rows *= shape[i];
    shape[dx->ndim - 1] = outs;
    lt_tensor *out = lt_new(ctx, dx->ndim, shape);
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    /* The product is added to rows that hold the bias: the addition costs no pass of its own. */
    if (db)
        fill_rows(ctx, rows, outs, lt_floats(db), lt_floats(out));
    if (weight_product(ctx, rows, lt_floats(dx), dw, true, db ? 1.0f : 0.0f, lt_floats(out)) !=
        LT_OK)
        return lt_scope_close(ctx, scope, NULL);
    lt_node *n = lt_record(ctx, out, linear_backward, 3, (lt_tensor *[]){x, w, bias}, 0);
    if (n) {
        lt_node_save(n, 0, dx);
        lt_node_save(n, 1, dw);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
