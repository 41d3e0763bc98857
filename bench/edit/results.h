/* The results of the benchmark: one JSON object a line, appended as each edit is done, so that an
 * interrupted run goes on where it was. */
#ifndef BENCH_EDIT_RESULTS_H
#define BENCH_EDIT_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/context.h"

enum { RESULT_NAME_CAP = 64 };

struct edit_result {
    char setting[RESULT_NAME_CAP]; /* edit_setting.name */
    char target[RESULT_NAME_CAP];  /* edit_case.text */
    unsigned long long mark;       /* edit_setting_mark() */
    long long seed;
    bool success; /* by the renderer's colours */
    bool chosen;  /* CLIP's zero-shot choice is the target's colour */
    double to_target, from_source, outside, ssim, psnr; /* struct edit_score */
    double parts_kept;                                  /* share of the other parts */
    double readings_kept; /* share of the other attributes, read by CLIP */
    double seconds;
};

struct edit_results {
    struct edit_result *list;
    size_t count;
};

/* Reads the file; none is no failure. A last line that was cut short is passed over. Freed with
 * edit_results_free(), also after a failure. */
lt_status edit_results_read(lt_ctx *ctx, const char *path, struct edit_results *results);
void edit_results_free(struct edit_results *results);

/* The result of one edit, NULL where there is none. */
const struct edit_result *edit_results_find(const struct edit_results *results, const char *setting,
                                            unsigned long long mark, const char *target,
                                            long long seed);

/* Appends one line with a single write(2), so that several processes may append. Errors: LT_ERR_IO.
 */
lt_status edit_results_append(lt_ctx *ctx, int file, const struct edit_result *result);

#endif
