/* Times our own works, and `cfedit` as a whole. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/speed/figures.h"
#include "bench/speed/work.h"

/* Times a work in a process of its own: warm-up, then runs. A failure is told in f->note. */
void measure_work(const struct setup *setup, const struct work *work, struct figures *f);

/* Times an opened session in the calling process and appends the runs to f->seconds. The caller
 * calls figures_settle(). */
lt_status session_time(struct session *s, const struct work *work, int warmup, int runs,
                       struct figures *f);

/* Runs a work once in a process of its own and writes the results to ours-KEY.safetensors, with
 * which peers are compared. False after a message. */
bool measure_results(const struct setup *setup, const struct work *work);

/* Times `cfedit embed` of one text and one picture with CLIP in float16, as whole processes from
 * fork to exit. The weight file is in the page cache from the second process on; the first is a
 * warm-up. */
void measure_embed(const struct setup *setup, struct figures *f);

/* Times `cfedit edit` of one latent with the default settings. Processes of 1 step and of 6 steps
 * are timed; their difference divided by 5 is the time of a step. The time of 100 steps is computed
 * from it, or with setup->long_edit measured by one process of 100 steps. */
void measure_edit(const struct setup *setup, struct figures *f);

#endif
