/* Lock files with the number of a process in them. */
#define _DEFAULT_SOURCE /* flock, lstat, ftruncate */
#include "tensor/files/lock.h"
#include "tensor/files/links_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MOST = 100 };

struct lt_lock {
    int fd;
    char path[];
};

bool lt_file_is_named(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* "folder/name" becomes "folder/.name.lock"; NULL when out of memory. */
static lt_lock *make_lock(const char *target)
{
    const char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    const size_t room = strlen(target) + 16;
    lt_lock *lock = malloc(sizeof *lock + room);
    if (lock)
        /* The length limit keeps long names below NAME_MAX. */
        snprintf(lock->path, room, "%.*s.%.200s.lock", (int)(base - target), target, base);
    return lock;
}

static lt_status refuse(lt_ctx *ctx, const lt_lock *lock, const char *target, const char *what)
{
    char number[16] = "?";
    const ssize_t length = pread(lock->fd, number, sizeof number - 1, 0);
    if (length > 0)
        number[strspn(number, "0123456789")] = 0;
    return lt_fail(ctx, LT_ERR_IO,
                   "%s %s by process %s already; wait for its end, or choose another name", target,
                   what, number);
}

/* Writes the number of this process, for people who look and for the message of refuse(). */
static void sign(const lt_lock *lock)
{
    char number[32];
    const int length = snprintf(number, sizeof number, "%ld\n", (long)getpid());
    if (ftruncate(lock->fd, 0) == 0)
        (void)!pwrite(lock->fd, number, (size_t)length, 0);
}

lt_status lt_lock_take(lt_ctx *ctx, const char *target, const char *what, lt_lock **out)
{
    *out = NULL;
    /* Two names of one file share a lock. */
    char *file = lt_follow_links(target);
    lt_lock *lock = file ? make_lock(file) : NULL;
    free(file);
    if (!lock)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for a lock", target);
    lt_status status = LT_OK;
    for (int i = 0; i < TRIES_MOST; i++) {
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (lock->fd < 0) {
            status = lt_fail(ctx, LT_ERR_IO, "cannot write %s: %s", target, strerror(errno));
            break;
        }
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            status = refuse(ctx, lock, target, what);
            close(lock->fd);
            break;
        }
        if (lt_file_is_named(lock->fd, lock->path)) {
            sign(lock);
            *out = lock;
            return LT_OK;
        }
        /* Its holder has removed the file between open() and flock(). */
        close(lock->fd);
    }
    free(lock);
    return status == LT_OK ? lt_fail(ctx, LT_ERR_IO, "cannot lock %s", target) : status;
}

void lt_lock_release(lt_lock *lock)
{
    if (!lock)
        return;
    /* The name goes while the lock is held: otherwise the file of the next holder could be removed.
     */
    unlink(lock->path);
    close(lock->fd);
    free(lock);
}
