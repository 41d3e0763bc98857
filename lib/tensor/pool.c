#define _DEFAULT_SOURCE /* madvise */
#include "tensor/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

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

enum { ALIGN = 64, STEPS = 8, CLASSES = 64 * STEPS };

/* A free block of up to this many classes above serves as well: shapes that differ by a row
 * or a column then share their memory. */
enum { SPARE_CLASSES = 2 };

/* Blocks of at least this size ask for pages of this size: fewer faults, fewer misses of the
 * address cache. */
#define HUGE_PAGE ((size_t)2 << 20)

/* Stands in front of each block, padded to the alignment. */
struct block {
    size_t bytes; /* class size, without this header */
    int class_index;
    struct block *next;
};

struct lt_pool {
    size_t refs;
    lt_memory stats;
    struct block *free[CLASSES];
};

/* Class sizes: multiples of 2^k/8 between 2^k and 2^(k+1), at least 64 bytes. */
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
    free(pool);
}

static struct block *take_free(lt_pool *pool, int index)
{
    const int last = index + SPARE_CLASSES < CLASSES ? index + SPARE_CLASSES : CLASSES - 1;
    for (; index <= last; index++) {
        struct block *b = pool->free[index];
        if (!b)
            continue;
        pool->free[index] = b->next;
        pool->stats.cached_bytes -= b->bytes;
        return b;
    }
    return NULL;
}

static struct block *ask_system(size_t bytes)
{
    if (bytes < HUGE_PAGE)
        return aligned_alloc(ALIGN, bytes);
    const size_t pages = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    struct block *b = aligned_alloc(HUGE_PAGE, pages);
#ifdef MADV_HUGEPAGE
    if (b)
        (void)madvise(b, pages, MADV_HUGEPAGE); /* a wish: without it things only take longer */
#endif
    return b;
}

void *lt_pool_alloc(lt_pool *pool, size_t bytes)
{
    if (bytes > SIZE_MAX / 4)
        return NULL;
    size_t rounded;
    const int index = class_of(bytes, &rounded);
    struct block *b = take_free(pool, index);
    if (!b) {
        b = ask_system(rounded + ALIGN);
        if (!b) {
            lt_pool_trim(pool); /* the cache may hold what is missing */
            b = ask_system(rounded + ALIGN);
        }
        if (!b)
            return NULL;
        b->bytes = rounded;
        b->class_index = index;
        pool->stats.system_allocations++;
    }
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
    if (LT_POOL_CACHES) {
        b->next = pool->free[b->class_index];
        pool->free[b->class_index] = b;
        pool->stats.cached_bytes += b->bytes;
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
            pool->stats.cached_bytes -= b->bytes;
            free(b);
        }
    }
}

lt_memory lt_pool_stats(const lt_pool *pool) { return pool->stats; }

void lt_pool_reset_peak(lt_pool *pool) { pool->stats.peak_bytes = pool->stats.live_bytes; }
