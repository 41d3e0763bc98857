/* Contexts: threads, memory, failures and scopes.
 *
 * Everything that a computation shares lives in one lt_ctx; apart from the BLAS, which is loaded
 * once a process, the library has no other state. A context and its tensors belong to one thread at
 * a time. Different contexts are independent.
 *
 * Failures. The context keeps the first failure: a status, and a message of one line that names the
 * operation, the argument and the shapes. Functions that return lt_status return it; operations
 * that return a tensor return NULL. An operation that is handed NULL while a failure stands returns
 * NULL and leaves the message alone. So a whole network can be written as one expression and
 * checked at the end.
 *
 * Ownership. A tensor that an operation returns belongs to the context's innermost scope and is
 * released with it. lt_retain() keeps a tensor longer; lt_release() gives such a reference back. */
#ifndef LT_TENSOR_CONTEXT_H
#define LT_TENSOR_CONTEXT_H

#include <stddef.h>

#include "tensor/memory.h"
#include "tensor/status.h"

LT_BEGIN_DECLS

typedef struct lt_ctx lt_ctx;
typedef struct lt_tensor lt_tensor;

/* Creates a context with one thread per core that this process may run on, or as many as its
 * cgroup's quota of CPU time pays for. The environment variable OMP_NUM_THREADS overrides both.
 * Errors: LT_ERR_MEMORY. */
LT_API lt_status lt_ctx_create(lt_ctx **out);

/* Destroys a context, its scopes and its tape. Tensors that are still retained keep their memory,
 * but the only thing to do with them is lt_release(). NULL is accepted. */
LT_API void lt_ctx_destroy(lt_ctx *ctx);

/* Sets the number of threads, 1..256, of all later operations. With the same number, results are
 * the same bit for bit from run to run. Errors: LT_ERR_ARGUMENT. */
LT_API lt_status lt_ctx_set_threads(lt_ctx *ctx, int threads);
/* The number of threads that operations use. */
LT_API int lt_ctx_threads(const lt_ctx *ctx);

/* The status of the failure that stands, LT_OK where there is none. */
LT_API lt_status lt_ctx_status(const lt_ctx *ctx);
/* The message of the failure that stands, "" where there is none. The context owns the text, which
 * changes with the next failure and with lt_ctx_clear(). */
LT_API const char *lt_ctx_message(const lt_ctx *ctx);
/* Forgets the failure that stands, so that the context can be used again. */
LT_API void lt_ctx_clear(lt_ctx *ctx);

/* Records a failure with a message in the manner of printf, unless a failure stands already.
 * Returns `status` in both cases. */
LT_API lt_status lt_fail(lt_ctx *ctx, lt_status status, const char *format, ...) LT_PRINTF(3, 4);

/* How much tensor memory the context uses, and used at most. */
LT_API lt_memory lt_ctx_memory(const lt_ctx *ctx);
/* Makes the memory in use now the new peak. */
LT_API void lt_ctx_reset_peak(lt_ctx *ctx);
/* Gives cached blocks back to the system. */
LT_API void lt_ctx_trim(lt_ctx *ctx);

/* A scope owns the tensors that are made while it is the innermost one. Scopes nest. */
typedef size_t lt_scope;
/* Opens a scope inside of the innermost one. */
LT_API lt_scope lt_scope_open(lt_ctx *ctx);
/* Closes a scope and releases every tensor made since it was opened, except `keep`, which moves to
 * the enclosing scope and is returned. keep may be NULL. */
LT_API lt_tensor *lt_scope_close(lt_ctx *ctx, lt_scope scope, lt_tensor *keep);
/* Closes a scope as lt_scope_close() does, but keeps `count` tensors. NULL entries are skipped. */
LT_API void lt_scope_close_keep(lt_ctx *ctx, lt_scope scope, lt_tensor *const *keep, size_t count);

LT_END_DECLS

#endif
