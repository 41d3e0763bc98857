/* The context: threads, memory, random-free settings, errors and scopes.
 *
 * Everything a computation shares lives in one lt_ctx; the library has no
 * other mutable state (the BLAS, once loaded, is process-wide). A context and
 * its tensors belong to one thread at a time; different contexts are
 * independent.
 *
 * Errors. The first failure is kept in the context as a status and a one-line
 * message that names the operation, the argument and the shapes. Functions that
 * return lt_status report it directly; operations that return a tensor return
 * NULL. An operation that is handed NULL while a failure stands returns NULL
 * and leaves the message alone, so a whole network can be written as an
 * expression and checked once at its end.
 *
 * Ownership. A tensor that an operation returns belongs to the context's
 * innermost scope and dies with it; lt_retain() keeps one longer and
 * lt_release() gives that reference back. */
#ifndef LT_TENSOR_CONTEXT_H
#define LT_TENSOR_CONTEXT_H

#include <stddef.h>

#include "tensor/memory.h"
#include "tensor/status.h"

LT_BEGIN_DECLS

typedef struct lt_ctx lt_ctx;
typedef struct lt_tensor lt_tensor;

/* Creates a context with one thread per core that this process may run on. Errors:
 * LT_ERR_MEMORY. */
LT_API lt_status lt_ctx_create(lt_ctx **out);

/* Destroys a context, its scopes and its tape. Tensors still retained keep
 * their memory but must not be used. NULL is accepted. */
LT_API void lt_ctx_destroy(lt_ctx *ctx);

/* Sets the number of threads, 1..256, of every later operation. Results are
 * bit-identical from run to run for the same number. */
LT_API lt_status lt_ctx_set_threads(lt_ctx *ctx, int threads);
LT_API int lt_ctx_threads(const lt_ctx *ctx);

/* The standing failure: LT_OK and "" where there is none. The text is valid
 * until the next failure or lt_ctx_clear(). */
LT_API lt_status lt_ctx_status(const lt_ctx *ctx);
LT_API const char *lt_ctx_message(const lt_ctx *ctx);
LT_API void lt_ctx_clear(lt_ctx *ctx);

/* Records a failure unless one stands already, and returns `status`. */
LT_API lt_status lt_fail(lt_ctx *ctx, lt_status status, const char *format, ...) LT_PRINTF(3, 4);

/* Tensor memory in use, and how much there was at most. */
LT_API lt_memory lt_ctx_memory(const lt_ctx *ctx);
/* Sets the high-water mark to what is live now. */
LT_API void lt_ctx_reset_peak(lt_ctx *ctx);
/* Gives cached blocks back to the system. */
LT_API void lt_ctx_trim(lt_ctx *ctx);

/* Scopes nest. Closing one releases every tensor made since it was opened;
 * `keep` (may be NULL) moves to the enclosing scope and is returned. */
typedef size_t lt_scope;
LT_API lt_scope lt_scope_open(lt_ctx *ctx);
LT_API lt_tensor *lt_scope_close(lt_ctx *ctx, lt_scope scope, lt_tensor *keep);
/* The same with several tensors; NULL entries are skipped. */
LT_API void lt_scope_close_keep(lt_ctx *ctx, lt_scope scope, lt_tensor *const *keep, size_t count);

LT_END_DECLS

#endif
