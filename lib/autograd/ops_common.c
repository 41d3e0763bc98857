/* What the operations share: checks of arguments, strided copies, elementwise functions with
 * broadcasting, rows of length 1. */
#include <math.h>
#include <string.h>

#include "autograd/ops_impl.h"

int lt_axis(lt_ctx *ctx, const lt_tensor *t, int axis, const char *op)
{
    const int from_front = axis < 0 ? axis + t->ndim : axis;
    if (from_front < 0 || from_front >= t->ndim) {
        char s[80];
        lt_fail(ctx, LT_ERR_ARGUMENT, "%s: argument x is %s and has no axis %d", op,
                lt_shape_string(t, s, sizeof s), axis);
        return -1;
    }
    return from_front;
}

lt_tensor *lt_ids(lt_ctx *ctx, const lt_tensor *ids, const char *op, const char *name)
{
    if (!ids)
        return ctx->status ? NULL
                           : LT_NULL(ctx, LT_ERR_ARGUMENT, "%s: argument %s is NULL", op, name);
    if (ids->dtype != LT_I32)
        return LT_NULL(ctx, LT_ERR_DTYPE, "%s: argument %s is %s, expected I32", op, name,
                       lt_dtype_name(ids->dtype));
    return lt_clone(ctx, ids);
}

/* ---- strided copies ---- */

/* Two arrays of one shape, each with strides of its own, that are walked together. */
struct walk {
    int ndim;
    int64_t shape[LT_MAX_DIMS], a[LT_MAX_DIMS], b[LT_MAX_DIMS];
};

/* A walk with as few axes as possible: drops axes of size 1 and merges neighbouring axes that
 * both arrays step through as if they were one. At least one axis remains. */
static struct walk walk_make(int ndim, const int64_t *shape, const int64_t *a, const int64_t *b)
{
    struct walk w = {0};
    for (int i = 0; i < ndim; i++) {
        if (shape[i] == 1)
            continue;
        const int last = w.ndim - 1;
        if (last >= 0 && w.a[last] == a[i] * shape[i] && w.b[last] == b[i] * shape[i]) {
            w.shape[last] *= shape[i];
            w.a[last] = a[i];
            w.b[last] = b[i];
        } else {
            w.shape[w.ndim] = shape[i];
            w.a[w.ndim] = a[i];
            w.b[w.ndim] = b[i];
            w.ndim++;
        }
    }
    if (w.ndim == 0) {
        w.ndim = 1;
        w.shape[0] = 1;
    }
    return w;
}

enum { TILE = 64 };

/* Copies `rows` <= TILE rows of `cols` elements. When source and destination are dense in
 * different directions, copying element by element would touch a new cache line each time on one
 * of the two sides. A tile therefore passes through a buffer: read along the lines of the
 * source, written along those of the destination. The two cases of stride 1 have loops that
 * vectorise. */
static void copy_tiles(int64_t rows, int64_t cols, const float *restrict src, int64_t src_row,
                       int64_t src_col, float *restrict dst, int64_t dst_row, int64_t dst_col)
{
    float tile[TILE][TILE];
    for (int64_t c0 = 0; c0 < cols; c0 += TILE) {
        const int64_t width = cols - c0 < TILE ? cols - c0 : TILE;
        const float *s = src + c0 * src_col;
        float *d = dst + c0 * dst_col;
        for (int64_t c = 0; c < width; c++) {
            if (src_row == 1)
                for (int64_t r = 0; r < rows; r++)
                    tile[r][c] = s[r + c * src_col];
            else
                for (int64_t r = 0; r < rows; r++)
                    tile[r][c] = s[r * src_row + c * src_col];
        }
        for (int64_t r = 0; r < rows; r++) {
            if (dst_col == 1)
                memcpy(d + r * dst_row, tile[r], (size_t)width * sizeof *d);
            else
                for (int64_t c = 0; c < width; c++)
                    d[r * dst_row + c * dst_col] = tile[r][c];
        }
    }
}

