/* Sums that several operations need: over some axes of an array, and over all of it. They add in
 * an order that does not depend on the number of threads. */
#include "autograd/ops_impl.h"

/* The axes of a contiguous array, sorted into those that are kept and those that are summed.
 * Neighbouring axes of one sort count as one axis. The last axis stands apart, because its
 * elements are adjacent in memory. If it is kept, the summed axis before it stands apart, too,
 * as `rows`. */
struct reduction {
    int kept, summed;
    int64_t kept_size[LT_MAX_DIMS], kept_stride[LT_MAX_DIMS];
    int64_t summed_size[LT_MAX_DIMS], summed_stride[LT_MAX_DIMS];
    bool inner_kept;
    int64_t inner, rows;
    int64_t outputs; /* product of kept_size */
    int64_t combos;  /* product of summed_size */
};

/* Sorts the axes of x, of which those are kept that `shape` has at full size. */
static struct reduction reduction_make(const lt_tensor *x, int ndim, const int64_t *shape)
{
    int64_t size[LT_MAX_DIMS], stride[LT_MAX_DIMS];
    bool keep[LT_MAX_DIMS];
    int axes = 0;
    for (int i = 0; i < x->ndim; i++) {
        const int j = i - (x->ndim - ndim);
        const bool kept = j >= 0 && shape[j] == x->shape[i];
        if (x->shape[i] == 1)
            continue;
        if (axes > 0 && keep[axes - 1] == kept) {
            size[axes - 1] *= x->shape[i];
        } else {
            keep[axes] = kept;
            size[axes++] = x->shape[i];
        }
    }
    int64_t step = 1;
    for (int i = axes - 1; i >= 0; i--) {
        stride[i] = step;
        step *= size[i];
    }
    struct reduction r = {.inner = 1, .rows = 1, .outputs = 1, .combos = 1};
    if (axes > 0) {
        r.inner = size[--axes];
        r.inner_kept = keep[axes];
    }
    if (r.inner_kept && axes > 0)
        r.rows = size[--axes];
    for (int i = 0; i < axes; i++) {
        if (keep[i]) {
            r.kept_size[r.kept] = size[i];
            r.kept_stride[r.kept++] = stride[i];
            r.outputs *= size[i];
        } else {
            r.summed_size[r.summed] = size[i];
            r.summed_stride[r.summed++] = stride[i];
            r.combos *= size[i];
        }
    }
    return r;
}

/* Sums where the last axis is kept: sums of columns. */
static void reduce_columns(lt_ctx *ctx, const struct reduction *r, const float *x, const float *y,
                           float scale, float *out)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t blocks = (r->inner + LT_COLUMN_BLOCK - 1) / LT_COLUMN_BLOCK;
    const int64_t items = r->outputs * blocks;
    const int64_t work = r->outputs * r->combos * r->rows * r->inner;
#pragma omp parallel for num_threads(lt_team(ctx, work)) schedule(static)
    for (int64_t item = 0; item < items; item++) {
        const int64_t o = item / blocks, c0 = item % blocks * LT_COLUMN_BLOCK;
        const int64_t cols = r->inner - c0 < LT_COLUMN_BLOCK ? r->inner - c0 : LT_COLUMN_BLOCK;
        const int64_t base = lt_offset(r->kept, r->kept_size, r->kept_stride, o) + c0;
        double sums[LT_COLUMN_BLOCK] = {0};
        for (int64_t s = 0; s < r->combos; s++) {
            const int64_t at = base + lt_offset(r->summed, r->summed_size, r->summed_stride, s);
            k->column_sums(r->rows, cols, r->inner, x + at, y ? y + at : NULL, sums);
        }
        for (int64_t c = 0; c < cols; c++)
            out[o * r->inner + c0 + c] = (float)((double)scale * sums[c]);
    }
}

/* Sums where the last axis is summed and there are many results: threads share the results. */
static void reduce_rows(lt_ctx *ctx, const struct reduction *r, const float *x, const float *y,
                        float scale, float *out)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t work = r->outputs * r->combos * r->inner;
