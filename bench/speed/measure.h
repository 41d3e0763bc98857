/* Timing of ours. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/speed/figures.h"
#include "bench/speed/work.h"

/* Warm-up and runs of a work in a process of its own. */
void measure_work(const struct setup *setup, const struct work *work, struct figures *f);

/* Inside such a process: runs of an opened session, added to f (not settled). */
lt_status session_time(struct session *s, const struct work *work, int warmup, int runs,
                       struct figures *f);

/* Writes the results of the work's first run to ours-KEY.safetensors, in a process of its own. */
bool measure_results(const struct setup *setup, const struct work *work);

/* `cfedit embed` of one text and one picture with CLIP in float16: whole processes, from fork to
 * exit. The weight file is in the page cache after the first. */
void measure_embed(const struct setup *setup, struct figures *f);

/* `cfedit edit` of one latent with the default settings. A step is the difference of two whole
 * processes, of 1 and of 6 steps, divided by 5; the time of 100 steps is computed from that, or
 * with setup->long_edit measured once. */
void measure_edit(const struct setup *setup, struct figures *f);

/* What the machine gives: SGEMM of 2048 x 2048 in GFLOP/s, and a triad over arrays beyond the
 * caches in bytes/s; what it is. */
struct machine {
    double sgemm, triad;
    char cpu[64], kernels[32], isa[16], blas[96];
    int cores;
    double load; /* average over the last minute */
};
bool measure_machine(const struct setup *setup, struct machine *m);

#endif
