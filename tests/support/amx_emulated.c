#include "support/amx_emulated.h"

#include "support/check_grad.h"
#include "support/skip.h"

static const lt_amx_emulation emulation = {&lt_amx_kernels_emulated, &lt_amx_conv_kernels_emulated};

lt_ctx *check_open_amx(const char *test, int threads, int i)
{
    lt_ctx *ctx = check_open(threads, NULL);
    if (i == 0) {
        ctx->amx = true;
        ctx->amx_emulation = &emulation;
    }
    if (ctx->amx)
        return ctx;
    check_close(ctx);
    test_skip(test, "on the unit itself: this processor has no AMX");
    return NULL;
}
