/* What the command line of bench_cfedit asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench/speed/setup.h"

enum bench_mode { BENCH_TABLE, BENCH_SWEEP, BENCH_PROFILE };

struct options {
    struct setup setup;
    enum bench_mode mode;
    const char *only;                         /* a row's key or a part of its name; NULL: all */
    const char *json, *markdown, *csv, *plot; /* files, or NULL */
};

/* Returns 0, or an exit status after a message (--help too: -1 for "done"). */
int options_parse(struct options *o, int argc, char **argv);

#endif
