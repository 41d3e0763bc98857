/* A shared object for LD_PRELOAD that lets calls of the C library fail, or sends the program a
 * signal. It is told by environment variables:
 *
 *     FAULT_KIND    the calls that are counted: alloc, open, read, write, sync, rename or close;
 *                   file: all of these but alloc. With time, FAULT_AT is a time instead
 *     FAULT_AT      the number of the call that fails, from 1, or microseconds of processor time;
 *                   0 or nothing: none
 *     FAULT_ON      1: all later calls fail, too
 *     FAULT_ERRNO   the number that errno becomes
 *     FAULT_SIGNAL  a signal that the program gets instead; the call itself is made
 *     FAULT_TOTAL   a file that gets the number of all calls, or the processor time, at the end
 *     FAULT_FORK    a folder: the first call from each different call stack fails, each time in a
 *                   process of its own, in a copy FOLDER/N of the working folder. FOLDER/N.stdout
 *                   and FOLDER/N.stderr get what it prints, and FOLDER/trials a line "N STATUS":
 *                   the exit status, or the signal with a minus. The program has to have one thread
 *
 * Calls are counted from the beginning of main() on. Standard error is never disturbed: the
 * program's message has to get through. */
#define _GNU_SOURCE /* RTLD_NEXT, MAP_ANONYMOUS, timer_create */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH = 24, STACKS = 1 << 16 };

static struct {
    const char *kind;
    long at, count;
    const char *fork, *home; /* FAULT_FORK, and the working folder then; NULL without */
    bool on, active;
    int error, signal;
    int trials, total;     /* descriptors, -1 without */
    uint64_t seen[STACKS]; /* hashes of call stacks, open addressing; 0 is free */
} fault = {.trials = -1, .total = -1};

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

static bool counts_time(void) { return strcmp(fault.kind, "time") == 0; }

/* The descriptor of the new file that an environment variable names; -1 without. */
static int file_of(const char *name)
{
    const char *path = setting(name, NULL);
    return path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
}

static void begin_forking(void)
{
    char path[PATH_MAX];
    fault.home = getcwd(NULL, 0);
    if (snprintf(path, sizeof path, "%s/trials", fault.fork) < PATH_MAX)
        fault.trials = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (!fault.home || fault.trials < 0)
        abort();
}

/* Sends the signal when the process has used FAULT_AT microseconds of processor time. A busy
 * machine delays a clock on the wall, but not this one. */
static void start_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = fault.signal};
    const struct itimerspec when = {
        .it_value = {.tv_sec = fault.at / 1000000, .tv_nsec = fault.at % 1000000 * 1000}};
    timer_t timer;
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0)
        abort();
}

/* Runs last of all constructors, since all other libraries were loaded after this one. */
__attribute__((constructor)) static void begin(void)
{
    void *stack[DEPTH];
    fault.kind = setting("FAULT_KIND", "");
    fault.at = atol(setting("FAULT_AT", "0"));
    fault.on = atol(setting("FAULT_ON", "0")) != 0;
    fault.error = atoi(setting("FAULT_ERRNO", "5"));
    fault.signal = atoi(setting("FAULT_SIGNAL", "0"));
    fault.fork = setting("FAULT_FORK", NULL);
    if (fault.fork)
        begin_forking();
    fault.total = file_of("FAULT_TOTAL");
    backtrace(stack, DEPTH); /* loads what it needs, which allocates */
    if (counts_time() && fault.at > 0)
        start_timer();
    fault.active = !counts_time();
}

/* Runs at the end of a program that ends by itself. */
__attribute__((destructor)) static void end(void)
{
    struct timespec used;
    fault.active = false;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    if (fault.total >= 0)
        dprintf(fault.total, "%ld\n",
                counts_time() ? used.tv_sec * 1000000 + used.tv_nsec / 1000 : fault.count);
}

