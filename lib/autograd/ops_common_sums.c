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

/* Sums of x, or of x y unless y is NULL, times scale. */
struct sums {
    const struct lt_dense_kernels *k;
    struct reduction r;
    const float *x, *y;
    float scale, *out;
    double *partial; /* of reduce_chunks() */
};

/* The number of elements that are summed. */
static int64_t work_of(const struct reduction *r)
{
    return r->outputs * r->combos * r->rows * r->inner;
}

static int64_t column_blocks(const struct reduction *r)
{
    return lt_ceil_quotient(r->inner, LT_COLUMN_BLOCK);
}

static void sum_columns(void *arg, lt_range range)
{
    const struct sums *j = arg;
    const struct reduction *r = &j->r;
    const int64_t blocks = column_blocks(r);
    for (int64_t item = range.begin; item < range.end; item++) {
        const int64_t o = item / blocks, c0 = item % blocks * LT_COLUMN_BLOCK;
        const int64_t cols = r->inner - c0 < LT_COLUMN_BLOCK ? r->inner - c0 : LT_COLUMN_BLOCK;
        const int64_t base = lt_offset(r->kept, r->kept_size, r->kept_stride, o) + c0;
        double sums[LT_COLUMN_BLOCK] = {0};
        for (int64_t s = 0; s < r->combos; s++) {
            const int64_t at = base + lt_offset(r->summed, r->summed_size, r->summed_stride, s);
            j->k->column_sums(r->rows, cols, r->inner, j->x + at, j->y ? j->y + at : NULL, sums);
        }
        for (int64_t c = 0; c < cols; c++)
            j->out[o * r->inner + c0 + c] = (float)((double)j->scale * sums[c]);
    }
}

/* Sums where the last axis is kept: sums of columns. */
static void reduce_columns(lt_ctx *ctx, struct sums *j)
{
    lt_for(ctx, lt_threads(ctx, work_of(&j->r)), j->r.outputs * column_blocks(&j->r), sum_columns,
           j);
}

/* The sum of n elements from `at` on. */
static double sum_of(const struct sums *j, int64_t n, int64_t at)
{
    return j->y ? j->k->dot(n, j->x + at, j->y + at) : j->k->sum(n, j->x + at);
}

static void sum_rows(void *arg, lt_range range)
{
    const struct sums *j = arg;
    const struct reduction *r = &j->r;
    for (int64_t o = range.begin; o < range.end; o++) {
        const int64_t base = lt_offset(r->kept, r->kept_size, r->kept_stride, o);
        double sum = 0.0;
        for (int64_t s = 0; s < r->combos; s++)
            sum += sum_of(j, r->inner,
                          base + lt_offset(r->summed, r->summed_size, r->summed_stride, s));
        j->out[o] = (float)((double)j->scale * sum);
    }
}

/* Sums where the last axis is summed and there are many results: threads share the results. */
static void reduce_rows(lt_ctx *ctx, struct sums *j)
{
    lt_for(ctx, lt_threads(ctx, work_of(&j->r)), j->r.outputs, sum_rows, j);
}

static void sum_chunks(void *arg, lt_range range)
{
    const struct sums *j = arg;
    const struct reduction *r = &j->r;
    const int64_t pieces = lt_chunks(r->inner), each = r->combos * pieces;
    for (int64_t item = range.begin; item < range.end; item++) {
        const int64_t piece = item % pieces;
        const int64_t at =
            lt_offset(r->kept, r->kept_size, r->kept_stride, item / each) +
            lt_offset(r->summed, r->summed_size, r->summed_stride, item / pieces % r->combos) +
            piece * LT_CHUNK;
        j->partial[item] = sum_of(j, lt_chunk_size(r->inner, piece), at);
    }
}

/* Sums where the last axis is summed and there are few results: threads share chunks of the
 * array, whose partial sums are added in order. */
static lt_status reduce_chunks(lt_ctx *ctx, struct sums *j)
{
    const struct reduction *r = &j->r;
    const int64_t each = r->combos * lt_chunks(r->inner), items = r->outputs * each;
    j->partial = lt_scratch(ctx, (size_t)items * sizeof *j->partial);
    if (!j->partial)
        return ctx->status;
    lt_for(ctx, lt_threads(ctx, work_of(r)), items, sum_chunks, j);
    for (int64_t o = 0; o < r->outputs; o++) {
        double sum = 0.0;
        for (int64_t i = 0; i < each; i++)
            sum += j->partial[o * each + i];
        j->out[o] = (float)((double)j->scale * sum);
    }
    lt_scratch_free(ctx, j->partial);
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
    if (lt_numel(x) == 0) {
        const int64_t n = lt_numel(out);
        for (int64_t i = 0; i < n; i++)
            lt_floats(out)[i] = scale * 0.0f;
        return out;
    }
    struct sums j = {.k = lt_dense_table(ctx),
                     .r = reduction_make(x, ndim, shape),
                     .x = lt_floats(x),
                     .y = y ? lt_floats(y) : NULL,
                     .scale = scale,
                     .out = lt_floats(out)};
    if (j.r.inner_kept)
        reduce_columns(ctx, &j);
    else if (j.r.outputs >= MANY_OUTPUTS)
        reduce_rows(ctx, &j);
    else if (reduce_chunks(ctx, &j) != LT_OK)
        return NULL;
    return out;
}

/* A sum over all of two arrays, as a kernel defines it for a chunk. */
struct whole_sum {
    double (*kernel)(int64_t, const float *, const float *);
    int64_t n;
    const float *x, *y;
    double *partial; /* one a chunk */
};

static void whole_sum_chunks(void *arg, lt_range range)
{
    const struct whole_sum *j = arg;
    for (int64_t c = range.begin; c < range.end; c++)
        j->partial[c] = j->kernel(lt_chunk_size(j->n, c), j->x + c * LT_CHUNK, j->y + c * LT_CHUNK);
}

lt_status lt_chunked_sum(lt_ctx *ctx, double (*kernel)(int64_t, const float *, const float *),
                         int64_t n, const float *x, const float *y, double *out)
{
    const int64_t chunks = lt_chunks(n);
    struct whole_sum j = {.kernel = kernel, .n = n, .x = x, .y = y};
    j.partial = lt_scratch(ctx, (size_t)chunks * sizeof *j.partial);
    if (!j.partial)
        return ctx->status;
    lt_for(ctx, lt_threads(ctx, n), chunks, whole_sum_chunks, &j);
    *out = 0.0;
    for (int64_t c = 0; c < chunks; c++)
        *out += j.partial[c];
    lt_scratch_free(ctx, j.partial);
    return LT_OK;
}
