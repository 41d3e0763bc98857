/* Views and copies: reshape, permute, slice, expand, concatenate, rows by number. */
#include <string.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* Whether an argument is a float32 tensor; records a failure if not. */
static bool valid(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name)
{
    if (t && t->dtype == LT_F32)
        return true;
    lt_dense(ctx, t, op, name); /* records the failure */
    return false;
}

/* ---- views and copies of the same elements ---- */

static void dense_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i];
    }
}

/* Backward of results that hold the elements of x in row-major order: gy in the shape of x. */
static lt_status reshape_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_input(n, 0);
    int64_t stride[LT_MAX_DIMS];
    dense_strides(x->ndim, x->shape, stride);
    return lt_grad_add(ctx, n, 0, lt_view(ctx, gy, x->ndim, x->shape, stride, 0));
}

/* The elements of x, in row-major order, under another shape: a view of x, or of a copy. */
static lt_tensor *same_elements(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape,
                                const char *op)
{
    const lt_scope scope = lt_scope_open(ctx);
    int64_t stride[LT_MAX_DIMS];
    dense_strides(ndim, shape, stride);
    lt_tensor *dense = lt_dense_input(ctx, x, op, "x");
    lt_tensor *out = dense ? lt_view(ctx, dense, ndim, shape, stride, 0) : NULL;
    lt_record(ctx, out, reshape_backward, 1, &x, 0);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

lt_tensor *lt_reshape(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape)
{
    if (!valid(ctx, x, "lt_reshape", "x"))
        return NULL;
    if (ndim < 0 || ndim > LT_MAX_DIMS)
        return LT_NULL(ctx, LT_ERR_SHAPE, "lt_reshape: %d axes, at most %d are supported", ndim,
                       LT_MAX_DIMS);
    int64_t full[LT_MAX_DIMS] = {0}, known = 1;
    int open = -1;
    bool good = true;
    for (int i = 0; i < ndim; i++) {
        full[i] = shape[i];
        if (shape[i] == -1 && open < 0)
            open = i;
        else
            good = good && shape[i] >= 0 && !__builtin_mul_overflow(known, shape[i], &known);
    }
    const int64_t n = lt_numel(x);
    if (open >= 0 && good) {
        good = known > 0 && n % known == 0;
        full[open] = good ? n / known : 0;
    } else {
        good = good && known == n;
    }
    if (!good) {
        char s[80];
        return LT_NULL(ctx, LT_ERR_SHAPE,
                       "lt_reshape: argument x is %s, its %lld elements do not fill the new shape",
                       lt_shape_string(x, s, sizeof s), (long long)n);
    }
    return same_elements(ctx, x, ndim, full, "lt_reshape");
}

lt_tensor *lt_contiguous(lt_ctx *ctx, lt_tensor *x)
{
    return valid(ctx, x, "lt_contiguous", "x")
               ? same_elements(ctx, x, x->ndim, x->shape, "lt_contiguous")
               : NULL;
}

struct permute_params {
    int axes[LT_MAX_DIMS];
};

static lt_status permute_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct permute_params *p = lt_node_params(n);
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(n, 0));
    if (gx) {
        int64_t stride[LT_MAX_DIMS];
        for (int i = 0; i < gy->ndim; i++)
            stride[p->axes[i]] = gy->stride[i];
        lt_copy_strided(ctx, gx->ndim, gx->shape, lt_floats(gy), stride, lt_floats(gx), gx->stride);
    }
    return lt_grad_add(ctx, n, 0, gx);
}

lt_tensor *lt_permute(lt_ctx *ctx, lt_tensor *x, const int *axes)
{
    if (!valid(ctx, x, "lt_permute", "x"))
        return NULL;
    int64_t shape[LT_MAX_DIMS], stride[LT_MAX_DIMS];
    unsigned seen = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (axes[i] < 0 || axes[i] >= x->ndim || (seen >> axes[i] & 1u)) {
            char s[80];
            return LT_NULL(ctx, LT_ERR_ARGUMENT,
                           "lt_permute: axes[%d] is %d, not a permutation of the axes of x %s", i,
                           axes[i], lt_shape_string(x, s, sizeof s));
        }
        seen |= 1u << axes[i];
        shape[i] = x->shape[axes[i]];
        stride[i] = x->stride[axes[i]];
    }
    lt_tensor *out = lt_view(ctx, x, x->ndim, shape, stride, 0);
    lt_node *n = lt_record(ctx, out, permute_backward, 1, &x, sizeof(struct permute_params));
    if (n)
        memcpy(((struct permute_params *)lt_node_params(n))->axes, axes,
               (size_t)x->ndim * sizeof *axes);
    return lt_recorded(ctx, out);
}