/* Whether calls of this kind are counted. */
static bool is_counted(const char *kind)
{
    return strcmp(kind, fault.kind) == 0 ||
           (strcmp(fault.kind, "file") == 0 && strcmp(kind, "alloc") != 0);
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

/* ---- a process of its own for a call that fails ---- */

/* Whatever goes wrong here would spoil the trial. */
static void need(bool good)
{
    if (!good) {
        perror("faults.so");
        abort();
    }
}

/* The part of a path below the working folder; NULL where it is not there. */
static const char *below_home(const char *path)
{
    const size_t length = strlen(fault.home);
    return strncmp(path, fault.home, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

/* Makes a folder like `from`, whose files are those of `from` by hard links: the program replaces
 * finished files instead of changing them. */
static void link_folder(const char *from, const char *to)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct stat info;
    DIR *folder = opendir(from);
    need(folder && mkdir(to, 0777) == 0);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        need(snprintf(source, sizeof source, "%s/%s", from, entry->d_name) < PATH_MAX &&
             snprintf(target, sizeof target, "%s/%s", to, entry->d_name) < PATH_MAX &&
             lstat(source, &info) == 0);
        if (S_ISDIR(info.st_mode))
            link_folder(source, target);
        else
            need(link(source, target) == 0);
    }
    closedir(folder);
}

/* Gives the process a file of its own in place of one that it is writing below the working folder:
 * the other process goes on writing that one. */
static void part_descriptor(int fd)
{
    char name[64], path[PATH_MAX], bytes[65536];
    struct stat info;
    const int flags = fcntl(fd, F_GETFL);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const ssize_t length = flags < 0 ? -1 : readlink(name, path, sizeof path - 1);
    if (length < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return;
    path[length] = '\0';
    const char *rest = below_home(path);
    if (!rest || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink == 0)
        return;
    const int from = open(path, O_RDONLY);
    need(from >= 0 && unlink(rest) == 0);
    const int to = open(rest, O_RDWR | O_CREAT | O_EXCL | (flags & O_APPEND), info.st_mode & 0777);
    need(to >= 0);
    for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;)
        need(write(to, bytes, (size_t)got) == got);
    need(lseek(to, lseek(fd, 0, SEEK_CUR), SEEK_SET) >= 0 && dup2(to, fd) == fd);
    close(from);
    close(to);
}

/* Moves the new process into its copy of the working folder. */
static void leave_home(void)
{
    enum { DESCRIPTORS = 256, CPU_SECONDS = 60 };
    char copy[PATH_MAX], messages[PATH_MAX], results[PATH_MAX];
    const struct rlimit limit = {CPU_SECONDS, CPU_SECONDS + 1};
    need(snprintf(copy, sizeof copy, "%s/%ld", fault.fork, fault.count) < PATH_MAX &&
         snprintf(messages, sizeof messages, "%s.stderr", copy) < PATH_MAX &&
         snprintf(results, sizeof results, "%s.stdout", copy) < PATH_MAX);
    link_folder(fault.home, copy);
    need(chdir(copy) == 0 && setrlimit(RLIMIT_CPU, &limit) == 0);
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS; fd++)
        part_descriptor(fd);
    const int error = open(messages, O_WRONLY | O_CREAT | O_EXCL, 0666);
    const int output = open(results, O_WRONLY | O_CREAT | O_EXCL, 0666);
    need(dup2(error, STDERR_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0);
    close(error);
    close(output);
}

/* Splits off a process in which the current call fails, and waits for its end. */
static void fork_here(void)
{
    int status;
    const pid_t child = fork();
    need(child >= 0);
    if (child == 0) {
        leave_home();
        fault.fork = NULL;
        fault.at = fault.count;
        close(fault.trials);
        return;
    }
    need(waitpid(child, &status, 0) == child);
    dprintf(fault.trials, "%ld %d\n", fault.count,
            WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- counting ---- */

static void fork_at_new_stack(void)
{
    fault.active = false; /* the calls made here are not counted */
    if (is_new_stack())
        fork_here();
    fault.active = true;
}

/* Counts a call of this kind; whether it has to fail, with errno set. */
static bool fails(const char *kind)
{
    if (!fault.active || !is_counted(kind))
        return false;
    fault.count++;
    if (fault.fork)
        fork_at_new_stack();
    if (fault.at <= 0 || fault.count < fault.at || (fault.count > fault.at && !fault.on))
        return false;
    if (fault.signal > 0) {
        raise(fault.signal);
        return false;
    }
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

/* A path below the working folder becomes relative to it, so that a process with a copy of the
 * folder stays in its copy. */
char *realpath(const char *path, char *room)
{
    NEXT(realpath)
    char *found = real(path, room);
    const char *rest = found && fault.home ? below_home(found) : NULL;
    if (rest)
        memmove(found, rest, strlen(rest) + 1);
    return found;
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
