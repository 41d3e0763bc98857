/* A hash of bytes (Fowler, Noll & Vo, variant 1a, 64 bits), for tables and for telling data apart.
 * It is the same on every machine and may be written to files. It does not protect against people
 * who look for collisions. */
#ifndef LT_TENSOR_HASH_H
#define LT_TENSOR_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The hash of no bytes, where every hash starts. */
#define LT_HASH_START UINT64_C(0xcbf29ce484222325)

/* Continues a hash: that of all bytes before, followed by the `size` bytes of `data`. */
static inline uint64_t lt_hash(uint64_t before, const void *data, size_t size)
{
    const unsigned char *byte = (const unsigned char *)data;
    for (size_t i = 0; i < size; i++)
        before = (before ^ byte[i]) * UINT64_C(0x100000001b3);
    return before;
}

/* Continues a hash with the characters of a text, without its terminator. */
static inline uint64_t lt_hash_text(uint64_t before, const char *text)
{
    return lt_hash(before, text, strlen(text));
}

#endif
