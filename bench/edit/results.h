/* Reads and appends the results of the benchmark. The file has one JSON object a line, appended as
 * soon as an edit is done, so that an interrupted run can go on. */
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
    bool success;                                       /* as struct edit_score has it */
    bool chosen;                                        /* CLIP reads the target's colour */
    double to_target, from_source, outside, ssim, psnr; /* as struct edit_score has them */
    double parts_kept;    /* parts_kept / parts of struct edit_score */
    double readings_kept; /* share of the other attributes that CLIP reads as before */
    double seconds;       /* processor time of one core */
};

struct edit_results {
    struct edit_result *list;
    size_t count;
};

/* Reads a file of results; a file that does not exist has none. A line that was cut short is passed
 * over. Call edit_results_free() in any case, also after a failure. */
lt_status edit_results_read(lt_ctx *ctx, const char *path, struct edit_results *results);
void edit_results_free(struct edit_results *results);

/* The result of one edit, or NULL. */
const struct edit_result *edit_results_find(const struct edit_results *results, const char *setting,
                                            unsigned long long mark, const char *target,
                                            long long seed);

/* Appends one line to the open file with a single write(2), so that several processes may append.
 * Errors: LT_ERR_IO, LT_ERR_MEMORY. */
lt_status edit_results_append(lt_ctx *ctx, int file, const struct edit_result *result);

#endif
