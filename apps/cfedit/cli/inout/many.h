/* Commands over many pictures: what is done, what could not be done, and how the command ends. */
#ifndef CFEDIT_MANY_H
#define CFEDIT_MANY_H

#include "cli/console/run.h"

struct ce_many {
    const char *verb; /* "edited" */
    size_t total;
    size_t done;    /* made by this run */
    size_t bad;     /* could not be made */
    size_t there;   /* made by an earlier run, skipped with --resume */
    bool resumable; /* the command has --resume for these pictures */
};

/* After a failure to read or to invert a picture: tells it in one line, counts it, and clears the
 * failure, so that the next picture can be made. False, and nothing is done, where the failure is
 * not the picture's: out of memory. */
bool ce_many_skip(struct ce_run *run, struct ce_many *many);

/* Tells how the command ended, and returns its exit status. `status` is the failure that ended it,
 * told here; LT_OK where it came to its end or was stopped by a signal (stop.h). */
int ce_many_end(struct ce_run *run, const struct ce_many *many, lt_status status);

/* LT_ERR_ARGUMENT where --dump of `count` pictures with `numbers` float32 numbers each would take
 * more memory than CE_DUMP_MOST: all of them are collected before the file is written. */
#define CE_DUMP_MOST ((int64_t)4 << 30)
lt_status ce_dump_room(struct ce_run *run, int64_t count, int64_t numbers);

#endif