#pragma omp parallel for num_threads(lt_team(ctx, work)) schedule(static)
    for (int64_t o = 0; o < r->outputs; o++) {
        const int64_t base = lt_offset(r->kept, r->kept_size, r->kept_stride, o);
        double sum = 0.0;
        for (int64_t s = 0; s < r->combos; s++) {
            const int64_t at = base + lt_offset(r->summed, r->summed_size, r->summed_stride, s);
            sum += y ? k->dot(r->inner, x + at, y + at) : k->sum(r->inner, x + at);
        }
        out[o] = (float)((double)scale * sum);
    }
}

/* Sums where the last axis is summed and there are few results: threads share chunks of the
 * array, whose partial sums are added in order. */
static lt_status reduce_chunks(lt_ctx *ctx, const struct reduction *r, const float *x,
                               const float *y, float scale, float *out)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int64_t pieces = lt_chunks(r->inner), each = r->combos * pieces;
    const int64_t items = r->outputs * each;
    double *partial = lt_scratch(ctx, (size_t)items * sizeof *partial);
    if (!partial)
        return ctx->status;
#pragma omp parallel for num_threads(lt_team(ctx, r->outputs * r->combos * r->inner)) \
    schedule(static)
    for (int64_t item = 0; item < items; item++) {
        const int64_t piece = item % pieces, n = lt_chunk_size(r->inner, piece);
        const int64_t at =
            lt_offset(r->kept, r->kept_size, r->kept_stride, item / each) +
            lt_offset(r->summed, r->summed_size, r->summed_stride, item / pieces % r->combos) +
            piece * LT_CHUNK;
        partial[item] = y ? k->dot(n, x + at, y + at) : k->sum(n, x + at);
    }
    for (int64_t o = 0; o < r->outputs; o++) {
        double sum = 0.0;
        for (int64_t i = 0; i < each; i++)
            sum += partial[o * each + i];
        out[o] = (float)((double)scale * sum);
    }
    lt_scratch_free(ctx, partial);
    return LT_OK;
}

/* So many results keep any number of threads busy; fewer are computed by chunks. */
enum { MANY_OUTPUTS = 256 };

lt_tensor *lt_reduce_to(lt_ctx *ctx, const lt_tensor *x, const lt_tensor *y, float scale, int ndim,
                        const int64_t *shape)
{
    lt_tensor *out = lt_new(ctx, ndim, shape);
    if (!out)
        return NULL;
    const float *px = lt_floats(x), *py = y ? lt_floats(y) : NULL;
    float *po = lt_floats(out);
    if (lt_numel(x) == 0) {
        const int64_t n = lt_numel(out);
        for (int64_t i = 0; i < n; i++)
            po[i] = scale * 0.0f;
        return out;
    }
    const struct reduction r = reduction_make(x, ndim, shape);
    if (r.inner_kept)
        reduce_columns(ctx, &r, px, py, scale, po);
    else if (r.outputs >= MANY_OUTPUTS)
        reduce_rows(ctx, &r, px, py, scale, po);
    else if (reduce_chunks(ctx, &r, px, py, scale, po) != LT_OK)
        return NULL;
    return out;
}

lt_status lt_chunked_sum(lt_ctx *ctx, double (*kernel)(int64_t, const float *, const float *),
                         int64_t n, const float *x, const float *y, double *out)
{
    const int64_t chunks = lt_chunks(n);
    double *partial = lt_scratch(ctx, (size_t)chunks * sizeof *partial);
    if (!partial)
        return ctx->status;
#pragma omp parallel for num_threads(lt_team(ctx, n)) schedule(static)
    for (int64_t c = 0; c < chunks; c++)
        partial[c] = kernel(lt_chunk_size(n, c), x + c * LT_CHUNK, y + c * LT_CHUNK);
    *out = 0.0;
    for (int64_t c = 0; c < chunks; c++)
        *out += partial[c];
    lt_scratch_free(ctx, partial);
    return LT_OK;
}
