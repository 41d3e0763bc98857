/* Writes the results of a run as a table, as JSON and as Markdown. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/speed/figures.h"
#include "bench/speed/machine.h"

/* Writes the lines above a table: machine, compiler, BLAS, threads, sizes. Every line begins with
 * the text `indent`, here and in the functions below. */
void report_machine(FILE *out, const struct setup *setup, const struct machine *m,
                    const char *indent);

/* Write the head of the table, and a row with its peers. */
void report_header(FILE *out, const char *indent);
void report_row(FILE *out, const struct machine *m, const struct row *row, const char *indent);
/* Writes versions, threads and kernels of each peer, once for each. */
void report_peers(FILE *out, const struct row *rows, int count, const char *indent);

/* Write a file of the whole run, under a temporary name that is renamed at the end; false after a
 * message. The JSON file is an array with a line for each row and peer; bench/README.md names the
 * keys. */
bool report_json(const char *path, const struct setup *setup, const struct machine *m,
                 const struct row *rows, int count);
bool report_markdown(const char *path, const struct setup *setup, const struct machine *m,
                     const struct row *rows, int count);

#endif
