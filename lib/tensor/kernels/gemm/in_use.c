/* Which processor, which kernels and which BLAS a context computes with. */
#include "tensor/kernels/gemm/in_use.h"

#include <stdio.h>
#include <string.h>

#include "tensor/cpu.h"
#include "tensor/kernels/gemm/blas_impl.h"
#include "tensor/tensor_impl.h"

lt_cpu_info lt_cpu_describe(lt_ctx *ctx)
{
    const lt_blas_facts *blas = lt_blas();
    lt_cpu_info info = {.cores = lt_cpu_cores()};
    memcpy(info.blas, blas->config, sizeof info.blas);
    memcpy(info.kernels, blas->kernels, sizeof info.kernels);
    snprintf(info.isa, sizeof info.isa, "%s%s", lt_isa_name(ctx->isa), ctx->amx ? ", amx" : "");
    lt_cpu_name(info.cpu, sizeof info.cpu);
    return info;
}