lt_tensor *lt_transpose(lt_ctx *ctx, lt_tensor *x, int a, int b)
{
    if (!valid(ctx, x, "lt_transpose", "x"))
        return NULL;
    a = lt_axis(ctx, x, a, "lt_transpose");
    b = a < 0 ? -1 : lt_axis(ctx, x, b, "lt_transpose");
    if (b < 0)
        return NULL;
    int axes[LT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        axes[i] = i == a ? b : i == b ? a : i;
    return lt_permute(ctx, x, axes);
}

/* ---- parts ---- */

struct slice_params {
    int axis;
    int64_t start;
};

/* Rows of `run` elements that are added to others, ld apart. */
struct added_rows {
    const struct lt_dense_kernels *k;
    int64_t run, ld;
    const float *src;
    float *dst;
};

static void add_row_chunks(void *arg, lt_range range)
{
    const struct added_rows *j = arg;
    const int64_t pieces = lt_chunks(j->run);
    for (int64_t item = range.begin; item < range.end; item++) {
        const int64_t row = item / pieces, at = item % pieces * LT_CHUNK;
        j->k->accumulate(lt_chunk_size(j->run, item % pieces), j->src + row * j->run + at,
                         j->dst + row * j->ld + at);
    }
}

/* Adds src (outer, run) to the first `run` columns of dst, whose rows are ld apart. */
static void add_rows(lt_ctx *ctx, int64_t outer, int64_t run, const float *src, float *dst,
                     int64_t ld)
{
    struct added_rows j = {lt_dense_table(ctx), run, ld, src, dst};
    lt_for(ctx, lt_threads(ctx, outer * run), outer * lt_chunks(run), add_row_chunks, &j);
}

/* Adds gy to the part of the gradient that the slice stands for. */
static lt_status slice_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct slice_params *p = lt_node_params(n);
    const lt_tensor *x = lt_node_input(n, 0);
    float *gx = lt_grad_in_place(ctx, n, 0);
    if (!gx)
        return ctx->status;
    int64_t outer = 1, inner = 1;
    for (int i = 0; i < p->axis; i++)
        outer *= x->shape[i];
    for (int i = p->axis + 1; i < x->ndim; i++)
        inner *= x->shape[i];
    add_rows(ctx, outer, gy->shape[p->axis] * inner, lt_floats(gy), gx + p->start * inner,
             x->shape[p->axis] * inner);
    return LT_OK;
}

lt_tensor *lt_slice(lt_ctx *ctx, lt_tensor *x, int axis, int64_t start, int64_t count)
{
    if (!valid(ctx, x, "lt_slice", "x"))
        return NULL;
    axis = lt_axis(ctx, x, axis, "lt_slice");
    if (axis < 0)
        return NULL;
    if (start < 0 || count < 0 || start > x->shape[axis] || count > x->shape[axis] - start) {
        char s[80];
        return LT_NULL(ctx, LT_ERR_ARGUMENT,
                       "lt_slice: %lld entries from %lld on are not in axis %d of x %s",
                       (long long)count, (long long)start, axis, lt_shape_string(x, s, sizeof s));
    }
    int64_t shape[LT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = count;
    lt_tensor *out = lt_view(ctx, x, x->ndim, shape, x->stride, start * x->stride[axis]);
    lt_node *n = lt_record(ctx, out, slice_backward, 1, &x, sizeof(struct slice_params));
    if (n)
        *(struct slice_params *)lt_node_params(n) =
            (struct slice_params){.axis = axis, .start = start};
    return lt_recorded(ctx, out);
}

static lt_status expand_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const lt_tensor *x = lt_node_input(n, 0);
    return lt_grad_add(ctx, n, 0, lt_reduce_to(ctx, gy, NULL, 1.0f, x->ndim, x->shape));
}