void lt_copy_strided(lt_ctx *ctx, int ndim, const int64_t *shape, const float *src,
                     const int64_t *src_stride, float *dst, const int64_t *dst_stride)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    if (n == 0)
        return;
    struct walk w = walk_make(ndim, shape, src_stride, dst_stride);
    const int64_t cols = w.shape[--w.ndim];
    const int64_t src_col = w.a[w.ndim], dst_col = w.b[w.ndim];

    /* Where the source is not dense along the last axis, rows are taken along the axis in which
     * it is densest, for copy_tiles(). */
    int64_t rows = 1, src_row = 0, dst_row = 0;
    if (src_col != 1 && w.ndim > 0) {
        int best = 0;
        for (int i = 1; i < w.ndim; i++)
            if (w.a[i] < w.a[best])
                best = i;
        rows = w.shape[best];
        src_row = w.a[best];
        dst_row = w.b[best];
        for (int i = best + 1; i < w.ndim; i++) {
            w.shape[i - 1] = w.shape[i];
            w.a[i - 1] = w.a[i];
            w.b[i - 1] = w.b[i];
        }
        w.ndim--;
    }
    const bool dense = src_col == 1 && dst_col == 1;
    const int64_t strips = (rows + TILE - 1) / TILE;
    const int64_t pieces = lt_chunks(cols);
    const int64_t items = n / rows / cols * strips * pieces;
#pragma omp parallel for num_threads(lt_team(ctx, n)) schedule(static)
    for (int64_t item = 0; item < items; item++) {
        const int64_t piece = item % pieces, strip = item / pieces % strips;
        const int64_t outer = item / pieces / strips;
        const int64_t r0 = strip * TILE, count = rows - r0 < TILE ? rows - r0 : TILE;
        const int64_t c0 = piece * LT_CHUNK, size = lt_chunk_size(cols, piece);
        const float *s = src + lt_offset(w.ndim, w.shape, w.a, outer) + r0 * src_row + c0 * src_col;
        float *d = dst + lt_offset(w.ndim, w.shape, w.b, outer) + r0 * dst_row + c0 * dst_col;
        if (dense)
            memcpy(d, s, (size_t)size * sizeof *d); /* dense: there is one row */
        else
            copy_tiles(count, size, s, src_row, src_col, d, dst_row, dst_col);
    }
}

lt_tensor *lt_dense_input(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name)
{
    if (!t || t->dtype != LT_F32 || lt_is_contiguous(t))
        return lt_dense(ctx, t, op, name);
    lt_tensor *copy = lt_new_like(ctx, t);
    if (copy)
        lt_copy_strided(ctx, t->ndim, t->shape, lt_floats(t), t->stride, lt_floats(copy),
                        copy->stride);
    return copy;
}

lt_tensor *lt_weight_input(lt_ctx *ctx, lt_tensor *w, const char *op, const char *name)
{
    return w && lt_is_half(w) && lt_is_contiguous(w) ? w : lt_dense_input(ctx, w, op, name);
}

const lt_tensor *lt_weight_values(lt_ctx *ctx, const lt_tensor *w)
{
    if (!lt_is_half(w))
        return w;
    lt_tensor *wide = lt_new_like(ctx, w);
    if (wide)
        lt_widen(ctx, w->dtype, w->data, lt_floats(wide), lt_numel(w));
    return wide;
}

/* ---- elementwise ---- */

void lt_run_unary(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *x, float *y, float p,
                  float q)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t chunks = lt_chunks(n);
#pragma omp parallel for num_threads(lt_team(ctx, n)) schedule(static)
    for (int64_t c = 0; c < chunks; c++)
        k->unary[op](lt_chunk_size(n, c), x + c * LT_CHUNK, y + c * LT_CHUNK, p, q);
}

void lt_run_unary_grad(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *gy, const float *s,
                       float *gx, float p, float q)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t chunks = lt_chunks(n);
#pragma omp parallel for num_threads(lt_team(ctx, n)) schedule(static)
    for (int64_t c = 0; c < chunks; c++)
        k->unary_grad[op](lt_chunk_size(n, c), gy + c * LT_CHUNK, s + c * LT_CHUNK,
                          gx + c * LT_CHUNK, p, q);
}

/* The strides of t along the axes of a broadcast shape: 0 where t repeats. */
static void broadcast_strides(const lt_tensor *t, int ndim, const int64_t *shape, int64_t *stride)
{
    for (int i = 0; i < ndim; i++) {
        const int j = i - (ndim - t->ndim);
        stride[i] = j < 0 || (t->shape[j] == 1 && shape[i] != 1) ? 0 : t->stride[j];
    }
}

/* Sets the shape that a and b broadcast to and returns its number of axes, or -1 if they do not
 * fit. */
static int broadcast_shape(const lt_tensor *a, const lt_tensor *b, int64_t *shape)
{
    const int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 1; i <= ndim; i++) {
        const int64_t m = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        const int64_t n = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        if (m != n && m != 1 && n != 1)
            return -1;
        shape[ndim - i] = m == 1 ? n : m;
    }
    return ndim;
}

