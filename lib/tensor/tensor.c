/* Making, viewing, copying and converting tensors. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/half.h"
#include "tensor/tensor_impl.h"
#include "tensor/half_kernels.h"
#include "tensor/team.h"

size_t lt_dtype_size(lt_dtype dtype)
{
    switch (dtype) {
    case LT_F32:
    case LT_I32: return 4;
    case LT_F16:
    case LT_BF16: return 2;
    case LT_U8: return 1;
    case LT_I64:
    case LT_F64: return 8;
    }
    return 0;
}

const char *lt_dtype_name(lt_dtype dtype)
{
    switch (dtype) {
    case LT_F32: return "F32";
    case LT_F16: return "F16";
    case LT_BF16: return "BF16";
    case LT_I32: return "I32";
    case LT_U8: return "U8";
    case LT_I64: return "I64";
    case LT_F64: return "F64";
    }
    return "?";
}

/* ---- making tensors ---- */

/* Hands a reference to the innermost scope. */
static bool push_scope(lt_ctx *ctx, lt_tensor *t)
{
    if (ctx->scope_len == ctx->scope_cap) {
        const size_t cap = ctx->scope_cap ? 2 * ctx->scope_cap : 256;
        lt_tensor **grown = realloc(ctx->scope, cap * sizeof *grown);
        if (!grown)
            return false;
        ctx->scope = grown;
        ctx->scope_cap = cap;
    }
    ctx->scope[ctx->scope_len++] = t;
    return true;
}

/* Checks a shape and returns the number of its elements, or -1 with a failure recorded. */
static int64_t checked_numel(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape)
{
    if (ndim < 0 || ndim > LT_MAX_DIMS) {
        lt_fail(ctx, LT_ERR_SHAPE, "tensor: %d axes, at most %d are supported", ndim, LT_MAX_DIMS);
        return -1;
    }
    const size_t size = lt_dtype_size(dtype);
    if (size == 0) {
        lt_fail(ctx, LT_ERR_DTYPE, "tensor: unknown element type %d", (int)dtype);
        return -1;
    }
    int64_t n = 1;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0 || __builtin_mul_overflow(n, shape[i], &n) ||
            n > INT64_MAX / 8 / (int64_t)size) {
            lt_fail(ctx, LT_ERR_SHAPE, "tensor: size %lld of axis %d is impossible",
                    (long long)shape[i], i);
            return -1;
        }
    }
    return n;
}

/* A tensor without storage, contiguous strides, owned by the innermost scope. */
static lt_tensor *make_header(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape)
{
    lt_tensor *t = calloc(1, sizeof *t);
    if (!t || !push_scope(ctx, t)) {
        free(t);
        return LT_NULL(ctx, LT_ERR_MEMORY, "out of memory for a tensor header");
    }
    t->refs = 1;
    t->home = ctx->pool;
    t->dtype = dtype;
    t->ndim = ndim;
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        t->shape[i] = shape[i];
        t->stride[i] = stride;
        stride *= shape[i];
    }
    return t;
}

lt_tensor *lt_empty(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape)
{
    const int64_t n = checked_numel(ctx, dtype, ndim, shape);
    if (n < 0)
        return NULL;
    lt_tensor *t = make_header(ctx, dtype, ndim, shape);
    if (!t)
        return NULL;
    const size_t bytes = (size_t)n * lt_dtype_size(dtype);
    lt_storage *s = calloc(1, sizeof *s);
    void *data = s ? lt_pool_alloc(ctx->pool, bytes) : NULL;
    if (!data) {
        free(s);
        return LT_NULL(ctx, LT_ERR_MEMORY, "out of memory for a tensor of %zu bytes", bytes);
    }
    *s = (lt_storage){.refs = 1, .data = data, .bytes = bytes, .pool = ctx->pool};
    t->storage = s;
    t->data = data;
    return t;
}

lt_tensor *lt_new(lt_ctx *ctx, int ndim, const int64_t *shape)
{
    return lt_empty(ctx, LT_F32, ndim, shape);
}

lt_tensor *lt_new_like(lt_ctx *ctx, const lt_tensor *t)
{
    return t ? lt_empty(ctx, LT_F32, t->ndim, t->shape) : NULL;
}

struct constant {
    float *x, value;
};

static void set_elements(void *arg, lt_range range)
{
    const struct constant *c = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        c->x[i] = c->value;
}

