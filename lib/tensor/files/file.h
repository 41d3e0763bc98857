/* Whole files: reading with a limit, and writing that succeeds as a whole or changes nothing. */
#ifndef LT_TENSOR_FILE_H
#define LT_TENSOR_FILE_H

#include <stddef.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* Reads a file or a pipe into a new block, which the caller gives to free(). The data is followed
 * by a zero byte that *size does not count, so that a text can be used as a string. Errors:
 * LT_ERR_IO where it cannot be read or is a directory, LT_ERR_FORMAT where it holds more than
 * max_bytes, LT_ERR_MEMORY. */
LT_API lt_status lt_file_read(lt_ctx *ctx, const char *path, size_t max_bytes, void **data,
                              size_t *size);

/* A file that is being written. The bytes go to a temporary file in the target's folder, which is
 * renamed over the target at the end: whoever reads the target, also after a crash, sees the old
 * content or the new one, never a part. Symbolic links are followed, also those that lead to a file
 * that is not there yet, and the permissions of an existing target are kept. A target that is a
 * device or a pipe is written directly, and so are the open descriptors of the process:
 * /dev/stdout, /dev/stderr, /dev/fd/N.
 *
 * The temporary file of "out/face.png" is "out/.face.png.0.tmp", or has the next free number. Its
 * writer holds a lock on it (flock), which ends with the process. The next writer of the same
 * target removes a temporary file that nobody holds: its process was killed. */
typedef struct lt_file_writer lt_file_writer;

/* Starts writing `path`. Errors: LT_ERR_IO where the folder is missing or not writable, or the
 * target is a directory; LT_ERR_MEMORY. */
LT_API lt_status lt_file_writer_open(lt_ctx *ctx, const char *path, lt_file_writer **out);

/* Appends `size` bytes. Errors: LT_ERR_IO. After a failure, further calls do nothing and report the
 * failure again, so that checking lt_file_writer_commit() is enough. */
LT_API lt_status lt_file_writer_write(lt_file_writer *writer, const void *data, size_t size);

/* Writes everything to the disk, renames the file to the target, and frees the writer, also on
 * failure. After a failure the target is as it was and the temporary file is gone. Errors:
 * LT_ERR_IO, for example when the disk is full. */
LT_API lt_status lt_file_writer_commit(lt_file_writer *writer);

/* Removes the temporary file and frees the writer; the target stays as it was. NULL is accepted. */
LT_API void lt_file_writer_abandon(lt_file_writer *writer);

/* Writes a whole file by lt_file_writer: all of it, or the target stays as it was. Errors:
 * LT_ERR_IO, LT_ERR_MEMORY. */
LT_API lt_status lt_file_write(lt_ctx *ctx, const char *path, const void *data, size_t size);

LT_END_DECLS

#endif
