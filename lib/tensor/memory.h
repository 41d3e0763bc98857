/* How much tensor memory is in use. */
#ifndef LT_TENSOR_MEMORY_H
#define LT_TENSOR_MEMORY_H

#include <stddef.h>

/* Tensor memory of one context, in bytes. */
typedef struct lt_memory {
    size_t live_bytes;         /* in blocks that are in use */
    size_t peak_bytes;         /* the largest live_bytes since lt_ctx_reset_peak() */
    size_t cached_bytes;       /* in freed blocks that are kept for reuse */
    size_t live_blocks;        /* number of blocks in use */
    size_t system_allocations; /* how often the system was asked for memory, ever */
} lt_memory;

#endif