lt_tensor *lt_full(lt_ctx *ctx, int ndim, const int64_t *shape, float value)
{
    lt_tensor *t = lt_new(ctx, ndim, shape);
    if (!t)
        return NULL;
    const int64_t n = lt_numel(t);
    struct constant c = {(float *)t->data, value};
    lt_for(ctx, n > 1 << 18 ? ctx->threads : 1, n, set_elements, &c);
    return t;
}

lt_tensor *lt_zeros(lt_ctx *ctx, int ndim, const int64_t *shape)
{
    return lt_full(ctx, ndim, shape, 0.0f);
}

lt_tensor *lt_scalar(lt_ctx *ctx, float value) { return lt_full(ctx, 0, NULL, value); }

lt_tensor *lt_from_copy(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                        const void *data)
{
    lt_tensor *t = lt_empty(ctx, dtype, ndim, shape);
    if (t)
        memcpy(t->data, data, (size_t)lt_numel(t) * lt_dtype_size(dtype));
    return t;
}

lt_tensor *lt_from_borrow(lt_ctx *ctx, lt_dtype dtype, int ndim, const int64_t *shape,
                          const void *data, void (*release)(void *owner), void *owner)
{
    const int64_t n = checked_numel(ctx, dtype, ndim, shape);
    if (n < 0)
        return NULL;
    if (n > 0 && (!data || (uintptr_t)data % lt_dtype_size(dtype) != 0))
        return LT_NULL(ctx, LT_ERR_ARGUMENT,
                       "lt_from_borrow: the data is %s, expected an address that %s can stand at",
                       data ? "misaligned" : "NULL", lt_dtype_name(dtype));
    lt_storage *s = calloc(1, sizeof *s);
    if (!s)
        return LT_NULL(ctx, LT_ERR_MEMORY, "out of memory for a tensor header");
    lt_tensor *t = make_header(ctx, dtype, ndim, shape);
    if (!t) {
        free(s);
        return NULL;
    }
    /* The library never writes borrowed data; the pointer is not const because other storages share
     * it. */
    memcpy(&s->data, &data, sizeof data);
    s->refs = 1;
    s->bytes = (size_t)n * lt_dtype_size(dtype);
    s->release = release;
    s->owner = owner;
    t->storage = s;
    t->data = s->data;
    return t;
}

/* ---- shape ---- */

/* NULL, the result of an operation that failed, reads as a tensor without elements: a chain of
 * operations needs one look at the context's status, at its end. */
static const int64_t nothing[LT_MAX_DIMS];

lt_dtype lt_type(const lt_tensor *t) { return t ? t->dtype : LT_F32; }
int lt_ndim(const lt_tensor *t) { return t ? t->ndim : 0; }
const int64_t *lt_shape(const lt_tensor *t) { return t ? t->shape : nothing; }
const int64_t *lt_strides(const lt_tensor *t) { return t ? t->stride : nothing; }

int64_t lt_dim(const lt_tensor *t, int axis)
{
    if (!t)
        return 0;
    if (axis < 0)
        axis += t->ndim;
    return axis >= 0 && axis < t->ndim ? t->shape[axis] : 1;
}

int64_t lt_numel(const lt_tensor *t)
{
    int64_t n = t != NULL;
    for (int i = 0; t && i < t->ndim; i++)
        n *= t->shape[i];
    return n;
}

bool lt_is_contiguous(const lt_tensor *t)
{
    int64_t stride = 1;
    if (!t)
        return false;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != stride)
            return false;
        stride *= t->shape[i];
    }
    return true;
}

bool lt_same_shape(const lt_tensor *a, const lt_tensor *b)
{
    if (!a || !b || a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->shape[i] != b->shape[i])
            return false;
    return true;
}

const char *lt_shape_string(const lt_tensor *t, char *buf, size_t cap)
{
    if (cap == 0)
        return "";
    size_t at = 0;
    buf[0] = '\0';
    if (!t) {
        snprintf(buf, cap, "NULL");
        return buf;
    }
    for (int i = 0; i < t->ndim && at < cap; i++)
        at +=
            (size_t)snprintf(buf + at, cap - at, "%s%lld", i ? ", " : "(", (long long)t->shape[i]);
    if (at < cap)
        snprintf(buf + at, cap - at, "%s", t->ndim == 0 ? "()" : t->ndim == 1 ? ",)" : ")");
    return buf;
}

