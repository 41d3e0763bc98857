/* Runs code and programs in processes of their own, so that the memory and threads of one
 * measurement do not enter the figures of another. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times and memory of a process that has ended, as the system counted them. */
struct usage {
    double wall_s, user_s, system_s; /* from the fork to the end */
    int64_t peak_rss_bytes;          /* largest resident set, mapped weight files included */
};

/* Runs fn(arg) in a forked process and returns its exit status, which is the value that fn returns,
 * or -1 if the process could not be started or was killed. Results come back only through memory of
 * child_share(). A fork carries no threads over, so fn computes in contexts that it creates. */
int child_call(int (*fn)(void *arg), void *arg, struct usage *usage);

/* Runs the program at the path argv[0] and returns its exit status, 127 if the program cannot be
 * run, or -1 if the process could not be started or was killed. The program's standard output goes
 * to `out`: at most cap - 1 bytes and a zero, the rest is dropped. With `out` NULL the output is
 * thrown away. `env` is NULL or a NULL-ended list of "NAME=VALUE" that is added to the
 * environment. */
int child_run(const char *const *argv, const char *const *env, char *out, size_t cap,
              struct usage *usage);

/* Returns zeroed memory that forked processes share with this one, or NULL. The memory is never
 * given back. */
void *child_share(size_t bytes);

#endif
