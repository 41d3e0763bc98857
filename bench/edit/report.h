/* The benchmark's tables and sheets. */
#ifndef BENCH_EDIT_REPORT_H
#define BENCH_EDIT_REPORT_H

#include "bench/edit/run_edits.h"

/* Writes RESULTS.md into `folder` from the results in `plan->folder`; without any that is
 * LT_ERR_MISSING, and nothing is written. */
lt_status edit_report_write(struct ce_run *run, const struct edit_plan *plan, const char *folder);
/* The table of the tuning suite, below the line that says so in TUNING.md of `folder`; what stands
 * above stays. */
lt_status edit_report_tuning(struct ce_run *run, const struct edit_plan *plan, const char *folder);
/* Prints one setting's line on stdout, and one for each case. */
lt_status edit_report_setting(struct ce_run *run, const struct edit_plan *plan,
                              const struct edit_setting *setting);

/* Writes methods-counterfactual.png, methods-ordinary.png and default.png into `folder`; where
 * there are no pictures of edits, as beside results that were copied, a note says so and the sheets
 * stay as they are. */
lt_status edit_sheets_write(struct ce_run *run, const struct edit_plan *plan, const char *folder);

#endif
