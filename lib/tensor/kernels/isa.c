#include "tensor/kernels/isa.h"

#include <stdlib.h>
#include <string.h>

lt_isa lt_isa_detect(void)
{
#if defined(__x86_64__)
    const char *mask = getenv("LT_ISA");
    if (mask && strcmp(mask, "base") == 0)
        return LT_ISA_BASE;
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!avx2)
        return LT_ISA_BASE;
    if (mask && strcmp(mask, "avx2") == 0)
        return LT_ISA_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return LT_ISA_AVX512;
    return LT_ISA_AVX2;
#else
    return LT_ISA_BASE;
#endif
}

const char *lt_isa_name(lt_isa isa)
{
    switch (isa) {
    case LT_ISA_AVX2: return "avx2";
    case LT_ISA_AVX512: return "avx512";
    case LT_ISA_BASE: break;
    }
    return "base";
}
