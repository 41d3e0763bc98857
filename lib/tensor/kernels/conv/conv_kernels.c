/* The hot loops of convolution. In the product, sums of M channels by three vectors stay in
 * registers while one depth index after the other adds an outer product of weights and inputs (the
 * micro-kernel of Goto & van de Geijn 2008). */
#include <stddef.h>

#include "tensor/kernels/conv/conv_kernels.h"
#include "tensor/kernels/quad.h"
#include "tensor/kernels/vec.h"

/* Depth indices that are summed up at once. The sums of such runs are then added, which keeps the
 * rounding errors of long sums small. */
#define CHAIN 256
#define GROUP (LT_CONV_VECTORS * LANES)

INLINE void product_body(const int vectors, int64_t depth, const float *w, const float *in,
                         const int32_t *offset, const int64_t *start, float *out)
{
    const float *p0 = in + start[0];
    const float *p1 = vectors > 1 ? in + start[1] : p0;
    const float *p2 = vectors > 2 ? in + start[2] : p0;
    int64_t k0 = 0;
    do { /* once also for depth 0: zeros */
        const int64_t k1 = k0 + CHAIN < depth ? k0 + CHAIN : depth;
        vec acc[PANEL][LT_CONV_VECTORS];
        UNROLL
        for (int i = 0; i < PANEL; i++) {
            UNROLL
            for (int v = 0; v < vectors; v++)
                acc[i][v] = (vec){0};
        }
        for (int64_t k = k0; k < k1; k++) {
            const ptrdiff_t at = offset[k];
            vec x[LT_CONV_VECTORS];
            x[0] = vec_load(p0 + at);
            if (vectors > 1)
                x[1] = vec_load(p1 + at);
            if (vectors > 2)
                x[2] = vec_load(p2 + at);
            UNROLL
            for (int i = 0; i < PANEL; i++) {
                const vec b = vec_splat(w[k * PANEL + i]);
                UNROLL
                for (int v = 0; v < vectors; v++)
                    acc[i][v] += b * x[v];
            }
        }
        UNROLL
        for (int i = 0; i < PANEL; i++) {
            UNROLL
            for (int v = 0; v < vectors; v++) {
                float *to = out + i * GROUP + v * LANES;
                vec_store(to, k0 ? vec_load(to) + acc[i][v] : acc[i][v]);
            }
        }
        k0 = k1;
    } while (k0 < depth);
}

static void product(int64_t depth, const float *w, const float *in, const int32_t *offset,
                    const int64_t *start, int vectors, float *out)
{
    if (vectors == 3)
        product_body(3, depth, w, in, offset, start, out);
    else if (vectors == 2)
        product_body(2, depth, w, in, offset, start, out);
    else
        product_body(1, depth, w, in, offset, start, out);
}

INLINE void outer_body(const int vectors, int64_t rows, int64_t cols, int64_t pitch, const float *x,
                       const int32_t *offset, const float *g, float *acc)
{
    vec sum[PANEL][LT_CONV_VECTORS];
    const float *row[PANEL];
    UNROLL
    for (int i = 0; i < PANEL; i++) {
        row[i] = x + offset[i];
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (vec){0};
    }
    int64_t p = 0, left = cols;
    for (int64_t n = rows * cols; n > 0; n--) {
        vec y[LT_CONV_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            y[v] = vec_load(g + v * LANES);
        UNROLL
        for (int i = 0; i < PANEL; i++) {
            const vec b = vec_splat(row[i][p]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] += b * y[v];
        }
        g += vectors * LANES;
        p++;
        if (--left == 0) {
            left = cols;
            p += pitch - cols;
        }
    }
    UNROLL
    for (int i = 0; i < PANEL; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            float *to = acc + (i * vectors + v) * LANES;
            vec_store(to, vec_load(to) + sum[i][v]);
        }
    }
}

static void outer(int64_t rows, int64_t cols, int64_t pitch, const float *x, const int32_t *offset,
                  const float *g, int vectors, float *acc)
{
    if (vectors == 3)
        outer_body(3, rows, cols, pitch, x, offset, g, acc);
    else if (vectors == 2)
        outer_body(2, rows, cols, pitch, x, offset, g, acc);
    else
        outer_body(1, rows, cols, pitch, x, offset, g, acc);
}

static void gather(int64_t n, float scale, const float *restrict src, int64_t step,
                   float *restrict dst)
{
    if (step == 1) {
        for (int64_t i = 0; i < n; i++)
            dst[i] = scale * src[i];
    } else if (step == 2) {
        for (int64_t i = 0; i < n; i++)
            dst[i] = scale * src[2 * i];
    } else {
        for (int64_t i = 0; i < n; i++)
            dst[i] = scale * src[i * step];
    }
}

