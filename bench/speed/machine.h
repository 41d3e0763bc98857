/* Measures the machine that a benchmark runs on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench/speed/setup.h"

/* The machine: SGEMM of 2048 x 2048 in GFLOP/s, a triad over arrays larger than the caches in
 * bytes/s, the processor, and the kernels that libtensor and OpenBLAS choose for it. */
struct machine {
    double sgemm, triad;
    char cpu[64], kernels[32], isa[16], blas[96];
    int cores;
    double load; /* the system's load average over the last minute */
};
/* Measures the machine; false on failure. */
bool measure_machine(const struct setup *setup, struct machine *m);

#endif
