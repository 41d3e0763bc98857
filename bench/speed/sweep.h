/* Measures time and memory over resolution, batch and threads. */
#ifndef BENCH_SWEEP_H
#define BENCH_SWEEP_H

#include "bench/speed/options.h"

/* Times generator, generator with gradient, and training step at resolutions from 64 to
 * o->setup.size and batches from 1 to 4, with 1 and with o->setup.threads threads. Writes the files
 * of o->csv, o->json and o->plot that are not NULL. Returns an exit status. */
int sweep(struct options *o);

#endif
