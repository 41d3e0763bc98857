/* Whole files: reading with a limit, and writing by way of a temporary file (file.h). */
#define _XOPEN_SOURCE 700 /* realpath, fsync, fileno */
#include "tensor/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lt_file_writer {
    lt_ctx *ctx;
    char *path;      /* as the caller named it, for messages */
    char *target;    /* with symbolic links resolved */
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
    /* One byte more than the file has, so that its end is seen before the block would have to grow.
     */
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

/* Creates "folder/.name.PID-N.tmp" with the first free N. Returns the descriptor, or -1 with errno
 * set; the caller frees *name. */
static int create_beside(const char *target, char **name)
{
    const char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    int folder = (int)(base - target);
    size_t cap = strlen(target) + 64;

    char *temporary = malloc(cap);
    if (!temporary) {
        errno = ENOMEM;
        return -1;
    }
    int fd = -1;
    for (int n = 0; n < 1000 && fd < 0; n++) {
        /* The length limit keeps long names below NAME_MAX. */
        snprintf(temporary, cap, "%.*s.%.200s.%ld-%d.tmp", folder, target, base, (long)getpid(), n);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        int error = errno;
        free(temporary);
        errno = error;
        return -1;
    }
    *name = temporary;
    return fd;
}

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
    bool exists = stat(path, &info) == 0;
    if (!exists && (errno != ENOENT || path[0] == 0)) {
        status = fail_path(ctx, "write", path, errno);
        goto fail;
    }
    if (exists && S_ISDIR(info.st_mode)) {
        status = fail_path(ctx, "write", path, EISDIR);
        goto fail;
    }
    writer->target = exists ? realpath(path, NULL) : strdup(path);
    if (!writer->target) {
        status = fail_path(ctx, "write", path, errno);
        goto fail;
    }
    if (exists && !S_ISREG(info.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
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
    if (fd >= 0)
        close(fd);
    if (writer->temporary)
        unlink(writer->temporary);
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
    if (fclose(writer->stream) != 0 && !writer->error)
        writer->error = errno;
    if (writer->temporary && !writer->error && rename(writer->temporary, writer->target) != 0)
        writer->error = errno;
    if (writer->error) {
        status = fail_path(writer->ctx, "write", writer->path, writer->error);
        if (writer->temporary)
            unlink(writer->temporary);
    }
    writer_free(writer);
    return status;
}

void lt_file_writer_abandon(lt_file_writer *writer)
{
    if (!writer)
        return;
    fclose(writer->stream);
    if (writer->temporary)
        unlink(writer->temporary);
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
