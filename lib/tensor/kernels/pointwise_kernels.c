/* 1 x 1 convolutions to or from a few channels (pointwise_kernels.h). Reading or writing the planes
 * of the wide side takes the time, so there is one pass over them, while the few channels of the
 * narrow side stay in the cache. */
#include "tensor/kernels/pointwise_kernels.h"

#include "tensor/kernels/vec.h"

enum { FEW = LT_POINTWISE_FEW };

INLINE void narrow_body(int64_t n, const int count, const int many, const float *w,
                        const float *const *wide, float *few, int64_t ld)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec x[FEW];
        UNROLL
        for (int j = 0; j < many; j++)
            x[j] = vec_load(wide[j] + i);
        UNROLL
        for (int k = 0; k < count; k++) {
            vec sum = x[0] * w[k];
            UNROLL
            for (int j = 1; j < many; j++)
                sum += x[j] * w[j * FEW + k];
            vec_store(few + k * ld + i, vec_load(few + k * ld + i) + sum);
        }
    }
    for (; i < n; i++)
        for (int k = 0; k < count; k++) {
            float sum = wide[0][i] * w[k];
            for (int j = 1; j < many; j++)
                sum += wide[j][i] * w[j * FEW + k];
            few[k * ld + i] += sum;
        }
}

static void narrow(int64_t n, int count, int many, const float *w, const float *const *wide,
                   float *few, int64_t ld)
{
    if (count == 3 && many == FEW)
        narrow_body(n, 3, FEW, w, wide, few, ld);
    else
        for (int j = 0; j < many; j++)
            for (int k = 0; k < count; k++)
                narrow_body(n, 1, 1, w + j * FEW + k, wide + j, few + k * ld, ld);
}

INLINE double widen_body(int64_t n, const int count, const float *w, const float *few, int64_t ld,
                         float scale, const float *with, lt_pointwise_write how, float *wide)
{
    /* Sums of short runs in float32 are added up in double. */
    enum { RUN = 64 * LANES };
    double total = 0;
    int64_t i = 0;
    while (i + LANES <= n) {
        vec sum = {0};
        const int64_t end = i + RUN < n ? i + RUN : n;
        for (; i + LANES <= end; i += LANES) {
            vec v = vec_load(few + i) * w[0];
            UNROLL
            for (int k = 1; k < count; k++)
                v += vec_load(few + k * ld + i) * w[k];
            if (with)
                sum += v * vec_load(with + i);
            v *= scale;
            if (how == LT_POINTWISE_STREAM)
                vec_stream(wide + i, v);
            else
                vec_store(wide + i, how == LT_POINTWISE_ADD ? vec_load(wide + i) + v : v);
        }
        total += (double)vec_sum(sum);
    }
    for (; i < n; i++) {
        float v = few[i] * w[0];
        for (int k = 1; k < count; k++)
            v += few[k * ld + i] * w[k];
        if (with)
            total += (double)(v * with[i]);
        wide[i] = how == LT_POINTWISE_ADD ? wide[i] + v * scale : v * scale;
    }
    return total;
}

static double widen(int64_t n, int count, const float *w, const float *few, int64_t ld, float scale,
                    const float *with, lt_pointwise_write how, float *wide)
{
    switch (count) {
    case 1: return widen_body(n, 1, w, few, ld, scale, with, how, wide);
    case 2: return widen_body(n, 2, w, few, ld, scale, with, how, wide);
    case 3: return widen_body(n, 3, w, few, ld, scale, with, how, wide);
    default: return widen_body(n, 4, w, few, ld, scale, with, how, wide);
    }
}

const struct lt_pointwise_kernels LT_ISA_NAME(lt_pointwise_kernels) = {
    .narrow = narrow,
    .widen = widen,
    .stream_end = vec_stream_end,
};