static void store(int channels, int64_t n, const float *restrict src, int64_t ld, const float *bias,
                  float *restrict dst, const int64_t *offset, int64_t step)
{
    for (int i = 0; i < channels; i++) {
        const float b = bias ? bias[i] : 0.0f;
        const float *restrict from = src + i * ld;
        float *restrict to = dst + offset[i];
        if (step == 1) {
            for (int64_t j = 0; j < n; j++)
                to[j] = from[j] + b;
        } else {
            for (int64_t j = 0; j < n; j++)
                to[j * step] = from[j] + b;
        }
    }
}

static void store_pairs(int channels, int64_t n, const float *a, const float *b, int64_t ld,
                        const float *bias, float *dst, const int64_t *offset)
{
    for (int i = 0; i < channels; i++) {
        const float add = bias ? bias[i] : 0.0f;
        const float *restrict even = a + i * ld, *restrict odd = b + i * ld;
        float *restrict to = dst + offset[i];
        for (int64_t j = 0; j < n; j++) {
            to[2 * j] = even[j] + add;
            to[2 * j + 1] = odd[j] + add;
        }
    }
}

/* Transposes four rows of four. */
INLINE void transpose_quads(const float *src, int64_t lds, const float *scale, float *dst,
                            int64_t ldd)
{
    lt_quad r[4];
    for (int i = 0; i < 4; i++) {
        r[i] = *(const lt_loose_quad *)(src + i * lds);
        if (scale)
            r[i] *= scale[i];
    }
    quad_transpose(r);
    for (int i = 0; i < 4; i++)
        *(lt_loose_quad *)(dst + i * ldd) = r[i];
}

static void transpose(int64_t m, int64_t n, const float *src, int64_t lds, const float *scale,
                      float *dst, int64_t ldd)
{
    const int64_t quads = n / 4 * 4;
    int64_t i = 0;
    for (; i + 4 <= m; i += 4)
        for (int64_t j = 0; j < quads; j += 4)
            transpose_quads(src + i * lds + j, lds, scale ? scale + i : NULL, dst + j * ldd + i,
                            ldd);
    for (int64_t r = 0; r < m; r++) {
        const float s = scale ? scale[r] : 1.0f;
        for (int64_t j = r < i ? quads : 0; j < n; j++)
            dst[j * ldd + r] = s * src[r * lds + j];
    }
}

/* Partial sums in four vectors of floats, added to a double every 4096 elements. */
static double dot_scale(int64_t n, float *restrict g, const float *restrict x, float scale,
                        int apply)
{
    double total = 0;
    for (int64_t from = 0; from < n; from += 4096) {
        const int64_t to = from + 4096 < n ? from + 4096 : n;
        float part[4 * LANES] = {0};
        int64_t i = from;
        for (; i + 4 * LANES <= to; i += 4 * LANES)
            for (int l = 0; l < 4 * LANES; l++)
                part[l] += g[i + l] * x[i + l];
        for (; i < to; i++)
            part[0] += g[i] * x[i];
        for (int l = 0; l < 4 * LANES; l++)
            total += (double)part[l];
        if (apply)
            for (i = from; i < to; i++)
                g[i] *= scale;
    }
    return total;
}

static void scale_by(int64_t n, float *g, float scale)
{
    for (int64_t i = 0; i < n; i++)
        g[i] *= scale;
}

static double sum_of(int64_t n, const float *g)
{
    double total = 0;
    for (int64_t from = 0; from < n; from += 4096) {
        const int64_t to = from + 4096 < n ? from + 4096 : n;
        float part[4 * LANES] = {0};
        int64_t i = from;
        for (; i + 4 * LANES <= to; i += 4 * LANES)
            for (int l = 0; l < 4 * LANES; l++)
                part[l] += g[i + l];
        for (; i < to; i++)
            part[0] += g[i];
        for (int l = 0; l < 4 * LANES; l++)
            total += (double)part[l];
    }
    return total;
}

const struct lt_conv_kernels LT_ISA_NAME(lt_conv_kernels) = {
    .panel = PANEL,
    .lanes = LANES,
    .product = product,
    .outer = outer,
    .gather = gather,
    .store = store,
    .store_pairs = store_pairs,
    .transpose = transpose,
    .dot_scale = dot_scale,
    .scale = scale_by,
    .sum = sum_of,
};
