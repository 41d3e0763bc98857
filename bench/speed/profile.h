/* Shows where the time goes. */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include "bench/speed/options.h"

/* Samples the generator, the generator with gradient, and the training step with perf(1). Prints
 * for each kind of operation its share of the processor time, then the least possible time of
 * arithmetic and of memory traffic, which the output calls the floor. Returns an exit status. */
int profile(struct options *o);

#endif
