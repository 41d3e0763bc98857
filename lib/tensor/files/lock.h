/* Locks beside files, so that two processes do not write the same results. Private, like
 * json_reader.h: libtensor.so does not export it. */
#ifndef LT_TENSOR_LOCK_H
#define LT_TENSOR_LOCK_H

#include <stdbool.h>

#include "tensor/context.h"

/* Whether `fd` is open on the file that has the name `path` now. */
bool lt_file_is_named(int fd, const char *path);

/* The lock of the target "out/m.safetensors": the file "out/.m.safetensors.lock" with the number of
 * the process in it, held by flock(). The lock ends with the process, so that a file that a killed
 * process has left is taken over. */
typedef struct lt_lock lt_lock;

/* Takes the lock of `target`, without waiting; the caller gives it to lt_lock_release(). Where the
 * file system knows no locks, nothing is excluded. Errors: LT_ERR_IO where another process holds
 * it, with `what` ("is trained") and its number in the message, or where the lock file cannot be
 * made; LT_ERR_MEMORY. */
lt_status lt_lock_take(lt_ctx *ctx, const char *target, const char *what, lt_lock **lock);
/* Removes the lock file and frees the lock. NULL is accepted. */
void lt_lock_release(lt_lock *lock);

#endif
