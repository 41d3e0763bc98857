/* Large blocks from a few long regions (arena.h). */
#define _DEFAULT_SOURCE /* madvise, MAP_ANONYMOUS */
#include "tensor/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks are multiples of UNIT. A region of REGION bytes costs only address space at first; pages
 * come with use. */
#define UNIT   ((size_t)64 << 10)
#define REGION ((size_t)1 << 30)

typedef struct extent {
    size_t from, bytes;
} extent;

typedef struct region {
    char *base;
    size_t bytes;
    size_t touched; /* nothing beyond has been handed out since the last trim */
    size_t used;    /* bytes of blocks in use */
    size_t blocks;  /* blocks in use */
    extent *free;   /* free memory by address; no two extents touch each other */
    size_t count, cap;
    struct region *next;
} region;

struct lt_arena {
    region *first;
};

lt_arena *lt_arena_create(void) { return calloc(1, sizeof(lt_arena)); }

static void region_destroy(region *r)
{
    munmap(r->base, r->bytes);
    free(r->free);
    free(r);
}

void lt_arena_destroy(lt_arena *arena)
{
    while (arena && arena->first) {
        region *r = arena->first;
        arena->first = r->next;
        region_destroy(r);
    }
    free(arena);
}

static void *map(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;
#endif
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(p, bytes, MADV_HUGEPAGE); /* only a wish: without huge pages it works, too */
#endif
    return p;
}

/* A region with room for `bytes`: a long one, or only as long as that where address space is
 * short. */
static region *region_create(size_t bytes)
{
    region *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->cap = 64;
    r->free = malloc(r->cap * sizeof *r->free);
    r->bytes = bytes > REGION ? bytes : REGION;
    r->base = r->free ? map(r->bytes) : NULL;
    if (r->free && !r->base) {
        r->bytes = bytes;
        r->base = map(r->bytes);
    }
    if (!r->base) {
        free(r->free);
        free(r);
        return NULL;
    }
    r->free[0] = (extent){0, r->bytes};
    r->count = 1;
    return r;
}

/* The region, and in *index the extent, with the least free memory that is enough; of equal ones
 * the first. NULL where none is enough. */
static region *best_fit(const lt_arena *arena, size_t bytes, size_t *index)
{
    region *best = NULL;
    for (region *r = arena->first; r; r = r->next)
        for (size_t i = 0; i < r->count; i++)
            if (r->free[i].bytes >= bytes &&
                (!best || r->free[i].bytes < best->free[*index].bytes)) {
                best = r;
                *index = i;
            }
    return best;
}

static void remove_extent(region *r, size_t i)
{
    r->count--;
    memmove(r->free + i, r->free + i + 1, (r->count - i) * sizeof *r->free);
}

void *lt_arena_alloc(lt_arena *arena, size_t bytes, size_t *taken, bool *grew)
{
    if (bytes > SIZE_MAX - UNIT)
        return NULL;
    bytes = (bytes + UNIT - 1) / UNIT * UNIT;
    size_t i = 0;
    region *r = best_fit(arena, bytes, &i);
    if (!r) {
        r = region_create(bytes);
        if (!r)
            return NULL;
        i = 0;
        r->next = arena->first;
        arena->first = r;
    }
    /* Freeing must not fail. There is at most one more free extent than blocks, so room for all of
     * them is made now. */
    if (r->blocks + 2 > r->cap) {
        extent *grown = realloc(r->free, 2 * r->cap * sizeof *grown);
        if (!grown)
            return NULL;
        r->free = grown;
        r->cap *= 2;
    }
    extent *e = &r->free[i];
    char *block = r->base + e->from;
    const size_t end = e->from + bytes;
    e->from += bytes;
    e->bytes -= bytes;
    if (e->bytes == 0)
        remove_extent(r, i);
    *grew = end > r->touched;
    if (*grew)
        r->touched = end;
    r->used += bytes;
    r->blocks++;
    *taken = bytes;
    return block;
}

void lt_arena_free(lt_arena *arena, void *block, size_t taken)
{
    region *r = arena->first;
    while ((char *)block < r->base || (char *)block >= r->base + r->bytes)
        r = r->next;
    const size_t from = (size_t)((char *)block - r->base);
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (r->free[mid].from < from)
            low = mid + 1;
        else
            high = mid;
    }
    r->used -= taken;
    r->blocks--;
    const bool joins_next = low < r->count && from + taken == r->free[low].from;
    if (low > 0 && r->free[low - 1].from + r->free[low - 1].bytes == from) {
        r->free[low - 1].bytes += taken + (joins_next ? r->free[low].bytes : 0);
        if (joins_next)
            remove_extent(r, low);
    } else if (joins_next) {
        r->free[low].from = from;
        r->free[low].bytes += taken;
    } else {
        memmove(r->free + low + 1, r->free + low, (r->count - low) * sizeof *r->free);
        r->free[low] = (extent){from, taken};
        r->count++;
    }
}

void lt_arena_trim(lt_arena *arena)
{
    for (region **at = &arena->first; *at;) {
        region *r = *at;
        if (r->used == 0) {
            *at = r->next;
            region_destroy(r);
            continue;
        }
        for (size_t i = 0; i < r->count; i++)
            (void)madvise(r->base + r->free[i].from, r->free[i].bytes, MADV_DONTNEED);
        const extent *last = r->count ? &r->free[r->count - 1] : NULL;
        if (last && last->from + last->bytes == r->bytes && last->from < r->touched)
            r->touched = last->from;
        at = &r->next;
    }
}

size_t lt_arena_cached(const lt_arena *arena)
{
    size_t sum = 0;
    for (const region *r = arena->first; r; r = r->next)
        sum += r->touched - r->used;
    return sum;
}
