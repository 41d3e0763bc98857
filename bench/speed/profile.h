/* Where the time goes. */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include "bench/speed/options.h"

/* Samples the generator (forward; with gradient) and the training step with perf(1) and tells each
 * kind of operation's share of the processor time, then the floor: arithmetic and bytes. Returns an
 * exit status. */
int profile(struct options *o);

#endif
