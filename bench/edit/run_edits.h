/* Makes the edits that are not done yet, in several processes of one thread each, because small
 * networks gain little from threads. */
#ifndef BENCH_EDIT_RUN_EDITS_H
#define BENCH_EDIT_RUN_EDITS_H

#include "bench/edit/cases.h"
#include "cli/console/run.h"

/* The edits that are wanted. */
struct edit_plan {
    const char *folder;       /* holds results.jsonl and pictures/ */
    bool suites[EDIT_SUITES]; /* the suites to run */
    struct edit_setting
        extra;          /* one more setting, over the tuning portraits; none if name is NULL */
    int portraits;      /* of each case; 0: as many as each suite has */
    const char *method; /* run only settings of this method; NULL: of all */
    /* Comma-separated words, or NULL: run only settings whose name, and only cases whose sentence,
     * contains one of the words. */
    const char *settings, *targets;
    int workers;    /* processes */
    double minutes; /* time limit; 0: none */
};

/* Makes the edits of a plan. After an interrupt or at the time limit it ends when the edits at hand
 * are done, and can be called again. *left, if not NULL, becomes the number of units that are not
 * done: one portrait, or one block of portraits for a mapper. */
lt_status edit_plan_run(struct ce_run *run, const struct edit_plan *plan, long long *left);

/* The number of portraits of each case whose edits by the methods are kept as pictures, for the
 * sheets. */
enum { EDIT_PICTURES = 3 };
/* Writes the path of a kept picture into path[cap]. */
void edit_picture_path(const char *folder, const char *setting, const char *target, long long seed,
                       char *path, size_t cap);

/* Whether a plan has a case. */
bool edit_plan_has(const struct edit_plan *plan, const struct edit_case *c);

#endif
