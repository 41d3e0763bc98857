/* One run of the program: the options that every command has, memory that lives as long as the run,
 * and the way errors are told.
 *
 * Functions below the commands fail as the library does: they leave a message in the run's lt_ctx
 * and return an lt_status. The command then calls ce_fail(), which prints the message as one line
 * on stderr and gives the exit status. */
#ifndef CFEDIT_RUN_H
#define CFEDIT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/model_files.h"

/* The number of elements of an array. */
#define CE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Exit statuses of the program. */
enum { CE_OK = 0, CE_ERROR = 1, CE_USAGE = 2 };
/* What functions return in place of an exit status when the command goes on. */
enum { CE_PARSED = -1 };

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
    const char *dump;       /* --dump FILE or NULL */
    bool overwrite;         /* outputs may replace files that are no inputs */
    bool resume;            /* pictures that this command line has made already are skipped */
    bool results_on_stdout; /* an output is "-" */
    uint64_t settings;      /* a hash of the command and the options that change its pictures */
    const char *said; /* these options as words for a shell, without those that name pictures */
    struct ce_input *inputs; /* the files that the run reads (inputs.h) */
    size_t input_count;
    struct ce_output *outputs; /* the files that options name for writing (inout/output.c) */
    struct ce_paths paths;
    struct ce_block *blocks; /* the memory of ce_alloc() */
};

/* Zeroed memory that ce_run_end() frees. NULL on failure, with LT_ERR_MEMORY in run->ctx if there
 * is a context. */
void *ce_alloc(struct ce_run *run, size_t count, size_t size);
/* A formatted string in memory of ce_alloc(). */
char *ce_text(struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);

/* The memory that ce_alloc() has given so far; ce_release() frees what it has given since. A loop
 * over many pictures releases the memory of each, so that it does not grow with their number. */
struct ce_block *ce_mark(const struct ce_run *run);
void ce_release(struct ce_run *run, struct ce_block *mark);

/* Copies a string from malloc() into memory of ce_alloc() and frees the string. NULL for NULL, or
 * when out of memory. */
char *ce_keep(struct ce_run *run, char *text);

/* Writes "cfedit: COMMAND: MESSAGE" on stderr and returns CE_ERROR. It stays one line: control
 * characters in the message become '?'. */
int ce_error(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);
/* Like ce_error(), with "; see 'cfedit COMMAND --help'" at the end; returns CE_USAGE. */
int ce_usage_error(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);
/* Tells the failure in run->ctx as ce_error() does; returns CE_ERROR. */
int ce_fail(const struct ce_run *run);

/* Frees the context and the run's memory. */
void ce_run_end(struct ce_run *run);

#endif
