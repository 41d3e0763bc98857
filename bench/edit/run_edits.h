/* Makes the edits of suites that are not done yet, with one process a core, each of one thread:
 * small networks gain little from threads. */
#ifndef BENCH_EDIT_RUN_EDITS_H
#define BENCH_EDIT_RUN_EDITS_H

#include "bench/edit/cases.h"
#include "cli/console/run.h"

struct edit_plan {
    const char *folder;       /* results.jsonl and pictures/ */
    bool suites[EDIT_SUITES]; /* which */
    struct edit_setting
        extra;          /* one more setting, over the tuning portraits, if its name is not NULL */
    int portraits;      /* 0: as many as each suite says */
    const char *method; /* only settings of that method; NULL: all */
    const char
        *settings; /* only settings whose name has one of these words, comma-separated; NULL: all */
    const char
        *targets; /* only cases whose sentence has one of these words, comma-separated; NULL: all */
    int workers;
    double minutes; /* 0: no limit */
};

/* Runs the plan; interrupted, or at its time limit, it ends after the edits at hand and can be
 * called again. *left (may be NULL) is the number of edits that are not done. */
lt_status edit_plan_run(struct ce_run *run, const struct edit_plan *plan, long long *left);

/* Pictures that are kept for the sheets: of the first portraits of each case, for the methods. */
enum { EDIT_PICTURES = 3 };
void edit_picture_path(const char *folder, const char *setting, const char *target, long long seed,
                       char *path, size_t cap);

/* Whether the plan wants a case. */
bool edit_plan_has(const struct edit_plan *plan, const struct edit_case *c);

#endif