float *lt_f32(const lt_tensor *t)
{
    return t && t->dtype == LT_F32 && lt_is_contiguous(t) ? (float *)(void *)t->data : NULL;
}

int32_t *lt_i32(const lt_tensor *t)
{
    return t && t->dtype == LT_I32 && lt_is_contiguous(t) ? (int32_t *)(void *)t->data : NULL;
}

void *lt_data(const lt_tensor *t) { return t ? t->data : NULL; }

float lt_item(const lt_tensor *t)
{
    return t && t->dtype == LT_F32 && lt_numel(t) == 1 ? *(const float *)(const void *)t->data
                                                       : NAN;
}

/* ---- values ---- */

/* Elements from the first one to the i-th in row-major order. */
static int64_t strided_offset(const lt_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        offset += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return offset;
}

/* Copies the values of t to dst, contiguous, in their own type. */
static void gather(const lt_tensor *t, char *dst)
{
    const size_t size = lt_dtype_size(t->dtype);
    const int64_t n = lt_numel(t);
    if (n == 0)
        return;
    if (lt_is_contiguous(t)) {
        memcpy(dst, t->data, (size_t)n * size);
        return;
    }
    const int64_t run = t->shape[t->ndim - 1], step = t->stride[t->ndim - 1];
    for (int64_t i = 0; i < n; i += run) {
        const char *src = t->data + strided_offset(t, i) * (int64_t)size;
        if (step == 1) {
            memcpy(dst + (size_t)i * size, src, (size_t)run * size);
        } else if (size == 4) {
            for (int64_t j = 0; j < run; j++)
                memcpy(dst + (size_t)(i + j) * 4, src + j * step * 4, 4);
        } else {
            for (int64_t j = 0; j < run; j++)
                memcpy(dst + (size_t)(i + j) * size, src + (size_t)(j * step) * size, size);
        }
    }
}

/* Copies contiguous values of its own type from src into t. */
static void scatter(lt_tensor *t, const char *src)
{
    const size_t size = lt_dtype_size(t->dtype);
    const int64_t n = lt_numel(t);
    for (int64_t i = 0; i < n; i++)
        memcpy(t->data + (size_t)strided_offset(t, i) * size, src + (size_t)i * size, size);
}

static double number_at(lt_dtype dtype, const char *p, int64_t i)
{
    switch (dtype) {
    case LT_I32: return (double)((const int32_t *)(const void *)p)[i];
    case LT_I64: return (double)((const int64_t *)(const void *)p)[i];
    case LT_F64: return ((const double *)(const void *)p)[i];
    case LT_U8: return (double)((const unsigned char *)p)[i];
    default: return 0.0;
    }
}

bool lt_is_half(const lt_tensor *t) { return t->dtype == LT_F16 || t->dtype == LT_BF16; }

/* Values of 16 bits that become float32, in chunks. */
struct widening {
    void (*widen)(const uint16_t *, float *, size_t);
    const uint16_t *src;
    float *dst;
    int64_t n;
};

enum { WIDEN_CHUNK = 1 << 16 };

static void widen_chunks(void *arg, lt_range range)
{
    const struct widening *w = arg;
    const int64_t from = range.begin * WIDEN_CHUNK, to = lt_lesser(range.end * WIDEN_CHUNK, w->n);
    w->widen(w->src + from, w->dst + from, (size_t)(to - from));
}

void lt_widen(lt_ctx *ctx, lt_dtype from, const void *src, float *dst, int64_t n)
{
    const struct lt_half_kernels *k = LT_ISA_SELECT(ctx, lt_half_kernels);
    struct widening w = {from == LT_F16 ? k->f16 : k->bf16, src, dst, n};
    lt_for(ctx, ctx->threads, lt_ceil_quotient(n, WIDEN_CHUNK), widen_chunks, &w);
}

/* Converts n values to float32. */
static void to_f32(lt_dtype dtype, const char *src, float *dst, int64_t n)
{
    switch (dtype) {
    case LT_F32: memcpy(dst, src, (size_t)n * 4); break;
    case LT_F16: lt_f16_to_f32((const uint16_t *)(const void *)src, dst, (size_t)n); break;
    case LT_BF16: lt_bf16_to_f32((const uint16_t *)(const void *)src, dst, (size_t)n); break;
    default:
        for (int64_t i = 0; i < n; i++)
            dst[i] = (float)number_at(dtype, src, i);
    }
}

