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

/* Whole cores for a quota of CPU time in a period, rounded up; 0 where there is no limit. */
static int cores_of(double quota, double period)
{
    if (!(quota > 0.0 && period > 0.0) || quota > 256.0 * period)
        return 0;
    const int whole = (int)(quota / period);
    return (double)whole * period < quota ? whole + 1 : whole;
}

/* The number that a file begins with, or 0. */
static double number_in(const char *folder, const char *name)
{
    char path[1024];
    double number = 0.0;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return 0.0;
    FILE *f = fopen(path, "r");
    if (!f)
        return 0.0;
    if (fscanf(f, "%lf", &number) != 1)
        number = 0.0;
    fclose(f);
    return number;
}

/* The limit that a folder of cgroup v2 (cpu.max: "150000 100000" or "max 100000") or of v1 sets. */
static int quota_in(const char *folder)
{
    char path[1024];
    double quota = 0.0, period = 0.0;
    if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path)
        return 0;
    FILE *f = fopen(path, "r");
    if (f) {
        const bool limited = fscanf(f, "%lf %lf", &quota, &period) == 2;
        fclose(f);
        return limited ? cores_of(quota, period) : 0;
    }
    return cores_of(number_in(folder, "cpu.cfs_quota_us"), number_in(folder, "cpu.cfs_period_us"));
}

/* The least limit of the folder root/path and of those above it up to root, `before` if it is less
 * or there is none. In a container the path may be the host's, and not there. */
static int least_quota(int before, const char *root, const char *path)
{
    char folder[1024];
    if (snprintf(folder, sizeof folder, "%s%s", root, path) >= (int)sizeof folder)
        return before;
    int least = before;
    for (;;) {
        const int quota = quota_in(folder);
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + strlen(root))
            return least;
        *slash = '\0';
    }
}

int lt_cpu_quota(const char *membership, const char *root)
{
    FILE *f = fopen(membership, "r");
    if (!f)
        return 0;
    int least = 0;
    char line[512], folder[600];
    /* "0::/path" of v2, "4:cpu,cpuacct:/path" of v1 */
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *path = NULL;
        if (!controllers || !(path = strchr(++controllers, ':')))
            continue;
        *path++ = '\0';
        if (!*controllers)
            least = least_quota(least, root, path);
        else if (strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0) {
            snprintf(folder, sizeof folder, "%s/%s", root, controllers);
            least = least_quota(least, folder, path);
        }
    }
    fclose(f);
    return least;
}

int lt_cpu_threads(void)
{
    const char *wanted = getenv("OMP_NUM_THREADS");
    const long number = wanted ? strtol(wanted, NULL, 10) : 0;
    if (number > 0)
        return number < 256 ? (int)number : 256;
    const int cores = lt_cpu_cores(), quota = lt_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota > 0 && quota < cores ? quota : cores;
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
