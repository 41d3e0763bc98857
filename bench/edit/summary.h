/* Means over edits and how sure they are. */
#ifndef BENCH_EDIT_SUMMARY_H
#define BENCH_EDIT_SUMMARY_H

#include "bench/edit/cases.h"
#include "bench/edit/results.h"

enum edit_metric {
    METRIC_SUCCESS, /* % */
    METRIC_CHOSEN,  /* % */
    METRIC_LEFT,    /* colour difference to the answer inside the part */
    METRIC_OUTSIDE, /* colour difference to the source outside */
    METRIC_SSIM,
    METRIC_PARTS,    /* % of the other parts that kept their colour word */
    METRIC_READINGS, /* % of the other attributes that CLIP reads as before */
    METRIC_PSNR,     /* dB */
    METRIC_SECONDS,
    METRICS
};

/* Heading and decimals of a metric. */
const char *edit_metric_name(enum edit_metric metric);
int edit_metric_decimals(enum edit_metric metric);

struct edit_summary {
    int count; /* edits */
    double mean[METRICS], low[METRICS],
        high[METRICS]; /* 95 % interval; of seconds the median stands for the mean */
};

/* A setting, and the mark of its values. */
struct edit_marked {
    const char *setting;
    unsigned long long mark;
};

/* Which edits: of a setting; of one case, or of all that are ordinary or not. */
struct edit_choice {
    struct edit_marked of;
    const struct edit_marked *beside; /* [beside_count]: only what all of these have edited, too */
    int beside_count;
    const struct edit_case *target; /* NULL: all */
    bool ordinary;
    long long first_seed, last_seed; /* inclusive */
    int portraits; /* of each case only the first so many from first_seed on; 0: all */
};

/* Percentile bootstrap (Efron 1979) over portraits: 2000 times as many portraits as there are are
 * drawn with replacement, each with all its edits; the draws are the same every time. */
struct edit_summary edit_summarise(const struct edit_results *results,
                                   const struct edit_choice *choice);

#endif
