/* Time and memory against work: resolution, batch and threads. */
#ifndef BENCH_SWEEP_H
#define BENCH_SWEEP_H

#include "bench/speed/options.h"

/* Resolutions 64 to o->setup.size, batches 1 to 4, threads 1 and o->setup.threads; generator
 * forward, with gradient, and training step. Writes what of csv, json and plot is asked for.
 * Returns an exit status. */
int sweep(struct options *o);

#endif
