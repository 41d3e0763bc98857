/* Whole files: reading with a limit, and writing by way of a temporary file (file.h). */
#define _DEFAULT_SOURCE /* realpath, fsync, fileno, flock */
#include "tensor/files/file.h"
#include "tensor/files/links_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/files/lock.h"

struct lt_file_writer {
    lt_ctx *ctx;
    char *path;      /* as the caller named it, for messages */
    char *target;    /* with symbolic links resolved; NULL where it is written directly */
    char *temporary; /* NULL where the target is written directly */
    FILE *stream;
    int error; /* errno of the first failure, 0 without */
};

static lt_status fail_path(lt_ctx *ctx, const char *what, const char *path, int error)
{
    return lt_fail(ctx, LT_ERR_IO, "cannot %s %s: %s", what, path, strerror(error));
}

lt_status lt_file_read(lt_ctx *ctx, const char *path, size_t max_bytes, void **data, size_t *size)
{
    lt_status status = LT_OK;
    unsigned char *block = NULL;
    size_t used = 0, capacity;
    struct stat info;

    *data = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_path(ctx, "open", path, errno);
    if (fstat(fd, &info) != 0) {
        status = fail_path(ctx, "read", path, errno);
        goto done;
    }
    if (S_ISDIR(info.st_mode)) {
        status = fail_path(ctx, "read", path, EISDIR);
        goto done;
    }
    if (S_ISREG(info.st_mode) && (uintmax_t)info.st_size > max_bytes) {
        status = lt_fail(ctx, LT_ERR_FORMAT, "%s: %jd bytes, at most %zu are read", path,
                         (intmax_t)info.st_size, max_bytes);
        goto done;
    }
    /* One byte more than the file has, so that its end is seen before the block would have to
     * grow. */
    capacity = S_ISREG(info.st_mode) ? (size_t)info.st_size + 1 : 65536;
    for (;;) {
        unsigned char *grown = block ? block : malloc(capacity + 1);
        if (block && used == capacity) {
            capacity *= 2;
            grown = realloc(block, capacity + 1);
        }
        if (!grown) {
            status = lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for %zu bytes", path, capacity);
            goto done;
        }
        block = grown;
        ssize_t got = read(fd, block + used, capacity - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = fail_path(ctx, "read", path, errno);
            goto done;
        }
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > max_bytes) {
            status = lt_fail(ctx, LT_ERR_FORMAT, "%s: more than the %zu bytes that are read", path,
                             max_bytes);
            goto done;
        }
    }
    block[used] = 0;
    *data = block;
    *size = used;
    block = NULL;
done:
    free(block);
    close(fd);
    return status;
}

/* ---- temporary files ---- */

enum { TEMPORARIES_MOST = 1000, LINKS_MOST = 40 };

/* Writes "folder/.name.N.tmp" for the target "folder/name". The length limit keeps long names below
 * NAME_MAX. */
static void name_temporary(char *out, size_t room, const char *target, int n)
{
    const char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    snprintf(out, room, "%.*s.%.200s.%d.tmp", (int)(base - target), target, base, n);
}

/* Removes a temporary file that no writer holds. False where there is no file of this name. A file
 * is removed only under its lock: a new file whose writer has not locked it yet is lost to that
 * writer, which finds the lock taken and goes on to the next number. */
static bool remove_stale(const char *path)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno != ENOENT;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && lt_file_is_named(fd, path))
        unlink(path);
    close(fd);
    return true;
}

/* Creates a temporary file and locks it. Returns the descriptor; -1 with errno set where that
 * fails, EEXIST where the name or the lock is taken. */
static int create_locked(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    /* A file system without locks is no reason to fail: its left files only stay. */
    const bool taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!taken && lt_file_is_named(fd, path))
        return fd;
    close(fd);
    errno = EEXIST;
    return -1;
}

/* Creates the temporary file of `target` and removes those that killed processes have left. Returns
 * the descriptor, or -1 with errno set; the caller frees *name. */
static int create_beside(const char *target, char **name)
{
    const size_t room = strlen(target) + 64;
    char *temporary = malloc(room);
    if (!temporary) {
        errno = ENOMEM;
        return -1;
    }
    int n = 0;
    do
        name_temporary(temporary, room, target, n);
    while (remove_stale(temporary) && ++n < TEMPORARIES_MOST);
    int fd = -1;
    for (n = 0; n < TEMPORARIES_MOST && fd < 0; n++) {
        name_temporary(temporary, room, target, n);
        fd = create_locked(temporary);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        const int error = errno;
        free(temporary);
        errno = error;
        return -1;
    }
    *name = temporary;
    return fd;
}

/* ---- targets ---- */

/* The descriptor that "/dev/stdout", "/dev/stderr" or "/dev/fd/N" stands for; -1 for other
 * names. */
static int descriptor_of(const char *path)
{
    static const char folder[] = "/dev/fd/";
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    if (strncmp(path, folder, sizeof folder - 1) != 0)
        return -1;
    const char *digits = path + sizeof folder - 1;
    const size_t length = strspn(digits, "0123456789");
    return length > 0 && length < 7 && digits[length] == 0 ? atoi(digits) : -1;
}

