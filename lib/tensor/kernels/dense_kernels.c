#include "tensor/kernels/dense_kernels.h"

#include <math.h>
#include <stddef.h>

#include "tensor/kernels/vecmath.h"

enum { LANES = 16 };

/* Sixteen floats at any address: one register with AVX-512, several else. Used
 * where a loop carries a value, which compilers may not reorder by themselves. */
typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(64), aligned(4), may_alias));

#define LOAD(p) (*(const vec *)(const void *)(p))

static inline double lanes_sum(const vec *v)
{
    double s = 0.0;
    for (int i = 0; i < LANES; i++)
        s += (double)(*v)[i];
    return s;
}

/* ---- elementwise ---- */

#define BINARY(name, op)                                                                      \
    static void name(int64_t n, const float *restrict a, int64_t sa, const float *restrict b, \
                     int64_t sb, float *restrict y)                                           \
    {                                                                                         \
        if (sa == 1 && sb == 1) {                                                             \
            for (int64_t i = 0; i < n; i++)                                                   \
                y[i] = a[i] op b[i];                                                          \
        } else if (sa == 1 && sb == 0) {                                                      \
            const float v = *b;                                                               \
            for (int64_t i = 0; i < n; i++)                                                   \
                y[i] = a[i] op v;                                                             \
        } else if (sa == 0 && sb == 1) {                                                      \
            const float v = *a;                                                               \
            for (int64_t i = 0; i < n; i++)                                                   \
                y[i] = v op b[i];                                                             \
        } else {                                                                              \
            for (int64_t i = 0; i < n; i++)                                                   \
                y[i] = a[i * sa] op b[i * sb];                                                \
        }                                                                                     \
    }

BINARY(binary_add, +)
BINARY(binary_sub, -)
BINARY(binary_mul, *)
BINARY(binary_div, /)

#define UNARY(name, expression)                                                                 \
    static void name(int64_t n, const float *restrict xs, float *restrict ys, float p, float q) \
    {                                                                                           \
        (void)p;                                                                                \
        (void)q;                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                       \
            const float x = xs[i];                                                              \
            ys[i] = (expression);                                                               \
        }                                                                                       \
    }

UNARY(unary_affine, p *x + q)
UNARY(unary_exp, lt_vexp(x))
UNARY(unary_log, lt_vlog(x))
UNARY(unary_sqrt, sqrtf(x))
UNARY(unary_rsqrt, 1.0f / sqrtf(x))
UNARY(unary_square, x *x)
UNARY(unary_abs, fabsf(x))
UNARY(unary_tanh, lt_vtanh(x))
UNARY(unary_sigmoid, lt_vsigmoid(x))
UNARY(unary_clamp, x<p ? p : x> q ? q : x)
UNARY(unary_relu, x < 0.0f ? 0.0f : x)
UNARY(unary_leaky_relu, q *(x > 0.0f ? x : p * x))
UNARY(unary_gelu, x *lt_vphi(x))
UNARY(unary_quick_gelu, x *lt_vsigmoid(1.702f * x))

/* s: what was saved of the forward pass, its argument or its result. */
#define UNARY_GRAD(name, expression)                                                           \
    static void name(int64_t n, const float *gy, const float *ss, float *gx, float p, float q) \
    {                                                                                          \
        (void)p;                                                                               \
        (void)q;                                                                               \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                    \
        {                                                                                      \
            const float g = gy[i], s = ss[i];                                                  \
            gx[i] = (expression);                                                              \
        }                                                                                      \
    }

UNARY_GRAD(grad_exp, g *s)
UNARY_GRAD(grad_log, g / s)
UNARY_GRAD(grad_sqrt, 0.5f * g / s)
UNARY_GRAD(grad_rsqrt, -0.5f * g * s * s * s)
UNARY_GRAD(grad_square, 2.0f * g * s)
UNARY_GRAD(grad_abs, s > 0.0f ? g : s < 0.0f ? -g : 0.0f)
UNARY_GRAD(grad_tanh, g *(1.0f - s * s))
UNARY_GRAD(grad_sigmoid, g *s *(1.0f - s))
UNARY_GRAD(grad_clamp, s<p ? 0.0f : s> q ? 0.0f : g)
UNARY_GRAD(grad_relu, s > 0.0f ? g : 0.0f)
UNARY_GRAD(grad_leaky_relu, (s > 0.0f ? q : q * p) * g)

static void grad_affine(int64_t n, const float *gy, const float *s, float *gx, float p, float q)
{
    (void)s;
    (void)q;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        gx[i] = p * gy[i];
}

