/* Losses: mean square and mean absolute difference, cross entropy, InfoNCE. */
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"
#include "tensor/kernels/gemm/blas.h"

/* ---- mean square and mean absolute difference ---- */

/* The gradient of one operand: elements of 2 s (a - b), or of s sign(a - b). */
struct difference_grad {
    const float *a, *b;
    float s, *out;
};

static void square_grad(void *arg, lt_range range)
{
    const struct difference_grad *d = arg;
    const float *a = d->a, *b = d->b, s = d->s;
    float *restrict out = d->out;
    for (int64_t i = range.begin; i < range.end; i++)
        out[i] = 2.0f * s * (a[i] - b[i]);
}

static void absolute_grad(void *arg, lt_range range)
{
    const struct difference_grad *d = arg;
    const float *a = d->a, *b = d->b, s = d->s;
    float *restrict out = d->out;
    for (int64_t i = range.begin; i < range.end; i++)
        out[i] = a[i] > b[i] ? s : a[i] < b[i] ? -s : 0.0f;
}

/* Saved: a and b. For n elements ga = gy 2 (a - b) / n, or gy sign(a - b) / n without `square`;
 * gb = -ga. */
static lt_status difference_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy, bool square)
{
    const lt_tensor *a = lt_node_saved(node, 0), *b = lt_node_saved(node, 1);
    const int64_t n = lt_numel(a);
    const float g = lt_item(gy) / (float)n;
    for (int i = 0; i < 2; i++) {
        if (!lt_wants_grad(node, i))
            continue;
        lt_tensor *gx = lt_new_like(ctx, a);
        if (!gx)
            return ctx->status;
        struct difference_grad d = {lt_floats(a), lt_floats(b), i == 0 ? g : -g, lt_floats(gx)};
        lt_for(ctx, lt_threads(ctx, n), n, square ? square_grad : absolute_grad, &d);
        if (lt_grad_add(ctx, node, i, gx) != LT_OK)
            return ctx->status;
    }
    return LT_OK;
}

static lt_status mse_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    return difference_backward(ctx, node, gy, true);
}

static lt_status l1_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    return difference_backward(ctx, node, gy, false);
}

/* The mean of (a - b)^2 with `square`, else of |a - b|. */
static lt_tensor *difference_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b, bool square,
                                  const char *op)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *da = lt_dense_input(ctx, a, op, "a"), *out = NULL;
    lt_tensor *db = da ? lt_dense_input(ctx, b, op, "b") : NULL;
    if (!db)
        return lt_scope_close(ctx, scope, NULL);
    if (!lt_same_shape(da, db) || lt_numel(da) == 0) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE, "%s: argument b is %s, expected a's shape %s, not empty", op,
                lt_shape_string(db, s, sizeof s), lt_shape_string(da, t, sizeof t));
        return lt_scope_close(ctx, scope, NULL);
    }
    double sum;
    if (lt_chunked_sum(ctx, square ? k->sum_square_diff : k->sum_abs_diff, lt_numel(da),
                       lt_floats(da), lt_floats(db), &sum) == LT_OK)
        out = lt_scalar(ctx, (float)(sum / (double)lt_numel(da)));
    lt_node *n =
        lt_record(ctx, out, square ? mse_backward : l1_backward, 2, (lt_tensor *[]){a, b}, 0);
    if (n) {
        lt_node_save(n, 0, da);
        lt_node_save(n, 1, db);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

lt_tensor *lt_mse_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return difference_loss(ctx, a, b, true, "lt_mse_loss");
}

lt_tensor *lt_l1_loss(lt_ctx *ctx, lt_tensor *a, lt_tensor *b)
{
    return difference_loss(ctx, a, b, false, "lt_l1_loss");
}

/* ---- cross entropy ---- */

