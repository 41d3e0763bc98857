/* What the program tells: notes and progress on stderr while it works, results on stdout. */
#ifndef CFEDIT_REPORT_H
#define CFEDIT_REPORT_H

#include "cli/console/run.h"
#include "engine/clock.h"
#include "tensor/files/json.h"

/* One line on stderr; nothing with --quiet. */
void ce_note(const struct ce_run *run, const char *format, ...) LT_PRINTF(2, 3);

/* The progress of a loop, with rate and time left. On a terminal it is one line that is rewritten.
 * In a file or a pipe it is a line at growing intervals of time, and the last one; a loop that
 * takes only a moment is not told at all. */
struct ce_progress {
    bool on, terminal;
    const char *what; /* "generating" */
    const char *unit; /* "pictures" */
    int64_t total, done;
    int64_t skipped; /* of `done`: finished before this run, so that the rate leaves them out */
    bool staged;     /* a stage was told since the last step; the rate leaves its time out */
    double begun, stepped, shown, interval; /* seconds of the monotonic clock */
    int width;                              /* of the line on the terminal, in characters */
};

/* Starts the clock for a loop of `total` steps. The strings are borrowed. */
void ce_progress_begin(struct ce_progress *progress, const struct ce_run *run, const char *what,
                       const char *unit, int64_t total);
/* `done` steps are finished. `note` (may be NULL) is added to the line, for example "loss
 * 0.1234". */
void ce_progress_step(struct ce_progress *progress, int64_t done, const char *note);
/* Tells of work before the next step that takes longer than a step. */
void ce_progress_stage(struct ce_progress *progress, const char *stage);
/* Ends the line. After a failure it is called before the error is told. */
void ce_progress_end(struct ce_progress *progress);

/* Prints up to `max` bytes of a text from a file on stdout. Control characters could steer the
 * terminal and are printed as '?'. */
void ce_print_foreign(const char *text, size_t max);

/* Prints a finished JSON value and a line feed on stdout and frees `writer`. Returns an exit
 * status. A stdout that cannot be written is told when the program ends. */
int ce_print_json(const struct ce_run *run, lt_json_writer *writer);

/* A JSON object with an array whose members are printed as soon as they are known, so that nobody
 * waits and nothing is collected. Nothing is printed before the first member. */
struct ce_json_list {
    lt_json_writer *head; /* the object with its members in front of the array, at least one */
    const char *key;      /* of the array */
    bool begun;
    size_t count;
};
/* Prints the next member of the array and frees `member`. LT_ERR_MEMORY. */
lt_status ce_json_list_put(struct ce_run *run, struct ce_json_list *list, lt_json_writer *member);
/* Ends the array and the object, with the members of the object `tail` behind the array, and frees
 * both writers. NULL for `tail`: the object has no more members. LT_ERR_MEMORY. */
lt_status ce_json_list_end(struct ce_run *run, struct ce_json_list *list, lt_json_writer *tail);

#endif
