#define _DEFAULT_SOURCE /* wait4, MAP_ANONYMOUS */
#include "bench/speed/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/clock.h"

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

/* Waits for a process that began at the time `start` and returns its exit status, -1 if it was
 * killed. */
static int wait_for(pid_t pid, double start, struct usage *usage)
{
    int status = 0;
    struct rusage r = {0};
    while (wait4(pid, &status, 0, &r) < 0)
        if (errno != EINTR)
            return -1;
    *usage = (struct usage){.wall_s = ce_seconds() - start,
                            .user_s = seconds_of(r.ru_utime),
                            .system_s = seconds_of(r.ru_stime),
                            .peak_rss_bytes = (int64_t)r.ru_maxrss * 1024};
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int child_call(int (*fn)(void *arg), void *arg, struct usage *usage)
{
    *usage = (struct usage){0};
    const double start = ce_seconds();
    const pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        _exit(fn(arg));
    return wait_for(pid, start, usage);
}

/* Turns the forked process into the program argv, with standard output to `out` (-1: nowhere). */
static void become(const char *const *argv, const char *const *env, int out)
{
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDIN_FILENO);
    dup2(out >= 0 ? out : nowhere, STDOUT_FILENO);
    for (; env && *env; env++)
        putenv((char *)(uintptr_t)*env); /* the text need only live until the exec */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Reads `fd` to its end. The first cap - 1 bytes go to `out`, followed by a zero. */
static void drain(int fd, char *out, size_t cap)
{
    char chunk[4096];
    size_t used = 0;
    for (;;) {
        const ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && used + 1 < cap; i++)
            out[used++] = chunk[i];
    }
    out[used] = '\0';
}

int child_run(const char *const *argv, const char *const *env, char *out, size_t cap,
              struct usage *usage)
{
    int ends[2] = {-1, -1};
    *usage = (struct usage){0};
    if (out && pipe(ends) != 0)
        return -1;
    const double start = ce_seconds();
    const pid_t pid = fork();
    if (pid == 0) {
        if (out)
            close(ends[0]);
        become(argv, env, ends[1]);
    }
    if (out) {
        close(ends[1]);
        if (pid > 0)
            drain(ends[0], out, cap);
        close(ends[0]);
    }
    return pid > 0 ? wait_for(pid, start, usage) : -1;
}

void *child_share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}
