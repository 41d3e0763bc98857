/* What is measured, of ours and of the peers. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/speed/setup.h"

enum { BENCH_MAX_PEERS = 8, BENCH_TEXT = 256 };

struct figures {
    bool done; /* false: failed; `note` says why */
    int runs;
    double seconds[BENCH_MAX_RUNS];
    double median_s, min_s, max_s;
    double cpu_s;              /* user and system time of a run, mean; 0 where not known */
    int64_t peak_rss_bytes;    /* of the process, from its start to its end */
    int64_t peak_tensor_bytes; /* of ours; 0 where not known */
    double gflop;              /* of one run; 0 where not counted */
    double step_s;             /* of `edit`: one step; 0 elsewhere */
    char note[BENCH_TEXT];
};

struct peer_figures {
    const char *name; /* "PyTorch, as published" */
    struct figures f;
    double error;           /* largest difference from our results, relative to the largest value */
    char error_name[48];    /* of which result */
    bool agrees;            /* within its tolerance */
    char about[BENCH_TEXT]; /* versions, threads, kernels */
};

struct row {
    const char *key;
    char name[96];
    struct figures ours;
    struct peer_figures peer[BENCH_MAX_PEERS];
    int peers;
};

/* Sorts f->seconds and sets median, minimum and maximum. */
void figures_settle(struct figures *f);

/* Adds the runs of a later round, settled; `all` is zeroed before the first. */
void figures_add(struct figures *all, const struct figures *round);

#endif
