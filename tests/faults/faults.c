/* A shared object for LD_PRELOAD that lets calls of the C library fail. It is told by environment
 * variables:
 *
 *     FAULT_KIND    alloc, open, read, write, sync, rename or close: the calls that are counted
 *     FAULT_AT      the number of the call that fails, from 1; 0 or nothing: none
 *     FAULT_ON      1: all later calls fail, too
 *     FAULT_ERRNO   the number that errno becomes
 *     FAULT_TRACE   a file that gets the number of the first call from each different call stack,
 *                   one a line
 *
 * Calls are counted from the beginning of main() on. Standard error is never disturbed: the
 * program's message has to get through. */
#define _GNU_SOURCE /* RTLD_NEXT, MAP_ANONYMOUS */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEPTH = 24, STACKS = 1 << 16 };

static struct {
    const char *kind;
    long at, count;
    bool on, active;
    int error;
    int trace;             /* descriptor, -1 without */
    uint64_t seen[STACKS]; /* hashes of call stacks, open addressing; 0 is free */
} fault = {.trace = -1};

/* glibc's own names of its allocator. dlsym() itself allocates, so it cannot be asked for them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

/* Runs last of all constructors, since all other libraries were loaded after this one. */
__attribute__((constructor)) static void begin(void)
{
    void *stack[DEPTH];
    fault.kind = setting("FAULT_KIND", "");
    fault.at = atol(setting("FAULT_AT", "0"));
    fault.on = atol(setting("FAULT_ON", "0")) != 0;
    fault.error = atoi(setting("FAULT_ERRNO", "5"));
    const char *trace = setting("FAULT_TRACE", NULL);
    if (trace)
        fault.trace = open(trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    backtrace(stack, DEPTH); /* loads what it needs, which allocates */
    fault.active = true;
}

/* Whether the stack of the current call is met for the first time. */
static bool is_new_stack(void)
{
    void *stack[DEPTH];
    const int depth = backtrace(stack, DEPTH);
    uint64_t hash = 1469598103934665603u;
    for (int i = 0; i < depth; i++)
        hash = (hash ^ (uintptr_t)stack[i]) * 1099511628211u;
    hash |= 1;
    size_t at = (hash >> 20) % STACKS;
    for (int tries = 0; tries < STACKS; tries++, at = (at + 1) % STACKS) {
        if (fault.seen[at] == hash)
            return false;
        if (!fault.seen[at]) {
            fault.seen[at] = hash;
            return true;
        }
    }
    return false;
}

/* Counts a call of this kind; whether it has to fail, with errno set. */
static bool fails(const char *kind)
{
    if (!fault.active || strcmp(kind, fault.kind) != 0)
        return false;
    fault.count++;
    if (fault.trace >= 0) {
        fault.active = false; /* backtrace() and dprintf() are not counted */
        if (is_new_stack())
            dprintf(fault.trace, "%ld\n", fault.count);
        fault.active = true;
    }
    if (fault.at <= 0 || fault.count < fault.at || (fault.count > fault.at && !fault.on))
        return false;
    errno = fault.error;
    return true;
}

/* ---- memory ---- */

void *malloc(size_t size) { return fails("alloc") ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size)
{
    return fails("alloc") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return fails("alloc") ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails("alloc") ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    const int before = errno;
    void *made = fails("alloc") ? NULL : __libc_memalign(alignment, size);
    errno = before;
    if (!made)
        return ENOMEM;
    *block = made;
    return 0;
}

/* ---- files ---- */

/* Puts the next definition of a function into *function. */
static void *next(void *function, const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);
    memcpy(function, &address, sizeof address);
    return address;
}

#define NEXT(name)                    \
    static __typeof__(&name) real;    \
    if (!real && !next(&real, #name)) \
        abort();

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    NEXT(mmap)
    if (fails(flags & MAP_ANONYMOUS ? "alloc" : "read"))
        return MAP_FAILED;
    return real(address, size, protection, flags, fd, offset);
}

int open(const char *path, int flags, ...)
{
    NEXT(open)
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("open") ? -1 : real(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    NEXT(fopen)
    return fails("open") ? NULL : real(path, mode);
}

FILE *fdopen(int fd, const char *mode)
{
    NEXT(fdopen)
    return fails("open") ? NULL : real(fd, mode);
}

ssize_t read(int fd, void *data, size_t size)
{
    NEXT(read)
    return fails("read") ? -1 : real(fd, data, size);
}

size_t fread(void *data, size_t size, size_t count, FILE *file)
{
    NEXT(fread)
    return fails("read") ? 0 : real(data, size, count, file);
}

ssize_t write(int fd, const void *data, size_t size)
{
    NEXT(write)
    return fd != STDERR_FILENO && fails("write") ? -1 : real(fd, data, size);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file)
{
    NEXT(fwrite)
    return file != stderr && fails("write") ? 0 : real(data, size, count, file);
}

int fflush(FILE *file)
{
    NEXT(fflush)
    return file != stderr && fails("write") ? EOF : real(file);
}

int fsync(int fd)
{
    NEXT(fsync)
    return fails("sync") ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    NEXT(rename)
    return fails("rename") ? -1 : real(from, to);
}

/* A close that fails has closed the descriptor all the same. */
int close(int fd)
{
    NEXT(close)
    const bool failed = fails("close");
    const int error = errno, status = real(fd);
    errno = failed ? error : errno;
    return failed ? -1 : status;
}

int fclose(FILE *file)
{
    NEXT(fclose)
    const bool failed = fails("close");
    const int error = errno, status = real(file);
    errno = failed ? error : errno;
    return failed ? EOF : status;
}