/* Rows of n logits; with gy already divided by the number of rows that count. */
struct cross_entropy {
    const struct lt_dense_kernels *k;
    int64_t n;
    const float *x;
    const int32_t *target;
    float *lse, *gx, g;
};

static void cross_entropy_grad_rows(void *arg, lt_range range)
{
    const struct cross_entropy *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++) {
        float *out = j->gx + r * n;
        if (j->target[r] < 0) {
            memset(out, 0, (size_t)n * sizeof *out);
            continue;
        }
        j->k->add_scaled_exp(n, j->x + r * n, j->lse[r], j->g, NULL, out);
        out[j->target[r]] -= j->g;
    }
}

static void logsumexp_rows(void *arg, lt_range range)
{
    const struct cross_entropy *j = arg;
    for (int64_t r = range.begin; r < range.end; r++)
        j->lse[r] = j->k->logsumexp(j->n, j->x + r * j->n);
}

/* Saved: logits (N, K), the logsumexp of their rows (N), targets (N). The gradient of a row is
 * gy / counted * (softmax(row) - onehot(target)), or 0 where the target is -1. */
static lt_status cross_entropy_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_saved(node, 0);
    const int64_t counted = *(const int64_t *)lt_node_params(node);
    lt_tensor *gx = lt_new_like(ctx, x);
    if (!gx)
        return ctx->status;
    struct cross_entropy j = {.k = lt_dense_table(ctx),
                              .n = x->shape[1],
                              .x = lt_floats(x),
                              .target = lt_i32(lt_node_saved(node, 2)),
                              .lse = lt_floats(lt_node_saved(node, 1)),
                              .gx = lt_floats(gx),
                              .g = lt_item(gy) / (float)counted};
    lt_for(ctx, lt_threads(ctx, lt_numel(x)), x->shape[0], cross_entropy_grad_rows, &j);
    return lt_grad_add(ctx, node, 0, gx);
}

lt_tensor *lt_cross_entropy(lt_ctx *ctx, lt_tensor *logits, const lt_tensor *target)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *out = NULL;
    lt_tensor *x = lt_dense_input(ctx, logits, "lt_cross_entropy", "logits");
    lt_tensor *own = x ? lt_ids(ctx, target, "lt_cross_entropy", "target") : NULL;
    if (!own)
        goto done;
    if (x->ndim != 2 || own->ndim != 1 || own->shape[0] != x->shape[0]) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "lt_cross_entropy: argument target is %s, expected (N) for logits (N, K) %s",
                lt_shape_string(own, s, sizeof s), lt_shape_string(x, t, sizeof t));
        goto done;
    }
    const int64_t rows = x->shape[0], n = x->shape[1];
    const int32_t *id = lt_i32(own);
    int64_t counted = 0;
    for (int64_t r = 0; r < rows; r++) {
        if (id[r] < -1 || id[r] >= n) {
            lt_fail(ctx, LT_ERR_ARGUMENT, "lt_cross_entropy: target[%lld] is %d, outside -1..%lld",
                    (long long)r, (int)id[r], (long long)n - 1);
            goto done;
        }
        counted += id[r] >= 0;
    }
    if (counted == 0) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "lt_cross_entropy: argument target leaves no row to average");
        goto done;
    }
    lt_tensor *lse = lt_new(ctx, 1, &rows);
    if (!lse)
        goto done;
    const float *px = lt_floats(x);
    float *pl = lt_floats(lse);
    struct cross_entropy j = {.k = lt_dense_table(ctx), .n = n, .x = px, .lse = pl};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, logsumexp_rows, &j);
    double sum = 0.0;
    for (int64_t r = 0; r < rows; r++)
        if (id[r] >= 0)
            sum += (double)pl[r] - (double)px[r * n + id[r]];
    out = lt_scalar(ctx, (float)(sum / (double)counted));
    lt_node *node = lt_record(ctx, out, cross_entropy_backward, 1, &logits, sizeof counted);
    if (node) {
        *(int64_t *)lt_node_params(node) = counted;
        lt_node_save(node, 0, x);
        lt_node_save(node, 1, lse);
        lt_node_save(node, 2, own);
    }
    out = lt_recorded(ctx, out);
