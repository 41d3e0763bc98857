/* Making and viewing tensors, and what they tell of themselves. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/tensor_impl.h"
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

/* ---- views and checks ---- */

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

/* The index of the first value that is NaN or infinite, -1 if there is none. */
static int64_t first_not_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return i;
    return -1;
}

/* In a 16-bit number that is NaN or infinite, all bits of the exponent are set; in NaN, others
 * below them, too. */
static uint16_t exponent_bits(const lt_tensor *t) { return t->dtype == LT_F16 ? 0x7c00 : 0x7f80; }

static int64_t first_not_finite_half(const lt_tensor *t)
{
    const uint16_t *x = lt_data(t), exponent = exponent_bits(t);
    const int64_t n = lt_numel(t);
    for (int64_t i = 0; i < n; i++)
        if ((x[i] & exponent) == exponent)
            return i;
    return -1;
}

static bool is_nan_at(const lt_tensor *t, int64_t i)
{
    if (t->dtype == LT_F32)
        return isnan(lt_f32(t)[i]);
    return (((const uint16_t *)lt_data(t))[i] & 0x7fff) != exponent_bits(t);
}

lt_status lt_check_finite(lt_ctx *ctx, const lt_tensor *t, const char *what)
{
    const bool half = t && (t->dtype == LT_F16 || t->dtype == LT_BF16);
    if (!t || !lt_is_contiguous(t) || !(half || t->dtype == LT_F32))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "%s: needs a contiguous tensor of float32, float16 or bfloat16", what);
    const int64_t i = half ? first_not_finite_half(t) : first_not_finite(lt_f32(t), lt_numel(t));
    if (i < 0)
        return LT_OK;
    return lt_fail(ctx, LT_ERR_NUMERIC, "%s: element %lld is %s", what, (long long)i,
                   is_nan_at(t, i) ? "NaN" : "infinite");
}
