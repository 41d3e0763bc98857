/* A pool: the memory of one context's tensors, in blocks.
 *
 * Freed blocks are kept, so that a training step, which needs the same shapes each time, asks the
 * system for nothing after its first run. Small blocks are kept by size class, eight per power of
 * two; large ones come from an arena (arena.h). Under AddressSanitizer nothing is kept. Not
 * thread-safe: a context belongs to one thread. */
#ifndef LT_TENSOR_POOL_H
#define LT_TENSOR_POOL_H

#include "tensor/memory.h"

typedef struct lt_pool lt_pool;

/* The context holds a reference to its pool, and so does each block in use: tensors may outlive
 * their context. NULL when memory ran out. */
lt_pool *lt_pool_create(void);
void lt_pool_release(lt_pool *pool);

/* A block of at least `bytes`, aligned to 64 bytes, whose contents are not set. A size of 0 gives a
 * valid block. NULL when the system has no memory left. */
void *lt_pool_alloc(lt_pool *pool, size_t bytes);
void lt_pool_free(lt_pool *pool, void *block);
/* Gives the blocks that are kept back to the system. */
void lt_pool_trim(lt_pool *pool);
lt_memory lt_pool_stats(const lt_pool *pool);
void lt_pool_reset_peak(lt_pool *pool);

#endif
