/* Row loops of resampling. */
#include "tensor/resample_kernels.h"

static void combine(int64_t n, int64_t taps, const float *const *row, const float *weight,
                    float *restrict out)
{
    int64_t t = 0;
    if (taps >= 4) {
        const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
        const float p = weight[0], q = weight[1], r = weight[2], s = weight[3];
        for (int64_t i = 0; i < n; i++) out[i] = p * a[i] + q * b[i] + (r * c[i] + s * d[i]);
        t = 4;
    } else if (taps >= 2) {
        const float *a = row[0], *b = row[1];
        const float p = weight[0], q = weight[1];
        for (int64_t i = 0; i < n; i++) out[i] = p * a[i] + q * b[i];
        t = 2;
    } else if (taps == 1) {
        const float *a = row[0];
        const float p = weight[0];
        for (int64_t i = 0; i < n; i++) out[i] = p * a[i];
        t = 1;
    } else {
        for (int64_t i = 0; i < n; i++) out[i] = 0.0f;
    }
    for (; t < taps; t++) {
        const float *a = row[t];
        const float p = weight[t];
        for (int64_t i = 0; i < n; i++) out[i] += p * a[i];
    }
}

static void fir(int64_t n, int64_t taps, const float *weight, int64_t weight_step,
                const float *restrict in, int64_t in_step, float *restrict out, int64_t out_step,
                int add)
{
    if (taps == 4 && !add && out_step == 1 && in_step <= 2) {
        const float p = weight[0], q = weight[weight_step], r = weight[2 * weight_step],
                    s = weight[3 * weight_step];
        if (in_step == 1)
            for (int64_t i = 0; i < n; i++)
                out[i] = p * in[i] + q * in[i + 1] + (r * in[i + 2] + s * in[i + 3]);
        else
            for (int64_t i = 0; i < n; i++)
                out[i] = p * in[2 * i] + q * in[2 * i + 1] + (r * in[2 * i + 2] + s * in[2 * i + 3]);
        return;
    }
    if (!add)
        for (int64_t i = 0; i < n; i++) out[i * out_step] = 0.0f;
    for (int64_t t = 0; t < taps; t++) {
        const float p = weight[t * weight_step];
        for (int64_t i = 0; i < n; i++) out[i * out_step] += p * in[i * in_step + t];
    }
}

static void fir_pair(int64_t n, const int64_t taps[2], const float *const weight[2],
                     const float *const in[2], float *restrict out, int add)
{
    if (taps[0] == 2 && taps[1] == 2 && !add) {
        const float *a = in[0], *b = in[1];
        const float p = weight[0][0], q = weight[0][2], r = weight[1][0], s = weight[1][2];
        for (int64_t i = 0; i < n; i++) {
            out[2 * i] = p * a[i] + q * a[i + 1];
            out[2 * i + 1] = r * b[i] + s * b[i + 1];
        }
        return;
    }
    for (int r = 0; r < 2; r++) fir(n, taps[r], weight[r], 2, in[r], 1, out + r, 2, add);
}

static void windows(int64_t n, const int32_t *start, const int32_t *count, const int64_t *first,
                    const float *weight, const float *restrict in, float *restrict out)
{
    for (int64_t i = 0; i < n; i++) {
        const float *w = weight + first[i], *x = in + start[i];
        float sum = 0.0f;
        for (int32_t t = 0; t < count[i]; t++) sum += w[t] * x[t];
        out[i] = sum;
    }
}

static void corners(int64_t n, const int32_t *index, const float *weight,
                    const float *restrict in, float *restrict out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = weight[4 * i] * in[index[4 * i]] + weight[4 * i + 1] * in[index[4 * i + 1]] +
                 (weight[4 * i + 2] * in[index[4 * i + 2]] + weight[4 * i + 3] * in[index[4 * i + 3]]);
}

const struct lt_resample_kernels LT_ISA_NAME(lt_resample_kernels) = {
    .combine = combine,
    .fir = fir,
    .fir_pair = fir_pair,
    .windows = windows,
    .corners = corners,
};
