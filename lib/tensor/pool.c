/* The memory of one context's tensors (pool.h). */
#include "tensor/pool.h"

#include <stdint.h>
#include <stdlib.h>

#include "tensor/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define LT_POOL_CACHES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LT_POOL_CACHES 0
#endif
#endif
#ifndef LT_POOL_CACHES
#define LT_POOL_CACHES 1
#endif

enum { ALIGN = 64, STEPS = 8, CLASSES = 64 * STEPS, IN_ARENA = -1 };

/* Blocks from this size on come from the arena. */
#define LARGE ((size_t)1 << 20)

/* The header in front of each block, padded to ALIGN bytes. */
struct block {
    size_t bytes;    /* without this header */
    int class_index; /* its size class, or IN_ARENA */
    struct block *next;
};

struct lt_pool {
    size_t refs;
    lt_memory stats;
    size_t cached_small; /* bytes of the blocks in `free` */
    struct block *free[CLASSES];
    lt_arena *arena; /* created with the first large block */
};

/* The size class of a block, and its size rounded up: to a multiple of 2^k / 8 between 2^k and
 * 2^(k+1), at least 64 bytes. */
static int class_of(size_t bytes, size_t *rounded)
{
    if (bytes < ALIGN)
        bytes = ALIGN;
    int log = 63 - __builtin_clzll((unsigned long long)bytes);
    size_t step = ((size_t)1 << log) / STEPS;
    if (step < ALIGN)
        step = ALIGN;
    size_t up = (bytes + step - 1) / step * step;
    *rounded = up;
    log = 63 - __builtin_clzll((unsigned long long)up);
    const size_t base = (size_t)1 << log;
    return log * STEPS + (int)((up - base) * STEPS / base);
}

lt_pool *lt_pool_create(void)
{
    lt_pool *pool = calloc(1, sizeof *pool);
    if (pool)
        pool->refs = 1;
    return pool;
}

void lt_pool_release(lt_pool *pool)
{
    if (!pool || --pool->refs > 0)
        return;
    lt_pool_trim(pool);
    lt_arena_destroy(pool->arena);
    free(pool);
}

/* A small block, from those that are kept or from the system; NULL when the system has no memory
 * left. */
static struct block *small_block(lt_pool *pool, size_t bytes)
{
    size_t rounded;
    const int index = class_of(bytes, &rounded);
    struct block *b = pool->free[index];
    if (b) {
        pool->free[index] = b->next;
        pool->cached_small -= b->bytes;
        return b;
    }
    b = aligned_alloc(ALIGN, rounded + ALIGN);
    if (!b)
        return NULL;
    b->bytes = rounded;
    b->class_index = index;
    pool->stats.system_allocations++;
    return b;
}

/* A large block from the arena; NULL when the system has no memory left. */
static struct block *large_block(lt_pool *pool, size_t bytes)
{
    size_t taken;
    bool grew;
    if (!pool->arena && !(pool->arena = lt_arena_create()))
        return NULL;
    struct block *b = lt_arena_alloc(pool->arena, bytes + ALIGN, &taken, &grew);
    if (!b)
        return NULL;
    b->bytes = taken - ALIGN;
    b->class_index = IN_ARENA;
    pool->stats.system_allocations += grew;
    return b;
}

void *lt_pool_alloc(lt_pool *pool, size_t bytes)
{
    if (bytes > SIZE_MAX / 4)
        return NULL;
    struct block *(*take)(lt_pool *, size_t) =
        LT_POOL_CACHES && bytes >= LARGE ? large_block : small_block;
    struct block *b = take(pool, bytes);
    if (!b) {
        lt_pool_trim(pool); /* blocks of other sizes may be kept: the system can use their memory */
        b = take(pool, bytes);
    }
    if (!b)
        return NULL;
    pool->refs++;
    pool->stats.live_blocks++;
    pool->stats.live_bytes += b->bytes;
    if (pool->stats.live_bytes > pool->stats.peak_bytes)
        pool->stats.peak_bytes = pool->stats.live_bytes;
    return (char *)b + ALIGN;
}

void lt_pool_free(lt_pool *pool, void *block)
{
    if (!block)
        return;
    struct block *b = (struct block *)((char *)block - ALIGN);
    pool->stats.live_blocks--;
    pool->stats.live_bytes -= b->bytes;
    if (b->class_index == IN_ARENA) {
        lt_arena_free(pool->arena, b, b->bytes + ALIGN);
    } else if (LT_POOL_CACHES) {
        b->next = pool->free[b->class_index];
        pool->free[b->class_index] = b;
        pool->cached_small += b->bytes;
    } else {
        free(b);
    }
    lt_pool_release(pool);
}

void lt_pool_trim(lt_pool *pool)
{
    for (int i = 0; i < CLASSES; i++) {
        while (pool->free[i]) {
            struct block *b = pool->free[i];
            pool->free[i] = b->next;
            pool->cached_small -= b->bytes;
            free(b);
        }
    }
    if (pool->arena)
        lt_arena_trim(pool->arena);
}

lt_memory lt_pool_stats(const lt_pool *pool)
{
    lt_memory stats = pool->stats;
    stats.cached_bytes = pool->cached_small + (pool->arena ? lt_arena_cached(pool->arena) : 0);
    return stats;
}

void lt_pool_reset_peak(lt_pool *pool) { pool->stats.peak_bytes = pool->stats.live_bytes; }
