/* What the program tells while and after it works: notes and progress on
 * stderr, results on stdout. */
#ifndef CFEDIT_REPORT_H
#define CFEDIT_REPORT_H

#include "cli/console/run.h"
#include "engine/clock.h"
#include "tensor/files/json.h"

/* One line on stderr; nothing with --quiet. */
void ce_note(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);

/* A loop's progress: on a terminal one line that is rewritten, with rate and time
 * left; otherwise a line now and then at growing intervals of time, and the
 * last; none for what takes a moment only. */
struct ce_progress {
    bool on, terminal;
    const char *what; /* "generating" */
    const char *unit; /* "pictures" */
    int64_t total, done;
    int64_t skipped;                        /* finished before this run: not part of the rate */
    bool staged;                            /* since the last step: no part of the rate either */
    double begun, stepped, shown, interval; /* seconds of the monotonic clock */
    int width;                              /* of the line now on the terminal */
};

/* The strings are borrowed. */
void ce_progress_begin(struct ce_progress *progress, const struct ce_run *run, const char *what,
                       const char *unit, int64_t total);
/* `note` (may be NULL) is added to the line, for example "loss 0.1234". */
void ce_progress_step(struct ce_progress *progress, int64_t done, const char *note);
/* Tells what comes before the next step and takes longer than one. */
void ce_progress_stage(struct ce_progress *progress, const char *stage);
/* Ends the line; to be called on errors too, before they are told. */
void ce_progress_end(struct ce_progress *progress);

/* Prints up to `max` bytes of a text from a file on stdout, control characters, which could
 * steer a terminal, as '?'. */
void ce_print_foreign(const char *text, size_t max);

/* Prints a finished JSON value and a line feed on stdout and frees `writer`. Returns an exit
 * status; failures of stdout itself are told when the program ends. */
int ce_print_json(const struct ce_run *run, lt_json_writer *writer);

#endif