/* d/dx x Phi(x) = Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi) */
UNARY_GRAD(grad_gelu, g *(lt_vphi(s) + s * (0.398942280f * lt_vexp(-0.5f * s * s))))

static void grad_quick_gelu(int64_t n, const float *gy, const float *x, float *gx, float p, float q)
{
    (void)p;
    (void)q;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const float z = 1.702f * x[i];
        const float s = lt_vsigmoid(z);
        gx[i] = gy[i] * (s + z * s * (1.0f - s));
    }
}

static void accumulate(int64_t n, const float *restrict x, float *restrict y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* ---- sums ---- */

/* Lanes accumulate in float32 over at most this many elements. */
enum { SUM_BLOCK = 8192 };

/* Defines name(n, x, y) = sum of `scalar` over elements (u, v) of (x, y);
 * `vector` is the same for vec operands. */
#define SUM(name, vector, scalar)                                                       \
    static double name(int64_t n, const float *x, const float *y)                       \
    {                                                                                   \
        double total = 0.0;                                                             \
        for (int64_t begin = 0; begin < n; begin += SUM_BLOCK) {                        \
            const int64_t end = begin + SUM_BLOCK < n ? begin + SUM_BLOCK : n;          \
            vec acc[4] = {{0}, {0}, {0}, {0}};                                          \
            int64_t i = begin;                                                          \
            for (; i + 4 * LANES <= end; i += 4 * LANES) {                              \
                for (int k = 0; k < 4; k++) {                                           \
                    const vec u = LOAD(x + i + k * LANES), v = LOAD(y + i + k * LANES); \
                    (void)v;                                                            \
                    acc[k] += (vector);                                                 \
                }                                                                       \
            }                                                                           \
            for (; i + LANES <= end; i += LANES) {                                      \
                const vec u = LOAD(x + i), v = LOAD(y + i);                             \
                (void)v;                                                                \
                acc[0] += (vector);                                                     \
            }                                                                           \
            float tail = 0.0f;                                                          \
            for (; i < end; i++) {                                                      \
                const float u = x[i], v = y[i];                                         \
                (void)v;                                                                \
                tail += (scalar);                                                       \
            }                                                                           \
            const vec all = (acc[0] + acc[1]) + (acc[2] + acc[3]);                      \
            total += lanes_sum(&all) + (double)tail;                                    \
        }                                                                               \
        return total;                                                                   \
    }

/* |d|, and v where u <= 0, by masks: C has no conditional on vectors. */
#define VEC_ABS(d)         ((vec)((ivec)(d)&0x7fffffff))
#define VEC_WHERE(mask, v) ((vec)((ivec)(mask) & (ivec)(v)))

SUM(sum_first, u, u)
SUM(dot, u *v, u *v)
SUM(sum_square_diff, (u - v) * (u - v), (u - v) * (u - v))
SUM(sum_abs_diff, VEC_ABS(u - v), fabsf(u - v))
SUM(dot_negative, VEC_WHERE(u <= 0.0f, u *v), u <= 0.0f ? u * v : 0.0f)

static double sum(int64_t n, const float *x) { return sum_first(n, x, x); }

/* Rows that are added up in float32 before they join the double. */
enum { COLUMN_ROWS = 256 };

static void column_sums(int64_t rows, int64_t cols, int64_t ld, const float *x, const float *y,
                        double *sums)
{
    for (int64_t begin = 0; begin < rows; begin += COLUMN_ROWS) {
        const int64_t end = begin + COLUMN_ROWS < rows ? begin + COLUMN_ROWS : rows;
        float acc[LT_COLUMN_BLOCK] = {0};
        int64_t r = begin;
        if (y) {
            for (; r < end; r++) {
                const float *restrict a = x + r * ld, *restrict b = y + r * ld;
                for (int64_t c = 0; c < cols; c++)
                    acc[c] += a[c] * b[c];
            }
        }
        for (; r + 4 <= end; r += 4) {
            const float *restrict a = x + r * ld;
            for (int64_t c = 0; c < cols; c++)
                acc[c] += (a[c] + a[ld + c]) + (a[2 * ld + c] + a[3 * ld + c]);
        }
        for (; r < end; r++) {
            const float *restrict a = x + r * ld;
            for (int64_t c = 0; c < cols; c++)
                acc[c] += a[c];
        }
        for (int64_t c = 0; c < cols; c++)
            sums[c] += (double)acc[c];
    }
}

/* ---- softmax ---- */

static float row_max(int64_t n, const float *x)
{
    float m = -INFINITY;
    int64_t i = 0;
    if (n >= LANES) {
        vec v = LOAD(x);
        for (i = LANES; i + LANES <= n; i += LANES) {
            const vec u = LOAD(x + i);
            const ivec greater = u > v;
            v = (vec)((greater & (ivec)u) | (~greater & (ivec)v));
        }
        for (int k = 0; k < LANES; k++)
            m = v[k] > m ? v[k] : m;
    }
    for (; i < n; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

static void softmax(int64_t n, int64_t valid, const float *x, float *y)
{
    const float m = row_max(valid, x);
    /* The arrays may be one and the same, which a compiler must be told is harmless. */
#pragma omp simd
    for (int64_t i = 0; i < valid; i++)
        y[i] = lt_vexp(x[i] - m);
    const float scale = (float)(1.0 / sum(valid, y));
    for (int64_t i = 0; i < valid; i++)
        y[i] *= scale;
    for (int64_t i = valid; i < n; i++)
        y[i] = 0.0f;
}

static void softmax_grad(int64_t n, const float *y, const float *gy, float scale, float *gx)
{
    const float inner = (float)dot(n, y, gy);
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        gx[i] = scale * y[i] * (gy[i] - inner);
}

static float logsumexp(int64_t n, const float *x)
{
    const float m = row_max(n, x);
    if (!(fabsf(m) < INFINITY)) {
        /* Everything -infinity (or nothing there), or +infinity: the maximum
         * is the answer, unless a NaN hides behind it. */
        for (int64_t i = 0; i < n; i++)
            if (isnan(x[i]))
                return x[i];
        return m;
    }
    float buffer[512];
    double total = 0.0;
    for (int64_t begin = 0; begin < n; begin += 512) {
        const int64_t count = n - begin < 512 ? n - begin : 512;
        for (int64_t i = 0; i < count; i++)
            buffer[i] = lt_vexp(x[begin + i] - m);
        total += sum(count, buffer);
    }
    return (float)((double)m + log(total));
}

static void add_scaled_exp(int64_t n, const float *restrict x, float shift, float g,
                           const float *restrict gy, float *restrict gx)
{
    if (gy) {
        for (int64_t i = 0; i < n; i++)
            gx[i] = g * lt_vexp(x[i] - shift) + gy[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            gx[i] = g * lt_vexp(x[i] - shift);
    }
}

/* ---- normalisation ---- */

static void layer_norm(int64_t n, const float *restrict x, const float *restrict w,
                       const float *restrict b, float eps, float *restrict y, float *stats)
{
    const float mean = (float)(sum(n, x) / (double)n);
    /* y holds the centred row until its variance is known. */
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] - mean;
    const float rstd = (float)(1.0 / sqrt(dot(n, y, y) / (double)n + (double)eps));
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] * rstd * w[i] + b[i];
    stats[0] = mean;
    stats[1] = rstd;
}

/* With h = gy w and xh = (x - mean) rstd:
 * gx = rstd (h - mean(h) - xh mean(h xh))  (Ba et al. 2016). */
static void layer_norm_grad(int64_t n, const float *restrict x, const float *restrict w,
                            const float *stats, const float *restrict gy, float *restrict gx)
{
    const float mean = stats[0], rstd = stats[1];
    vec acc_h = {0}, acc_hx = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec h = LOAD(gy + i) * LOAD(w + i);
        acc_h += h;
        acc_hx += h * (LOAD(x + i) - mean);
    }
    float tail_h = 0.0f, tail_hx = 0.0f;
    for (; i < n; i++) {
        tail_h += gy[i] * w[i];
        tail_hx += gy[i] * w[i] * (x[i] - mean);
    }
    const double r = (double)rstd;
    const float c0 = (float)((lanes_sum(&acc_h) + (double)tail_h) / (double)n);
    const float c1 = (float)((lanes_sum(&acc_hx) + (double)tail_hx) / (double)n * r * r);
    for (i = 0; i < n; i++)
        gx[i] = rstd * (gy[i] * w[i] - c0 - (x[i] - mean) * c1);
}

static void layer_norm_columns(int64_t rows, int64_t cols, int64_t ld, const float *x,
                               const float *stats, const float *gy, double *gw, double *gb)
{
    for (int64_t begin = 0; begin < rows; begin += COLUMN_ROWS) {
        const int64_t end = begin + COLUMN_ROWS < rows ? begin + COLUMN_ROWS : rows;
        float acc_w[LT_COLUMN_BLOCK] = {0}, acc_b[LT_COLUMN_BLOCK] = {0};
        for (int64_t r = begin; r < end; r++) {
            const float mean = stats[2 * r], rstd = stats[2 * r + 1];
            const float *restrict xr = x + r * ld, *restrict gr = gy + r * ld;
            for (int64_t c = 0; c < cols; c++) {
                acc_w[c] += gr[c] * ((xr[c] - mean) * rstd);
                acc_b[c] += gr[c];
            }
        }
        for (int64_t c = 0; c < cols; c++) {
            gw[c] += (double)acc_w[c];
            gb[c] += (double)acc_b[c];
        }
    }
}

static void pixel_norm(int64_t count, int64_t cols, int64_t ld, const float *restrict x, float eps,
                       float *restrict y, float *restrict r)
{
    const float share = 1.0f / (float)count;
    if (cols == 1 && ld == 1) {
        r[0] = 1.0f / sqrtf((float)dot(count, x, x) * share + eps);
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] * r[0];
        return;
    }
    float acc[LT_COLUMN_BLOCK] = {0};
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < cols; c++)
            acc[c] += x[i * ld + c] * x[i * ld + c];
    for (int64_t c = 0; c < cols; c++)
        r[c] = 1.0f / sqrtf(acc[c] * share + eps);
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < cols; c++)
            y[i * ld + c] = x[i * ld + c] * r[c];
}

