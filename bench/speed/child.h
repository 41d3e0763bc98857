/* Works in processes of their own: one work's memory and threads do not reach into another's
 * figures. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the system counted for a process that has ended. */
struct usage {
    double wall_s, user_s, system_s; /* from the fork to the end */
    int64_t peak_rss_bytes;          /* resident set at its largest, mapped weight files included */
};

/* Runs fn(arg) in a forked process; the exit status is what it returns. `arg` should lie in memory
 * of child_share() where results are to come back. The calling process must not have started OpenMP
 * threads: a fork does not carry them over. Returns the exit status, or -1 where the process could
 * not be started or was killed. */
int child_call(int (*fn)(void *arg), void *arg, struct usage *usage);

/* Runs a program found by its path. Its standard output goes to `out` (at most cap - 1 bytes and a
 * zero; the rest is read and dropped), or nowhere where `out` is NULL. `env` is a NULL-ended list
 * of "NAME=VALUE" to add to the environment, or NULL. Returns as child_call(); 127 where the
 * program cannot be run. */
int child_run(const char *const *argv, const char *const *env, char *out, size_t cap,
              struct usage *usage);

/* Zeroed memory that forked processes share with this one; NULL on failure. It is never given back.
 */
void *child_share(size_t bytes);

#endif