done:
    return lt_scope_close(ctx, scope, out);
}

/* ---- InfoNCE ---- */

/* Saved: query (B, D), positive (B, D) and negatives (K, D) with rows of length 1; the inverse
 * norms of the rows before, in one tensor (2 B + K); the probabilities (B, 1 + K), that of the
 * positive first. */
enum { NCE_Q, NCE_P, NCE_N, NCE_INV, NCE_PROBS };

struct nce_params {
    float temperature;
};

/* With delta = gy / (B T) (probs - onehot(0)), delta_0 its first column and Delta the others,
 * the gradients of the rows of length 1 are dq = delta_0 p + Delta n, dp = delta_0 q, dn =
 * Delta^T q. They then go back through the normalisation of the rows. */
static lt_status info_nce_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const lt_tensor *q = lt_node_saved(node, NCE_Q), *p = lt_node_saved(node, NCE_P);
    const lt_tensor *neg = lt_node_saved(node, NCE_N), *probs = lt_node_saved(node, NCE_PROBS);
    const float *inv = lt_floats(lt_node_saved(node, NCE_INV));
    const float temperature = ((const struct nce_params *)lt_node_params(node))->temperature;
    const int64_t b = q->shape[0], d = q->shape[1], k = neg->shape[0];
    const float scale = lt_item(gy) / ((float)b * temperature);
    lt_tensor *delta = lt_new_like(ctx, probs);
    /* The gradients of the rows of length 1, one operand after the other. */
    lt_tensor *du = delta ? lt_new_like(ctx, b > k ? q : neg) : NULL;
    if (!du)
        return ctx->status;
    float *pd = lt_floats(delta), *pu = lt_floats(du);
    lt_run_unary(ctx, LT_UNARY_AFFINE, lt_numel(probs), lt_floats(probs), pd, scale, 0.0f);
    for (int64_t i = 0; i < b; i++)
        pd[i * (k + 1)] -= scale;

    if (lt_wants_grad(node, 0)) {
        lt_tensor *g = lt_new_like(ctx, q);
        if (!g)
            return ctx->status;
        for (int64_t i = 0; i < b; i++)
            lt_run_unary(ctx, LT_UNARY_AFFINE, d, lt_floats(p) + i * d, pu + i * d, pd[i * (k + 1)],
                         0.0f);
        lt_sgemm(ctx, false, false, b, d, k, 1.0f, pd + 1, k + 1, lt_floats(neg), d, 1.0f, pu, d);
        lt_run_normalize_grad(ctx, b, d, lt_floats(q), inv, pu, lt_floats(g));
        if (lt_grad_add(ctx, node, 0, g) != LT_OK)
            return ctx->status;
    }
    if (lt_wants_grad(node, 1)) {
        lt_tensor *g = lt_new_like(ctx, p);
        if (!g)
            return ctx->status;
        for (int64_t i = 0; i < b; i++)
            lt_run_unary(ctx, LT_UNARY_AFFINE, d, lt_floats(q) + i * d, pu + i * d, pd[i * (k + 1)],
                         0.0f);
        lt_run_normalize_grad(ctx, b, d, lt_floats(p), inv + b, pu, lt_floats(g));
        if (lt_grad_add(ctx, node, 1, g) != LT_OK)
            return ctx->status;
    }
    if (!lt_wants_grad(node, 2))
        return LT_OK;
    lt_tensor *g = lt_new_like(ctx, neg);
    if (!g)
        return ctx->status;
    lt_sgemm(ctx, true, false, k, d, b, 1.0f, pd + 1, k + 1, lt_floats(q), d, 0.0f, pu, d);
    lt_run_normalize_grad(ctx, k, d, lt_floats(neg), inv + 2 * b, pu, lt_floats(g));
    return lt_grad_add(ctx, node, 2, g);
}