static bool is_integer(lt_dtype dtype)
{
    return dtype == LT_I32 || dtype == LT_I64 || dtype == LT_U8;
}

static int64_t integer_at(lt_dtype dtype, const char *p, int64_t i)
{
    switch (dtype) {
    case LT_I32: return ((const int32_t *)(const void *)p)[i];
    case LT_I64: return ((const int64_t *)(const void *)p)[i];
    default: return ((const unsigned char *)p)[i];
    }
}

/* Stores an integer as an integer type, which saturates. */
static void put_integer(lt_dtype dtype, char *p, int64_t i, int64_t v)
{
    if (dtype == LT_I64)
        ((int64_t *)(void *)p)[i] = v;
    else if (dtype == LT_I32)
        ((int32_t *)(void *)p)[i] = v > INT32_MAX   ? INT32_MAX
                                    : v < INT32_MIN ? INT32_MIN
                                                    : (int32_t)v;
    else
        ((unsigned char *)p)[i] = v > 255 ? 255 : v < 0 ? 0 : (unsigned char)v;
}

/* Stores a number as float64, or rounded as an integer type, which saturates; NaN gives 0. */
static void put_number(lt_dtype dtype, char *p, int64_t i, double v)
{
    if (dtype == LT_F64)
        ((double *)(void *)p)[i] = v;
    else if (isnan(v))
        put_integer(dtype, p, i, 0);
    else
        put_integer(dtype, p, i,
                    v >= 0x1p63    ? INT64_MAX
                    : v <= -0x1p63 ? INT64_MIN
                                   : (int64_t)nearbyint(v));
}

/* Converts n float32 values to another type. */
static void from_f32(lt_dtype dtype, const float *src, char *dst, int64_t n)
{
    switch (dtype) {
    case LT_F32: memcpy(dst, src, (size_t)n * 4); return;
    case LT_F16: lt_f32_to_f16(src, (uint16_t *)(void *)dst, (size_t)n); return;
    case LT_BF16: lt_f32_to_bf16(src, (uint16_t *)(void *)dst, (size_t)n); return;
    default:
        for (int64_t i = 0; i < n; i++)
            put_number(dtype, dst, i, (double)src[i]);
    }
}

/* n values from one type to another, neither of which is float32. Integers and float64 do not pass
 * through float32, which would round them. */
static void convert(lt_dtype from, const char *src, lt_dtype to, char *dst, int64_t n)
{
    const bool exact = is_integer(from) && is_integer(to);
    const bool wide = (is_integer(from) || from == LT_F64) && (is_integer(to) || to == LT_F64);
    for (int64_t i = 0; i < n; i++) {
        float v;
        if (exact) {
            put_integer(to, dst, i, integer_at(from, src, i));
        } else if (wide) {
            put_number(to, dst, i, number_at(from, src, i));
        } else {
            to_f32(from, src + (size_t)i * lt_dtype_size(from), &v, 1);
            from_f32(to, &v, dst + (size_t)i * lt_dtype_size(to), 1);
        }
    }
}

lt_tensor *lt_cast(lt_ctx *ctx, const lt_tensor *t, lt_dtype dtype)
{
    if (!t)
        return ctx->status ? NULL : LT_NULL(ctx, LT_ERR_ARGUMENT, "lt_cast: tensor is NULL");
    lt_tensor *out = lt_empty(ctx, dtype, t->ndim, t->shape);
    if (!out)
        return NULL;
    if (dtype == t->dtype) {
        gather(t, out->data);
        return out;
    }
    const int64_t n = lt_numel(t);
    char *dense = t->data, *copy = NULL;
    if (!lt_is_contiguous(t)) {
        dense = copy = lt_scratch(ctx, (size_t)n * lt_dtype_size(t->dtype));
        if (!copy)
            return NULL;
        gather(t, copy);
    }
    if (dtype == LT_F32 && lt_is_half(t)) {
        lt_widen(ctx, t->dtype, dense, (float *)(void *)out->data, n);
    } else if (dtype == LT_F32) {
        to_f32(t->dtype, dense, (float *)(void *)out->data, n);
    } else if (t->dtype == LT_F32) {
        from_f32(dtype, (const float *)(const void *)dense, out->data, n);
    } else {
        convert(t->dtype, dense, dtype, out->data, n);
    }
    lt_scratch_free(ctx, copy);
    return out;
}