/* Computes elements begin..end, in row-major order, of the result y of a binary operation. */
static void binary_range(const struct lt_dense_kernels *k, lt_binary_op op, const struct walk *w,
                         const float *a, const float *b, float *y, int64_t begin, int64_t end)
{
    const int last = w->ndim - 1;
    const int64_t run = w->shape[last];
    int64_t index[LT_MAX_DIMS] = {0}, rest = begin;
    for (int i = last; i >= 0; i--) {
        index[i] = rest % w->shape[i];
        rest /= w->shape[i];
    }
    for (int i = 0; i <= last; i++) {
        a += index[i] * w->a[i];
        b += index[i] * w->b[i];
    }
    while (begin < end) {
        const int64_t left = run - index[last];
        const int64_t n = left < end - begin ? left : end - begin;
        k->binary[op](n, a, w->a[last], b, w->b[last], y + begin);
        begin += n;
        a += n * w->a[last];
        b += n * w->b[last];
        index[last] += n;
        for (int i = last; i > 0 && index[i] == w->shape[i]; i--) {
            a += w->a[i - 1] - index[i] * w->a[i];
            b += w->b[i - 1] - index[i] * w->b[i];
            index[i] = 0;
            index[i - 1]++;
        }
    }
}

lt_tensor *lt_run_binary(lt_ctx *ctx, lt_binary_op op, const lt_tensor *a, const lt_tensor *b,
                         const char *name)
{
    const lt_tensor *const operand[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        if (!operand[i])
            return ctx->status
                       ? NULL
                       : LT_NULL(ctx, LT_ERR_ARGUMENT, "%s: argument %c is NULL", name, 'a' + i);
        if (operand[i]->dtype != LT_F32)
            return LT_NULL(ctx, LT_ERR_DTYPE, "%s: argument %c is %s, expected F32", name, 'a' + i,
                           lt_dtype_name(operand[i]->dtype));
    }
    int64_t shape[LT_MAX_DIMS] = {0}, sa[LT_MAX_DIMS], sb[LT_MAX_DIMS];
    const int ndim = broadcast_shape(a, b, shape);
    if (ndim < 0) {
        char s[80], t[80];
        return LT_NULL(ctx, LT_ERR_SHAPE, "%s: arguments a %s and b %s do not broadcast", name,
                       lt_shape_string(a, s, sizeof s), lt_shape_string(b, t, sizeof t));
    }
    lt_tensor *out = lt_new(ctx, ndim, shape);
    if (!out)
        return NULL;
    broadcast_strides(a, ndim, shape, sa);
    broadcast_strides(b, ndim, shape, sb);
    const struct walk w = walk_make(ndim, shape, sa, sb);
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t n = lt_numel(out), chunks = lt_chunks(n);
    const float *pa = lt_floats(a), *pb = lt_floats(b);
    float *y = lt_floats(out);
#pragma omp parallel for num_threads(lt_team(ctx, n)) schedule(static)
    for (int64_t c = 0; c < chunks; c++)
        binary_range(k, op, &w, pa, pb, y, c * LT_CHUNK, c * LT_CHUNK + lt_chunk_size(n, c));
    return out;
}

/* ---- unit rows ---- */

void lt_run_normalize(lt_ctx *ctx, int64_t rows, int64_t n, const float *x, float eps, float *y,
                      float *inv)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
#pragma omp parallel for num_threads(lt_team(ctx, rows *n)) schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const double norm = sqrt(k->dot(n, x + r * n, x + r * n));
        const bool tiny = norm < (double)eps;
        const float scale = (float)(1.0 / (tiny ? (double)eps : norm));
        inv[r] = tiny ? -scale : scale;
        k->unary[LT_UNARY_AFFINE](n, x + r * n, y + r * n, scale, 0.0f);
    }
}

/* gx = (gy - y (y . gy)) / norm. A row whose norm is below eps was scaled by a constant, 1 /
 * eps, so the second term is absent. */
void lt_run_normalize_grad(lt_ctx *ctx, int64_t rows, int64_t n, const float *y, const float *inv,
                           const float *gy, float *gx)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
#pragma omp parallel for num_threads(lt_team(ctx, rows *n)) schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        const float *restrict yr = y + r * n, *restrict g = gy + r * n;
        float *restrict out = gx + r * n;
        const float scale = fabsf(inv[r]);
        const float d = inv[r] > 0.0f ? (float)k->dot(n, yr, g) : 0.0f;
        for (int64_t i = 0; i < n; i++)
            out[i] = scale * (g[i] - d * yr[i]);
    }
}
