/* One run of the program: the settings that every command shares, memory that
 * lives as long as the run, and the way errors are told.
 *
 * Below the commands, functions report failures in the run's lt_ctx and return
 * an lt_status, as the library does; a command turns the standing failure into
 * its one line on stderr and its exit status with ce_fail(). */
#ifndef CFEDIT_RUN_H
#define CFEDIT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/model_files.h"

/* Exit statuses of the program. */
enum { CE_OK = 0, CE_ERROR = 1, CE_USAGE = 2 };

struct ce_block;
struct ce_input;

struct ce_run {
    const char *command; /* "generate"; NULL before one is known */
    lt_ctx *ctx;         /* made by ce_options_parse(), with --threads set */
    bool json;           /* results on stdout as one JSON value */
    bool quiet;          /* no progress and no notes on stderr */
    int64_t threads;     /* 0: one per core */
    int64_t seed;        /* >= 0; 0 unless given */
    bool seed_given;
    const char *dump;        /* --dump FILE or NULL */
    bool overwrite;          /* outputs may replace files that are no inputs */
    struct ce_input *inputs; /* the files that the run reads (inputs.h) */
    size_t input_count;
    struct ce_paths paths;
    struct ce_block *blocks; /* what ce_alloc() gave */
};

/* Zeroed memory that ce_run_end() frees. NULL, with LT_ERR_MEMORY in ctx where
 * there is one, on failure. */
void *ce_alloc(struct ce_run *run, size_t count, size_t size);
/* A formatted string in such memory. */
char *ce_text(struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);

/* Copies a string from malloc() into such memory and frees it. NULL for NULL, or when out of
 * memory. */
char *ce_keep(struct ce_run *run, char *text);

/* Writes "cfedit: COMMAND: MESSAGE" on stderr, one line whatever the message
 * holds, and returns CE_ERROR. */
int ce_error(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);
/* The same with "; see 'cfedit COMMAND --help'" and CE_USAGE. */
int ce_usage_error(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);
/* Tells the failure that stands in run->ctx; returns CE_ERROR. */
int ce_fail(const struct ce_run *run);

/* Frees the context and the run's memory. */
void ce_run_end(struct ce_run *run);

#endif