lt_tensor *lt_info_nce(lt_ctx *ctx, lt_tensor *query, lt_tensor *positive, lt_tensor *negatives,
                       float temperature, lt_tensor **rows)
{
    static const char op[] = "lt_info_nce";
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *out = NULL, *losses = NULL;
    lt_tensor *dq = lt_dense_input(ctx, query, op, "query");
    lt_tensor *dp = dq ? lt_dense_input(ctx, positive, op, "positive") : NULL;
    lt_tensor *dn = dp ? lt_dense_input(ctx, negatives, op, "negatives") : NULL;
    if (!dn)
        goto done;
    if (!(temperature > 0.0f)) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "%s: temperature is %g, expected above 0", op,
                (double)temperature);
        goto done;
    }
    if (dq->ndim != 2 || lt_numel(dq) == 0 || !lt_same_shape(dq, dp) || dn->ndim != 2 ||
        dn->shape[1] != dq->shape[1]) {
        char s[80], t[80], u[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "%s: arguments query %s, positive %s, negatives %s, "
                "expected (B, D), (B, D), (K, D)",
                op, lt_shape_string(dq, s, sizeof s), lt_shape_string(dp, t, sizeof t),
                lt_shape_string(dn, u, sizeof u));
        goto done;
    }
    const int64_t b = dq->shape[0], d = dq->shape[1], count = dn->shape[0], width = count + 1;
    lt_tensor *q = lt_new_like(ctx, dq), *p = lt_new_like(ctx, dp), *n = lt_new_like(ctx, dn);
    lt_tensor *inv = lt_new(ctx, 1, (int64_t[]){2 * b + count});
    lt_tensor *probs = lt_new(ctx, 2, (int64_t[]){b, width});
    losses = lt_new(ctx, 1, &b);
    if (!q || !p || !n || !inv || !probs || !losses)
        goto done;
    const float eps = 1e-12f;
    lt_run_normalize(ctx, b, d, lt_floats(dq), eps, lt_floats(q), lt_floats(inv));
    lt_run_normalize(ctx, b, d, lt_floats(dp), eps, lt_floats(p), lt_floats(inv) + b);
    lt_run_normalize(ctx, count, d, lt_floats(dn), eps, lt_floats(n), lt_floats(inv) + 2 * b);

    float *l = lt_floats(probs);
    lt_sgemm(ctx, false, true, b, count, d, 1.0f / temperature, lt_floats(q), d, lt_floats(n), d,
             0.0f, l + 1, width);
    double sum = 0.0;
    for (int64_t i = 0; i < b; i++) {
        float *row = l + i * width;
        row[0] = (float)k->dot(d, lt_floats(q) + i * d, lt_floats(p) + i * d) / temperature;
        const float loss = k->logsumexp(width, row) - row[0];
        lt_floats(losses)[i] = loss;
        sum += (double)loss;
        k->softmax(width, width, row, row);
    }
    out = lt_scalar(ctx, (float)(sum / (double)b));
    lt_node *node =
        lt_record(ctx, out, info_nce_backward, 3, (lt_tensor *[]){query, positive, negatives},
                  sizeof(struct nce_params));
    if (node) {
        ((struct nce_params *)lt_node_params(node))->temperature = temperature;
        lt_node_save(node, NCE_Q, q);
        lt_node_save(node, NCE_P, p);
        lt_node_save(node, NCE_N, n);
        lt_node_save(node, NCE_INV, inv);
        lt_node_save(node, NCE_PROBS, probs);
    }
    out = lt_recorded(ctx, out);
done:
    if (rows)
        *rows = out ? losses : NULL;
    lt_scope_close_keep(ctx, scope, (lt_tensor *[]){out, out && rows ? losses : NULL}, 2);
    return out;
}