lt_tensor *lt_expand(lt_ctx *ctx, lt_tensor *x, int ndim, const int64_t *shape)
{
    if (!valid(ctx, x, "lt_expand", "x"))
        return NULL;
    bool good = ndim >= x->ndim && ndim <= LT_MAX_DIMS;
    int64_t stride[LT_MAX_DIMS] = {0};
    for (int i = 0; good && i < ndim; i++) {
        const int j = i - (ndim - x->ndim);
        if (j < 0)
            continue;
        good = x->shape[j] == shape[i] || x->shape[j] == 1;
        stride[i] = x->shape[j] == shape[i] ? x->stride[j] : 0;
    }
    if (!good) {
        char s[80];
        return LT_NULL(ctx, LT_ERR_SHAPE,
                       "lt_expand: argument x is %s and does not broadcast to the new shape",
                       lt_shape_string(x, s, sizeof s));
    }
    lt_tensor *out = lt_view(ctx, x, ndim, shape, stride, 0);
    lt_record(ctx, out, expand_backward, 1, &x, 0);
    return lt_recorded(ctx, out);
}

/* ---- concatenation ---- */

struct concat_params {
    int axis;
};

/* Each input receives its part of gy. */
static lt_status concat_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct concat_params *p = lt_node_params(n);
    int64_t start = 0;
    for (int i = 0; i < lt_node_inputs(n); i++) {
        const lt_tensor *x = lt_node_input(n, i);
        if (lt_wants_grad(n, i)) {
            lt_tensor *gx = lt_new_like(ctx, x);
            if (gx)
                lt_copy_strided(ctx, x->ndim, x->shape, lt_floats(gy) + start * gy->stride[p->axis],
                                gy->stride, lt_floats(gx), gx->stride);
            if (lt_grad_add(ctx, n, i, gx) != LT_OK)
                return ctx->status;
        }
        start += x->shape[p->axis];
    }
    return LT_OK;
}

lt_tensor *lt_concat(lt_ctx *ctx, int count, lt_tensor *const *x, int axis)
{
    if (count < 1)
        return LT_NULL(ctx, LT_ERR_ARGUMENT, "lt_concat: %d tensors, expected at least 1", count);
    for (int i = 0; i < count; i++)
        if (!valid(ctx, x[i], "lt_concat", "x"))
            return NULL;
    axis = lt_axis(ctx, x[0], axis, "lt_concat");
    if (axis < 0)
        return NULL;
    int64_t shape[LT_MAX_DIMS];
    memcpy(shape, x[0]->shape, sizeof shape);
    for (int i = 1; i < count; i++) {
        bool same = x[i]->ndim == x[0]->ndim;
        for (int d = 0; same && d < x[0]->ndim; d++)
            same = d == axis || x[i]->shape[d] == x[0]->shape[d];
        if (!same) {
            char s[80], t[80];
            return LT_NULL(
                ctx, LT_ERR_SHAPE,
                "lt_concat: argument x[%d] is %s and x[0] is %s: sizes may differ along axis %d only",
                i, lt_shape_string(x[i], s, sizeof s), lt_shape_string(x[0], t, sizeof t), axis);
        }
        shape[axis] += x[i]->shape[axis];
    }
    lt_tensor *out = lt_new(ctx, x[0]->ndim, shape);
    if (!out)
        return NULL;
    float *at = lt_floats(out);
    for (int i = 0; i < count; i++) {
        lt_copy_strided(ctx, out->ndim, x[i]->shape, lt_floats(x[i]), x[i]->stride, at,
                        out->stride);
        at += x[i]->shape[axis] * out->stride[axis];
    }
    lt_node *n = lt_record(ctx, out, concat_backward, count, x, sizeof(struct concat_params));
    if (n)
        ((struct concat_params *)lt_node_params(n))->axis = axis;
    return lt_recorded(ctx, out);
}

/* ---- rows by number ---- */

/* Saved: ids. gx[ids[i]] += gy[i], in order and on one thread, since an id may occur twice. */
static lt_status embedding_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_tensor *ids = lt_node_saved(n, 0);
    const int64_t rows = lt_numel(ids), size = rows > 0 ? lt_numel(gy) / rows : 0;
    const int32_t *id = lt_i32(ids);
    float *g = lt_grad_in_place(ctx, n, 0);
    if (!g)
        return ctx->status;
    for (int64_t i = 0; i < rows; i++)
        k->accumulate(size, lt_floats(gy) + i * size, g + id[i] * size);
    return LT_OK;
}

