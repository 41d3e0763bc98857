/* 3 x 3 convolutions (conv3_impl.h): which way, and what both ways share. */
#include "tensor/kernels/conv/conv3_impl.h"

#include "tensor/kernels/conv/amx_conv_impl.h"
#include "tensor/kernels/conv/winograd_impl.h"

lt_conv3_run *lt_conv3_way(const lt_ctx *ctx, const lt_conv3 *q)
{
    if (lt_amx_conv_pays(ctx, q))
        return lt_amx_conv_run;
    return lt_winograd_pays(ctx, q) && (!q->with || lt_winograd_sums(ctx, q)) ? lt_winograd_run
                                                                              : NULL;
}

void lt_conv3_add_parts(const lt_conv3 *q, int64_t parts, const double *partial)
{
    for (int64_t i = 0; i < q->n * q->o; i++) {
        const double *from = partial + i / q->o * parts * q->o + i % q->o;
        double sum = 0;
        for (int64_t p = 0; p < parts; p++)
            sum += from[p * q->o];
        q->dot[i] = (float)sum;
    }
}
