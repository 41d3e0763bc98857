/* Writes a file under a temporary name beside the target and renames it at the end, so that a run
 * that fails leaves an earlier file as it was. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/speed/setup.h"

struct output {
    FILE *file; /* to write to; NULL if the file could not be opened */
    const char *path;
    char temporary[BENCH_PATH];
};

/* Opens the temporary file; `path` is borrowed until output_close(). Call output_close() in any
 * case, also where out->file is NULL. */
void output_open(struct output *out, const char *path);

/* Renames the file if everything was written. Else removes it and returns false after a message. */
bool output_close(struct output *out);

#endif
