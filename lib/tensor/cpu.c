/* What the processor can do (cpu.h): CPUID, the system's answers, and the environment. */
#define _GNU_SOURCE /* sched_getaffinity, syscall */
#include "tensor/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(LT_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#endif

lt_isa lt_cpu_isa(void)
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

#if defined(LT_AMX)
static bool amx_present(void)
{
    enum { AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_TILE) && (d & AMX_INT8);
}

/* Linux (5.16 and later, arch_prctl(2)) hands out the unit's registers to processes that ask. */
static bool amx_allowed(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#endif

bool lt_cpu_amx(lt_isa isa)
{
#if defined(LT_AMX)
    return isa == LT_ISA_AVX512 && !getenv("LT_ISA") && amx_present() && amx_allowed();
#else
    (void)isa;
    return false;
#endif
}

int lt_cpu_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set) < 256 ? CPU_COUNT(&set) : 256;
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}

void lt_cpu_name(char *buf, size_t cap)
{
    snprintf(buf, cap, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0) {
            snprintf(buf, cap, "%s", colon + 2);
            buf[strcspn(buf, "\n")] = '\0';
            break;
        }
    }
    fclose(f);
}
