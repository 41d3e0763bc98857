/* Large blocks of memory from a few long regions: freed neighbours merge, so that blocks of
 * other sizes find their place again and a run needs little more than its live blocks.
 *
 * Regions ask for huge pages: fewer faults, fewer misses of the address cache. Not
 * thread-safe. */
#ifndef LT_TENSOR_ARENA_H
#define LT_TENSOR_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lt_arena lt_arena;

/* NULL when memory ran out. */
lt_arena *lt_arena_create(void);
/* Every block has been freed. NULL is accepted. */
void lt_arena_destroy(lt_arena *arena);

/* A block of at least `bytes`, 4096-byte aligned, uninitialised; *taken is its size, which
 * lt_arena_free() gets back. *grew tells that memory never used before was needed. NULL when
 * the system has no more. */
void *lt_arena_alloc(lt_arena *arena, size_t bytes, size_t *taken, bool *grew);
void lt_arena_free(lt_arena *arena, void *block, size_t taken);

/* Gives the pages of free memory back to the system. */
void lt_arena_trim(lt_arena *arena);
/* Free memory that may hold pages. */
size_t lt_arena_cached(const lt_arena *arena);

#endif