/* Where the symbolic link `path` leads, in a new string; NULL with errno set. */
static char *read_link(const char *path)
{
    char to[4096];
    const ssize_t length = readlink(path, to, sizeof to - 1);
    if (length < 0)
        return NULL;
    to[length] = 0;
    const char *slash = to[0] == '/' ? NULL : strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    char *joined = malloc(folder + (size_t)length + 1);
    if (joined) {
        memcpy(joined, path, folder);
        memcpy(joined + folder, to, (size_t)length + 1);
    }
    return joined;
}

char *lt_follow_links(const char *path)
{
    struct stat info;
    char *name = strdup(path);
    for (int i = 0; name && lstat(name, &info) == 0 && S_ISLNK(info.st_mode); i++) {
        char *next = i < LINKS_MOST ? read_link(name) : NULL;
        const int error = i < LINKS_MOST ? errno : ELOOP;
        free(name);
        errno = error;
        name = next;
    }
    return name;
}

/* Brings a rename to the disk: without this a power failure could undo it. Not every file system
 * can do this, and the file is there already, so that a failure is none of the caller's. */
static void sync_folder_of(const char *target)
{
    const char *slash = strrchr(target, '/');
    char *folder = strdup(slash ? target : ".");
    if (folder && slash)
        folder[slash == target ? 1 : slash - target] = 0;
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

/* ---- writing ---- */

static void writer_free(lt_file_writer *writer)
{
    free(writer->path);
    free(writer->target);
    free(writer->temporary);
    free(writer);
}

lt_status lt_file_writer_open(lt_ctx *ctx, const char *path, lt_file_writer **out)
{
    lt_status status;
    struct stat info;
    int fd = -1;

    *out = NULL;
    lt_file_writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->path = strdup(path))) {
        free(writer);
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for a file writer", path);
    }
    writer->ctx = ctx;
    const int open_already = descriptor_of(path);
    const bool exists = open_already >= 0 || stat(path, &info) == 0;
    if (!exists && (errno != ENOENT || path[0] == 0)) {
        status = fail_path(ctx, "write", path, errno);
        goto fail;
    }
    if (open_already >= 0) {
        fd = fcntl(open_already, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    } else if (exists && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
    } else if (exists && !S_ISREG(info.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else if ((writer->target = exists ? realpath(path, NULL) : lt_follow_links(path))) {
        fd = create_beside(writer->target, &writer->temporary);
        /* Not every file system can do this, and it is no reason to fail. */
        if (fd >= 0 && exists)
            (void)fchmod(fd, info.st_mode & 0777);
    }
    if (fd < 0 || !(writer->stream = fdopen(fd, "wb"))) {
        status = fail_path(ctx, "write", path, errno);
        goto fail;
    }
    *out = writer;
    return LT_OK;
fail:
    if (writer->temporary)
        unlink(writer->temporary);
    if (fd >= 0)
        close(fd);
    writer_free(writer);
    return status;
}

lt_status lt_file_writer_write(lt_file_writer *writer, const void *data, size_t size)
{
    if (!writer->error && size > 0) {
        errno = 0;
        if (fwrite(data, 1, size, writer->stream) != size)
            writer->error = errno ? errno : EIO;
    }
    if (writer->error)
        return fail_path(writer->ctx, "write", writer->path, writer->error);
    return LT_OK;
}

lt_status lt_file_writer_commit(lt_file_writer *writer)
{
    lt_status status = LT_OK;

    if (fflush(writer->stream) != 0 && !writer->error)
        writer->error = errno;
    /* Without fsync() a power failure soon after the rename could leave an empty target. */
    if (writer->temporary && !writer->error && fsync(fileno(writer->stream)) != 0)
        writer->error = errno;
    /* The file is renamed or removed while its lock is held: unlocked, it would be taken for one
     * that a killed process has left. */
    if (writer->temporary && !writer->error && rename(writer->temporary, writer->target) != 0)
        writer->error = errno;
    if (writer->temporary && writer->error)
        unlink(writer->temporary);
    else if (writer->temporary)
        sync_folder_of(writer->target);
    if (fclose(writer->stream) != 0 && !writer->error && !writer->temporary)
        writer->error = errno;
    if (writer->error)
        status = fail_path(writer->ctx, "write", writer->path, writer->error);
    writer_free(writer);
    return status;
}

void lt_file_writer_abandon(lt_file_writer *writer)
{
    if (!writer)
        return;
    if (writer->temporary)
        unlink(writer->temporary);
    fclose(writer->stream);
    writer_free(writer);
}

lt_status lt_file_write(lt_ctx *ctx, const char *path, const void *data, size_t size)
{
    lt_file_writer *writer;
    lt_status status = lt_file_writer_open(ctx, path, &writer);
    if (status != LT_OK)
        return status;
    lt_file_writer_write(writer, data, size);
    return lt_file_writer_commit(writer);
}
