/* The processor: its vector instructions, its AMX unit, its cores and its name. Private to the
 * library; programs ask lt_cpu_describe() (tensor/kernels/gemm/in_use.h). */
#ifndef LT_TENSOR_CPU_H
#define LT_TENSOR_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* The instruction sets that hot loops are compiled for, from the plainest to the widest. */
typedef enum lt_isa { LT_ISA_BASE = 0, LT_ISA_AVX2 = 1, LT_ISA_AVX512 = 2 } lt_isa;

/* The widest set that this processor runs, or a plainer one that the environment variable
 * LT_ISA=base|avx2|avx512 asks for. */
lt_isa lt_cpu_isa(void);

/* "base", "avx2" or "avx512". */
const char *lt_isa_name(lt_isa isa);

/* Whether the processor has an AMX unit and the system lets this process use it. False where this
 * library was built without AMX, below AVX-512, and wherever LT_ISA is set. */
bool lt_cpu_amx(lt_isa isa);

/* How many cores this process may run on: 1..256. */
int lt_cpu_cores(void);

/* How many threads to use unless told: the first number of OMP_NUM_THREADS ("4" or "4,2"), else one
 * for each core that this process may run on, but no more than its cgroup's quota of CPU time:
 * 1..256. */
int lt_cpu_threads(void);

/* The quota of CPU time as whole cores, rounded up, or 0 without a quota. `membership` is
 * /proc/self/cgroup, `root` the folder /sys/fs/cgroup, or copies of them; versions 1 and 2. */
int lt_cpu_quota(const char *membership, const char *root);

/* The processor's name as the system tells it, or "unknown", into buf. */
void lt_cpu_name(char *buf, size_t cap);

#endif
