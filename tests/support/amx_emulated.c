#include "support/amx_emulated.h"

#include "support/amx_unit.h"
#include "support/check_grad.h"

#include "tensor/kernels/gemm/amx_kernels.c"

lt_ctx *check_open_amx(int threads, int i)
{
    lt_ctx *ctx = check_open(threads, NULL);
    if (i == 0)
        ctx->amx = &lt_amx_kernels_emulated;
    if (ctx->amx)
        return ctx;
    check_close(ctx);
    return NULL;
}
