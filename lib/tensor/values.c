/* Copying and converting the values of tensors. */
#include <math.h>
#include <string.h>

#include "tensor/half.h"
#include "tensor/half_kernels.h"
#include "tensor/team.h"
#include "tensor/tensor_impl.h"

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
