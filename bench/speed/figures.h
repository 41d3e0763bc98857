/* The figures that are measured for ours and for each peer. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/speed/setup.h"

enum { BENCH_MAX_PEERS = 8, BENCH_TEXT = 256 };

struct figures {
    bool done; /* false: the measurement failed, and `note` says why */
    int runs;
    double seconds[BENCH_MAX_RUNS];
    double median_s, min_s, max_s;
    double cpu_s;              /* user and system time of a run, mean; 0: not known */
    int64_t peak_rss_bytes;    /* largest resident set of the process, start and end included */
    int64_t peak_tensor_bytes; /* most bytes of tensors alive at once; 0: not known */
    double gflop;              /* 10^9 operations of one run; 0: not counted */
    double step_s;             /* time of one step in the row `edit`; 0 in other rows */
    char note[BENCH_TEXT];
};

struct peer_figures {
    const char *name; /* "PyTorch, as published" */
    struct figures f;
    double error;           /* largest difference from our result over the largest value */
    char error_name[48];    /* the result that differs most */
    bool agrees;            /* every result is within its tolerance of ours */
    char about[BENCH_TEXT]; /* versions, threads, kernels */
};

struct row {
    const char *key;
    char name[96];
    struct figures ours;
    struct peer_figures peer[BENCH_MAX_PEERS];
    int peers;
};

/* Sorts f->seconds[f->runs] and sets median, minimum and maximum; f->runs must be at least 1. */
void figures_settle(struct figures *f);

/* Adds the settled runs of a round to `all`, which is zeroed before the first round. */
void figures_add(struct figures *all, const struct figures *round);

#endif
