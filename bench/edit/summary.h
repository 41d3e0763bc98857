/* Means over edits, with bootstrap intervals. */
#ifndef BENCH_EDIT_SUMMARY_H
#define BENCH_EDIT_SUMMARY_H

#include "bench/edit/cases.h"
#include "bench/edit/results.h"

enum edit_metric {
    METRIC_SUCCESS,  /* % */
    METRIC_CHOSEN,   /* % of edits where CLIP reads the target's colour */
    METRIC_LEFT,     /* colour difference to the answer inside the part */
    METRIC_OUTSIDE,  /* colour difference to the source outside */
    METRIC_SSIM,     /* structural similarity to the source outside */
    METRIC_PARTS,    /* % of the other parts that kept their colour word */
    METRIC_READINGS, /* % of the other attributes that CLIP reads as before */
    METRIC_PSNR,     /* dB */
    METRIC_SECONDS,  /* processor time of one core */
    METRICS
};

/* The heading of a metric in tables, and its number of decimals. */
const char *edit_metric_name(enum edit_metric metric);
int edit_metric_decimals(enum edit_metric metric);

struct edit_summary {
    int count;                          /* edits */
    double mean[METRICS];               /* the median for METRIC_SECONDS */
    double low[METRICS], high[METRICS]; /* 95 % interval */
};

/* The name of a setting, and the mark of its values. */
struct edit_marked {
    const char *setting;
    unsigned long long mark;
};

/* The choice of edits that are summarised. */
struct edit_choice {
    struct edit_marked of; /* edits of this setting */
    const struct edit_marked
        *beside; /* [beside_count]: that all of these settings have made, too */
    int beside_count;
    const struct edit_case *target; /* of this case; NULL: of all that are `ordinary` or not */
    bool ordinary;
    long long first_seed, last_seed; /* inclusive */
    int portraits; /* only the first so many of each case from first_seed on; 0: all */
};

/* Summarises the chosen edits. The intervals are percentile bootstrap intervals (Efron 1979) over
 * portraits: in each of 2000 resamples as many portraits as there are are drawn with replacement,
 * each with all its edits. The random numbers are the same every time. */
struct edit_summary edit_summarise(const struct edit_results *results,
                                   const struct edit_choice *choice);

#endif
