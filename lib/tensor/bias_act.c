#include "tensor/bias_act_impl.h"

void lt_bias_act_apply(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, float *y)
{
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(q, i);
        k->forward(&p, x + i * q->size, y + i * q->size);
    }
}

void lt_bias_act_adjoint(lt_ctx *ctx, const lt_bias_act_planes *q, const float *x, const float *y, const float *gy, float *gx,
                         lt_bias_act_sums *sums)
{
    const struct lt_bias_act_kernels *k = LT_ISA_SELECT(ctx, lt_bias_act_kernels);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < q->n * q->c; i++) {
        const lt_bias_act_plane p = lt_bias_act_plane_of(q, i);
        const int64_t at = i * q->size;
        sums[i] = k->backward(&p, x ? x + at : NULL, y ? y + at : NULL, gy + at, gx ? gx + at : NULL);
    }
}
