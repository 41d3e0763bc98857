/* Whole files: bounded reading, and writing that is all or nothing. */
#ifndef LT_TENSOR_FILE_H
#define LT_TENSOR_FILE_H

#include <stddef.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* Reads the file (or pipe) at `path` into a new block that the caller gives to
 * free(). A zero byte that `*size` does not count follows the data, so a text
 * can be used as a string. Errors: LT_ERR_IO where it cannot be read or is a
 * directory, LT_ERR_FORMAT where it holds more than `max_bytes`,
 * LT_ERR_MEMORY. */
LT_API lt_status lt_file_read(lt_ctx *ctx, const char *path, size_t max_bytes, void **data,
                              size_t *size);

/* A file being written. The bytes go to a temporary file in the target's
 * folder; committing renames it over the target, so that readers and crashes
 * see the old content or the new, never a part. A symbolic link is followed,
 * an existing target's permissions are kept, and a target that is a device or
 * a pipe is written directly. */
typedef struct lt_file_writer lt_file_writer;

/* Starts writing `path`. Errors: LT_ERR_IO (a missing folder, a folder where
 * nothing can be created, a target that is a directory), LT_ERR_MEMORY. */
LT_API lt_status lt_file_writer_open(lt_ctx *ctx, const char *path, lt_file_writer **out);

/* Appends `size` bytes. After a failure (LT_ERR_IO) further calls do nothing
 * and report it again, so that it is enough to look at the commit. */
LT_API lt_status lt_file_writer_write(lt_file_writer *writer, const void *data, size_t size);

/* Flushes to the disk and puts the file in its place; on failure nothing is
 * left behind and the target is as it was. Frees `writer` in both cases.
 * Errors: LT_ERR_IO, for example when the disk is full. */
LT_API lt_status lt_file_writer_commit(lt_file_writer *writer);

/* Removes the temporary file and frees `writer`; the target is as it was. NULL
 * is accepted. */
LT_API void lt_file_writer_abandon(lt_file_writer *writer);

/* Writes a whole file with the calls above. */
LT_API lt_status lt_file_write(lt_ctx *ctx, const char *path, const void *data, size_t size);

LT_END_DECLS

#endif
