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

/* A strided copy in items: the strips of TILE rows of each outer index, cut into pieces of LT_CHUNK
 * columns. Steps are in elements, from row to row and from column to column. */
struct copy {
    struct walk outer;
    int64_t rows, cols, strips, pieces;
    const float *src;
    int64_t src_row, src_col;
    float *dst;
    int64_t dst_row, dst_col;
};

static void copy_items(void *arg, lt_range range)
{
    const struct copy *c = arg;
    for (int64_t item = range.begin; item < range.end; item++) {
        const int64_t piece = item % c->pieces, strip = item / c->pieces % c->strips;
        const int64_t outer = item / c->pieces / c->strips;
        const int64_t r0 = strip * TILE, count = c->rows - r0 < TILE ? c->rows - r0 : TILE;
        const int64_t c0 = piece * LT_CHUNK, size = lt_chunk_size(c->cols, piece);
        const struct walk *w = &c->outer;
        const float *s =
            c->src + lt_offset(w->ndim, w->shape, w->a, outer) + r0 * c->src_row + c0 * c->src_col;
        float *d =
            c->dst + lt_offset(w->ndim, w->shape, w->b, outer) + r0 * c->dst_row + c0 * c->dst_col;
        if (c->src_col == 1 && c->dst_col == 1)
            memcpy(d, s, (size_t)size * sizeof *d); /* dense: there is one row */
        else
            copy_tiles(count, size, s, c->src_row, c->src_col, d, c->dst_row, c->dst_col);
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
    struct copy c = {.outer = w,
                     .rows = rows,
                     .cols = cols,
                     .strips = lt_ceil_quotient(rows, TILE),
                     .pieces = lt_chunks(cols),
                     .src = src,
                     .src_row = src_row,
                     .src_col = src_col,
                     .dst = dst,
                     .dst_row = dst_row,
                     .dst_col = dst_col};
    lt_for(ctx, lt_threads(ctx, n), n / rows / cols * c.strips * c.pieces, copy_items, &c);
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

/* A function of n elements, or the gradient gx of one, whose saved tensor is s. */
struct unary {
    const struct lt_dense_kernels *k;
    lt_unary_op op;
    int64_t n;
    float p, q;
    const float *x, *gy, *s;
    float *y, *gx;
};

static void unary_chunks(void *arg, lt_range range)
{
    const struct unary *u = arg;
    for (int64_t c = range.begin; c < range.end; c++)
        u->k->unary[u->op](lt_chunk_size(u->n, c), u->x + c * LT_CHUNK, u->y + c * LT_CHUNK, u->p,
                           u->q);
}

void lt_run_unary(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *x, float *y, float p,
                  float q)
{
    struct unary u = {.k = lt_dense_table(ctx), .op = op, .n = n, .p = p, .q = q, .x = x, .y = y};
    lt_for(ctx, lt_threads(ctx, n), lt_chunks(n), unary_chunks, &u);
}

static void unary_grad_chunks(void *arg, lt_range range)
{
    const struct unary *u = arg;
    for (int64_t c = range.begin; c < range.end; c++)
        u->k->unary_grad[u->op](lt_chunk_size(u->n, c), u->gy + c * LT_CHUNK, u->s + c * LT_CHUNK,
                                u->gx + c * LT_CHUNK, u->p, u->q);
}

void lt_run_unary_grad(lt_ctx *ctx, lt_unary_op op, int64_t n, const float *gy, const float *s,
                       float *gx, float p, float q)
{
    struct unary u = {
        .k = lt_dense_table(ctx), .op = op, .n = n, .p = p, .q = q, .gy = gy, .s = s, .gx = gx};
    lt_for(ctx, lt_threads(ctx, n), lt_chunks(n), unary_grad_chunks, &u);
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

/* A binary operation on broadcast operands, which `walk` steps through; y is contiguous. */
struct binary {
    const struct lt_dense_kernels *k;
    lt_binary_op op;
    struct walk walk;
    int64_t n;
    const float *a, *b;
    float *y;
};

/* Computes elements begin..end, in row-major order, of the result. */
static void binary_range(const struct binary *op, int64_t begin, int64_t end)
{
    const struct walk *w = &op->walk;
    const float *a = op->a, *b = op->b;
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
        op->k->binary[op->op](n, a, w->a[last], b, w->b[last], op->y + begin);
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

static void binary_chunks(void *arg, lt_range range)
{
    const struct binary *op = arg;
    for (int64_t c = range.begin; c < range.end; c++)
        binary_range(op, c * LT_CHUNK, c * LT_CHUNK + lt_chunk_size(op->n, c));
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
    struct binary job = {.k = lt_dense_table(ctx),
                         .op = op,
                         .walk = walk_make(ndim, shape, sa, sb),
                         .n = lt_numel(out),
                         .a = lt_floats(a),
                         .b = lt_floats(b),
                         .y = lt_floats(out)};
    lt_for(ctx, lt_threads(ctx, job.n), lt_chunks(job.n), binary_chunks, &job);
    return out;
}

/* ---- unit rows ---- */

/* Rows x of n elements that become rows y of length 1. */
struct normalize {
    const struct lt_dense_kernels *k;
    int64_t n;
    float eps;
    const float *x;
    float *y, *inv;
};

static void normalize_rows(void *arg, lt_range range)
{
    const struct normalize *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++) {
        const double norm = sqrt(j->k->dot(n, j->x + r * n, j->x + r * n));
        const bool tiny = norm < (double)j->eps;
        const float scale = (float)(1.0 / (tiny ? (double)j->eps : norm));
        j->inv[r] = tiny ? -scale : scale;
        j->k->unary[LT_UNARY_AFFINE](n, j->x + r * n, j->y + r * n, scale, 0.0f);
    }
}

void lt_run_normalize(lt_ctx *ctx, int64_t rows, int64_t n, const float *x, float eps, float *y,
                      float *inv)
{
    struct normalize j = {.k = lt_dense_table(ctx), .n = n, .eps = eps, .x = x, .y = y, .inv = inv};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, normalize_rows, &j);
}

struct normalize_grad {
    const struct lt_dense_kernels *k;
    int64_t n;
    const float *y, *inv, *gy;
    float *gx;
};

/* gx = (gy - y (y . gy)) / norm. A row whose norm is below eps was scaled by a constant, 1 /
 * eps, so the second term is absent. */
static void normalize_grad_rows(void *arg, lt_range range)
{
    const struct normalize_grad *j = arg;
    const int64_t n = j->n;
    for (int64_t r = range.begin; r < range.end; r++) {
        const float *restrict yr = j->y + r * n, *restrict g = j->gy + r * n;
        float *restrict out = j->gx + r * n;
        const float scale = fabsf(j->inv[r]);
        const float d = j->inv[r] > 0.0f ? (float)j->k->dot(n, yr, g) : 0.0f;
        for (int64_t i = 0; i < n; i++)
            out[i] = scale * (g[i] - d * yr[i]);
    }
}

void lt_run_normalize_grad(lt_ctx *ctx, int64_t rows, int64_t n, const float *y, const float *inv,
                           const float *gy, float *gx)
{
    struct normalize_grad j = {
        .k = lt_dense_table(ctx), .n = n, .y = y, .inv = inv, .gy = gy, .gx = gx};
    lt_for(ctx, lt_threads(ctx, rows * n), rows, normalize_grad_rows, &j);
}
