/* The command line of bench_cfedit. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench/speed/setup.h"

enum bench_mode { BENCH_TABLE, BENCH_SWEEP, BENCH_PROFILE };

struct options {
    struct setup setup;
    enum bench_mode mode;
    const char *only;                         /* key or part of a name of rows; NULL: all */
    const char *json, *markdown, *csv, *plot; /* files to write, or NULL */
};

/* Reads the command line into *o. Returns 0; 2 after a message about a mistake; -1 after --help,
 * when nothing is left to do. */
int options_parse(struct options *o, int argc, char **argv);

#endif