lt_tensor *lt_clone(lt_ctx *ctx, const lt_tensor *t)
{
    return t ? lt_cast(ctx, t, t->dtype) : lt_cast(ctx, NULL, LT_F32);
}

lt_status lt_copy_into(lt_ctx *ctx, lt_tensor *dst, const lt_tensor *src)
{
    if (!dst || !src)
        return ctx->status ? ctx->status
                           : lt_fail(ctx, LT_ERR_ARGUMENT, "lt_copy_into: tensor is NULL");
    if (!lt_same_shape(dst, src)) {
        char a[80], b[80];
        return lt_fail(ctx, LT_ERR_SHAPE, "lt_copy_into: src is %s, expected %s",
                       lt_shape_string(src, a, sizeof a), lt_shape_string(dst, b, sizeof b));
    }
    if (dst->dtype == src->dtype && lt_is_contiguous(dst)) {
        gather(src, dst->data);
        return LT_OK;
    }
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *cast = lt_cast(ctx, src, dst->dtype);
    if (cast && lt_is_contiguous(dst))
        memcpy(dst->data, cast->data, (size_t)lt_numel(dst) * lt_dtype_size(dst->dtype));
    else if (cast)
        scatter(dst, cast->data);
    const lt_status status = cast ? LT_OK : ctx->status;
    lt_scope_close(ctx, scope, NULL);
    return status;
}

lt_tensor *lt_view(lt_ctx *ctx, const lt_tensor *t, int ndim, const int64_t *shape,
                   const int64_t *strides, int64_t offset)
{
    if (!t)
        return ctx->status ? NULL : LT_NULL(ctx, LT_ERR_ARGUMENT, "lt_view: tensor is NULL");
    if (checked_numel(ctx, t->dtype, ndim, shape) < 0)
        return NULL;
    /* The furthest elements must lie inside the storage. */
    const int64_t size = (int64_t)lt_dtype_size(t->dtype);
    int64_t low, high, reach;
    bool empty = false,
         far = __builtin_add_overflow((t->data - (char *)t->storage->data) / size, offset, &low);
    high = low;
    for (int i = 0; i < ndim; i++) {
        empty = empty || shape[i] == 0;
        far = far || __builtin_mul_overflow(shape[i] - 1, strides[i], &reach) ||
              __builtin_add_overflow(reach > 0 ? high : low, reach, reach > 0 ? &high : &low);
    }
    if (!empty && (far || low < 0 || high >= (int64_t)(t->storage->bytes / (size_t)size)))
        return LT_NULL(ctx, LT_ERR_SHAPE, "lt_view: reaches outside the tensor's storage");
    lt_tensor *v = make_header(ctx, t->dtype, ndim, shape);
    if (!v)
        return NULL;
    for (int i = 0; i < ndim; i++)
        v->stride[i] = strides[i];
    v->storage = t->storage;
    v->storage->refs++;
    v->data = t->data + offset * size;
    return v;
}

lt_tensor *lt_detach(lt_ctx *ctx, const lt_tensor *t)
{
    if (!t)
        return ctx->status ? NULL : LT_NULL(ctx, LT_ERR_ARGUMENT, "lt_detach: tensor is NULL");
    return lt_view(ctx, t, t->ndim, t->shape, t->stride, 0);
}

lt_tensor *lt_dense(lt_ctx *ctx, const lt_tensor *t, const char *op, const char *name)
{
    if (!t)
        return ctx->status ? NULL
                           : LT_NULL(ctx, LT_ERR_ARGUMENT, "%s: argument %s is NULL", op, name);
    if (t->dtype != LT_F32)
        return LT_NULL(ctx, LT_ERR_DTYPE, "%s: argument %s is %s, expected F32", op, name,
                       lt_dtype_name(t->dtype));
    if (lt_is_contiguous(t))
        return (lt_tensor *)(uintptr_t)t;
    return lt_clone(ctx, t);
}

lt_status lt_check_finite(lt_ctx *ctx, const lt_tensor *t, const char *what)
{
    const float *x = t ? lt_f32(t) : NULL;
    if (!x)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "%s: needs a contiguous float32 tensor", what);
    const int64_t n = lt_numel(t);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return lt_fail(ctx, LT_ERR_NUMERIC, "%s: element %lld is %s", what, (long long)i,
                           isnan(x[i]) ? "NaN" : "infinite");
    return LT_OK;
}
