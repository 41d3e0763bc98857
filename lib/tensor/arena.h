/* An arena: large blocks of memory, cut from a few long regions.
 *
 * Freed neighbours merge, so that there is room for blocks of other sizes again, and a run needs
 * little more memory than its blocks in use. Regions ask for huge pages, which cause fewer page
 * faults and fewer misses of the TLB. Not thread-safe. */
#ifndef LT_TENSOR_ARENA_H
#define LT_TENSOR_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lt_arena lt_arena;

/* An arena without regions; NULL when memory ran out. */
lt_arena *lt_arena_create(void);
/* Destroys an arena all of whose blocks have been freed. NULL is accepted. */
void lt_arena_destroy(lt_arena *arena);

/* A block of at least `bytes`, aligned to 4096 bytes, whose contents are not set. *taken becomes
 * its size, which lt_arena_free() wants back; *grew tells whether memory was taken that had not
 * been used since the last trim. NULL when the system has no memory left. */
void *lt_arena_alloc(lt_arena *arena, size_t bytes, size_t *taken, bool *grew);
void lt_arena_free(lt_arena *arena, void *block, size_t taken);

/* Gives the pages of free memory back to the system. */
void lt_arena_trim(lt_arena *arena);
/* Bytes of free memory for which the system may still hold pages. */
size_t lt_arena_cached(const lt_arena *arena);

#endif