static void pixel_norm_grad(int64_t count, int64_t cols, int64_t ld, const float *restrict y,
                            const float *restrict r, const float *restrict gy, float *restrict gx)
{
    const float share = 1.0f / (float)count;
    if (cols == 1 && ld == 1) {
        const float mean = (float)dot(count, gy, y) * share;
        for (int64_t i = 0; i < count; i++)
            gx[i] = r[0] * (gy[i] - y[i] * mean);
        return;
    }
    float acc[LT_COLUMN_BLOCK] = {0};
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < cols; c++)
            acc[c] += gy[i * ld + c] * y[i * ld + c];
    for (int64_t c = 0; c < cols; c++)
        acc[c] *= share;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < cols; c++)
            gx[i * ld + c] = r[c] * (gy[i * ld + c] - y[i * ld + c] * acc[c]);
}

const struct lt_dense_kernels LT_ISA_NAME(lt_dense_kernels) = {
    .binary = {[LT_BINARY_ADD] = binary_add,
               [LT_BINARY_SUB] = binary_sub,
               [LT_BINARY_MUL] = binary_mul,
               [LT_BINARY_DIV] = binary_div},
    .unary = {[LT_UNARY_AFFINE] = unary_affine,
              [LT_UNARY_EXP] = unary_exp,
              [LT_UNARY_LOG] = unary_log,
              [LT_UNARY_SQRT] = unary_sqrt,
              [LT_UNARY_RSQRT] = unary_rsqrt,
              [LT_UNARY_SQUARE] = unary_square,
              [LT_UNARY_ABS] = unary_abs,
              [LT_UNARY_TANH] = unary_tanh,
              [LT_UNARY_SIGMOID] = unary_sigmoid,
              [LT_UNARY_CLAMP] = unary_clamp,
              [LT_UNARY_RELU] = unary_relu,
              [LT_UNARY_LEAKY_RELU] = unary_leaky_relu,
              [LT_UNARY_GELU] = unary_gelu,
              [LT_UNARY_QUICK_GELU] = unary_quick_gelu},
    .unary_grad = {[LT_UNARY_AFFINE] = grad_affine,
                   [LT_UNARY_EXP] = grad_exp,
                   [LT_UNARY_LOG] = grad_log,
                   [LT_UNARY_SQRT] = grad_sqrt,
                   [LT_UNARY_RSQRT] = grad_rsqrt,
                   [LT_UNARY_SQUARE] = grad_square,
                   [LT_UNARY_ABS] = grad_abs,
                   [LT_UNARY_TANH] = grad_tanh,
                   [LT_UNARY_SIGMOID] = grad_sigmoid,
                   [LT_UNARY_CLAMP] = grad_clamp,
                   [LT_UNARY_RELU] = grad_relu,
                   [LT_UNARY_LEAKY_RELU] = grad_leaky_relu,
                   [LT_UNARY_GELU] = grad_gelu,
                   [LT_UNARY_QUICK_GELU] = grad_quick_gelu},
    .sum = sum,
    .dot = dot,
    .sum_square_diff = sum_square_diff,
    .sum_abs_diff = sum_abs_diff,
    .dot_negative = dot_negative,
    .accumulate = accumulate,
    .column_sums = column_sums,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .logsumexp = logsumexp,
    .add_scaled_exp = add_scaled_exp,
    .layer_norm = layer_norm,
    .layer_norm_grad = layer_norm_grad,
    .layer_norm_columns = layer_norm_columns,
    .pixel_norm = pixel_norm,
    .pixel_norm_grad = pixel_norm_grad,
};
