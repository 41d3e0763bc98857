/* A run as a table, as JSON and as markdown. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/speed/figures.h"
#include "bench/speed/measure.h"

/* What stands above every table: the machine, compilers, BLAS, threads. Lines are indented by
 * `indent`. */
void report_machine(FILE *out, const struct setup *setup, const struct machine *m,
                    const char *indent);

/* The table as it grows: header, then a row and its peers. */
void report_header(FILE *out, const char *indent);
void report_row(FILE *out, const struct machine *m, const struct row *row, const char *indent);
/* What peers said of themselves, each once. */
void report_peers(FILE *out, const struct row *rows, int count, const char *indent);

/* An array with one object a row and peer, each on a line (bench/README.md); atomic. False after a
 * message. */
bool report_json(const char *path, const struct setup *setup, const struct machine *m,
                 const struct row *rows, int count);
bool report_markdown(const char *path, const struct setup *setup, const struct machine *m,
                     const struct row *rows, int count);

#endif
