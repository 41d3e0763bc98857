/* A caching block allocator: the memory behind one context's tensors.
 *
 * Freed blocks are kept, so that a training step that repeats its shapes asks the system for
 * nothing after its first run: small ones by size class (eight per power of two), large ones
 * in an arena (arena.h). Under AddressSanitizer nothing is cached. Not thread-safe: a context
 * belongs to one thread. */
#ifndef LT_TENSOR_POOL_H
#define LT_TENSOR_POOL_H

#include "tensor/memory.h"

typedef struct lt_pool lt_pool;

/* References: the context holds one, each live block one more, so tensors may
 * outlive their context. */
lt_pool *lt_pool_create(void);
void lt_pool_release(lt_pool *pool);

/* 64-byte aligned, uninitialised; NULL when the system has no more. A size of 0
 * gives a valid block. */
void *lt_pool_alloc(lt_pool *pool, size_t bytes);
void lt_pool_free(lt_pool *pool, void *block);
void lt_pool_trim(lt_pool *pool);
lt_memory lt_pool_stats(const lt_pool *pool);
void lt_pool_reset_peak(lt_pool *pool);

#endif
