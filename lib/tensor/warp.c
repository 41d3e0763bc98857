/* Projective warps with bilinear sampling. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "tensor/resample_impl.h"
#include "tensor/resample_kernels.h"

/* Corners (4) and their weights of every pixel of output row y; corners outside the image
 * have weight 0 and a valid index. Coordinates are taken in double precision. */
static void row_corners(int64_t h, int64_t w, const double q[8], bool mask_border, int64_t y,
                        int32_t *index, float *weight)
{
    const double py = (double)y + 0.5;
    for (int64_t x = 0; x < w; x++, index += 4, weight += 4) {
        const double px = (double)x + 0.5, d = q[6] * px + q[7] * py + 1.0;
        const double sx = (q[0] * px + q[1] * py + q[2]) / d - 0.5;
        const double sy = (q[3] * px + q[4] * py + q[5]) / d - 0.5;
        memset(index, 0, 4 * sizeof *index);
        memset(weight, 0, 4 * sizeof *weight);
        if (!(sx > -1.0 && sx < (double)w && sy > -1.0 && sy < (double)h)) continue;
        const double fx = floor(sx), fy = floor(sy), bx = sx - fx, by = sy - fy;
        const double part[4] = {(1.0 - bx) * (1.0 - by), bx * (1.0 - by), (1.0 - bx) * by, bx * by};
        double covered = 0;
        bool inside[4];
        for (int c = 0; c < 4; c++) {
            const int64_t cx = (int64_t)fx + c % 2, cy = (int64_t)fy + c / 2;
            inside[c] = cx >= 0 && cx < w && cy >= 0 && cy < h;
            if (!inside[c]) continue;
            index[c] = (int32_t)(cy * w + cx);
            covered += part[c];
        }
        for (int c = 0; c < 4; c++)
            if (inside[c]) weight[c] = (float)(mask_border ? part[c] * covered : part[c]);
    }
}

lt_status lt_warp_apply(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w, const double coeffs[8],
                        bool mask_border, const float *x, float *out)
{
    const struct lt_resample_kernels *k = LT_ISA_SELECT(ctx, lt_resample_kernels);
    const size_t corners = 4 * (size_t)w * (size_t)ctx->threads;
    int32_t *index = lt_scratch(ctx, corners * sizeof *index);
    float *weight = lt_scratch(ctx, corners * sizeof *weight);
    const bool ok = index && weight;
    if (ok) {
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
        for (int64_t y = 0; y < h; y++) {
            int32_t *my_index = index + 4 * w * omp_get_thread_num();
            float *my_weight = weight + 4 * w * omp_get_thread_num();
            row_corners(h, w, coeffs, mask_border, y, my_index, my_weight);
            for (int64_t p = 0; p < planes; p++)
                k->corners(w, my_index, my_weight, x + p * h * w, out + (p * h + y) * w);
        }
    }
    lt_scratch_free(ctx, weight);
    lt_scratch_free(ctx, index);
    return ok ? LT_OK : LT_ERR_MEMORY;
}

/* Adds what falls on pixels [first, last) of one plane; outputs come in order, so that sums
 * do not depend on how planes are cut. */
static void scatter(int64_t n, const int32_t *index, const float *weight, const float *out,
                    int64_t first, int64_t last, float *x)
{
    memset(x + first, 0, (size_t)(last - first) * sizeof *x);
    for (int64_t i = 0; i < 4 * n; i++)
        if (index[i] >= first && index[i] < last) x[index[i]] += weight[i] * out[i / 4];
}

lt_status lt_warp_adjoint(lt_ctx *ctx, int64_t planes, int64_t h, int64_t w,
                          const double coeffs[8], bool mask_border, const float *out, float *x)
{
    const size_t corners = 4 * (size_t)(h * w);
    int32_t *index = lt_scratch(ctx, corners * sizeof *index);
    float *weight = lt_scratch(ctx, corners * sizeof *weight);
    const bool ok = index && weight;
    if (ok) {
        const int64_t bands = planes % ctx->threads ? ctx->threads : 1;
#pragma omp parallel num_threads(ctx->threads)
        {
#pragma omp for schedule(static)
            for (int64_t y = 0; y < h; y++)
                row_corners(h, w, coeffs, mask_border, y, index + 4 * y * w, weight + 4 * y * w);
#pragma omp for schedule(static)
            for (int64_t i = 0; i < planes * bands; i++) {
                const int64_t p = i / bands, b = i % bands;
                scatter(h * w, index, weight, out + p * h * w, h * b / bands * w,
                        h * (b + 1) / bands * w, x + p * h * w);
            }
        }
    }
    lt_scratch_free(ctx, weight);
    lt_scratch_free(ctx, index);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
