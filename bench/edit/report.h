/* Writes the tables and sheets of the benchmark. */
#ifndef BENCH_EDIT_REPORT_H
#define BENCH_EDIT_REPORT_H

#include "bench/edit/run_edits.h"

/* Writes the tables of RESULTS.md in `folder` from the results in `plan->folder`, below the line
 * that marks their place; the text above that line stays. Without results the status is
 * LT_ERR_MISSING, and nothing is written. */
lt_status edit_report_write(struct ce_run *run, const struct edit_plan *plan, const char *folder);
/* Writes the table of the tuning suite into TUNING.md in `folder`, below the line that marks its
 * place; the text above that line stays. */
lt_status edit_report_tuning(struct ce_run *run, const struct edit_plan *plan, const char *folder);
/* Prints a table of one setting on stdout: a row for each case, and one for all. */
lt_status edit_report_setting(struct ce_run *run, const struct edit_plan *plan,
                              const struct edit_setting *setting);

/* Writes methods-counterfactual.png, methods-ordinary.png and default.png into `folder`. If there
 * are no pictures of edits, as beside results that were copied, the sheets stay as they are and a
 * note says so. */
lt_status edit_sheets_write(struct ce_run *run, const struct edit_plan *plan, const char *folder);

#endif