lt_tensor *lt_embedding(lt_ctx *ctx, lt_tensor *table, const lt_tensor *ids)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *dense = lt_weight_input(ctx, table, "lt_embedding", "table"), *out = NULL;
    lt_tensor *own = dense ? lt_ids(ctx, ids, "lt_embedding", "ids") : NULL;
    if (!own)
        return lt_scope_close(ctx, scope, NULL);
    if (dense->ndim < 1 || own->ndim + dense->ndim - 1 > LT_MAX_DIMS) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE, "lt_embedding: arguments table %s and ids %s have %s axes",
                lt_shape_string(dense, s, sizeof s), lt_shape_string(own, t, sizeof t),
                dense->ndim < 1 ? "too few" : "too many");
        return lt_scope_close(ctx, scope, NULL);
    }
    const int64_t rows = lt_numel(own);
    const int32_t *id = lt_i32(own);
    for (int64_t i = 0; i < rows; i++) {
        if (id[i] < 0 || id[i] >= dense->shape[0]) {
            lt_fail(ctx, LT_ERR_ARGUMENT, "lt_embedding: ids[%lld] is %d, outside 0..%lld",
                    (long long)i, (int)id[i], (long long)dense->shape[0] - 1);
            return lt_scope_close(ctx, scope, NULL);
        }
    }
    int64_t shape[LT_MAX_DIMS], size = 1;
    for (int i = 0; i < own->ndim; i++)
        shape[i] = own->shape[i];
    for (int i = 1; i < dense->ndim; i++) {
        shape[own->ndim + i - 1] = dense->shape[i];
        size *= dense->shape[i];
    }
    out = lt_new(ctx, own->ndim + dense->ndim - 1, shape);
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    const size_t row_bytes = (size_t)size * lt_dtype_size(dense->dtype);
    for (int64_t i = 0; i < rows; i++) {
        const char *row = dense->data + (size_t)id[i] * row_bytes;
        if (lt_is_half(dense))
            lt_widen(ctx, dense->dtype, row, lt_floats(out) + i * size, size);
        else
            memcpy(lt_floats(out) + i * size, row, row_bytes);
    }
    lt_node *n = lt_record(ctx, out, embedding_backward, 1, &table, 0);
    if (n)
        lt_node_save(n, 0, own);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}

/* Saved: ids. gx[i, ids[i]] += gy[i]. */
static lt_status pick_backward(lt_ctx *ctx, lt_node *n, lt_tensor *gy)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_tensor *x = lt_node_input(n, 0);
    const int32_t *id = lt_i32(lt_node_saved(n, 0));
    const int64_t rows = x->shape[0], length = x->shape[1];
    const int64_t size = rows > 0 ? lt_numel(gy) / rows : 0;
    float *g = lt_grad_in_place(ctx, n, 0);
    if (!g)
        return ctx->status;
    for (int64_t i = 0; i < rows; i++)
        k->accumulate(size, lt_floats(gy) + i * size, g + (i * length + id[i]) * size);
    return LT_OK;
}

lt_tensor *lt_pick(lt_ctx *ctx, lt_tensor *x, const lt_tensor *ids)
{
    if (!valid(ctx, x, "lt_pick", "x"))
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *own = lt_ids(ctx, ids, "lt_pick", "ids"), *out = NULL;
    if (!own)
        return lt_scope_close(ctx, scope, NULL);
    if (x->ndim < 2 || own->ndim != 1 || own->shape[0] != x->shape[0]) {
        char s[80], t[80];
        lt_fail(ctx, LT_ERR_SHAPE, "lt_pick: argument ids is %s, expected (N) for x (N, L, ...) %s",
                lt_shape_string(own, s, sizeof s), lt_shape_string(x, t, sizeof t));
        return lt_scope_close(ctx, scope, NULL);
    }
    const int32_t *id = lt_i32(own);
    for (int64_t i = 0; i < x->shape[0]; i++) {
        if (id[i] < 0 || id[i] >= x->shape[1]) {
            lt_fail(ctx, LT_ERR_ARGUMENT, "lt_pick: ids[%lld] is %d, outside 0..%lld", (long long)i,
                    (int)id[i], (long long)x->shape[1] - 1);
            return lt_scope_close(ctx, scope, NULL);
        }
    }
    int64_t shape[LT_MAX_DIMS] = {x->shape[0]};
    for (int i = 2; i < x->ndim; i++)
        shape[i - 1] = x->shape[i];
    out = lt_new(ctx, x->ndim - 1, shape);
    if (!out)
        return lt_scope_close(ctx, scope, NULL);
    for (int64_t i = 0; i < x->shape[0]; i++)
        lt_copy_strided(ctx, x->ndim - 2, x->shape + 2,
                        lt_floats(x) + i * x->stride[0] + id[i] * x->stride[1], x->stride + 2,
                        lt_floats(out) + i * out->stride[0], out->stride + 1);
    lt_node *n = lt_record(ctx, out, pick_backward, 1, &x, 0);
    if (n)
        lt_node_save(n, 0, own);
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
