/* Symbols, merges and the merge list's text form. Private to the library. */
#ifndef LT_NN_TOKENIZER_VOCAB_IMPL_H
#define LT_NN_TOKENIZER_VOCAB_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

#define LT_NO_SYMBOL     UINT32_MAX
#define LT_NO_RANK       UINT32_MAX
#define LT_WORD_END_MARK "</w>"

/* Distinct strings, numbered from 0 in order of addition. Two merges may spell
 * the same symbol; it is one symbol then. */
typedef struct lt_symbols {
    char *bytes;
    size_t bytes_used, bytes_cap;
    size_t *start; /* of string i; start[count] is the end of the last */
    size_t count, cap;
    uint32_t *slot; /* hash table of string numbers, LT_NO_SYMBOL where free */
    size_t slots;   /* a power of two */
} lt_symbols;

/* Holds the 512 base symbols afterwards: bytes in the vocabulary's order, then
 * the same with the end mark. false: out of memory (lt_symbols_free() still
 * applies, as to a zero-initialised one). */
bool lt_symbols_init(lt_symbols *s);
void lt_symbols_free(lt_symbols *s);
uint32_t lt_symbols_find(const lt_symbols *s, const char *text, size_t len);
/* The number of text[0..len), added if it is new; LT_NO_SYMBOL: no memory. */
uint32_t lt_symbols_add(lt_symbols *s, const char *text, size_t len);
/* The number of a's string followed by b's, added if it is new. */
uint32_t lt_symbols_join(lt_symbols *s, uint32_t a, uint32_t b);
const char *lt_symbols_text(const lt_symbols *s, uint32_t i, size_t *len);

/* Pairs of symbols to a 32-bit value; zero-initialised is empty. */
typedef struct lt_pair_slot {
    uint64_t pair;
    uint32_t value;
    bool used;
} lt_pair_slot;

typedef struct lt_pair_map {
    lt_pair_slot *slot;
    size_t slots, count;
} lt_pair_map;

void lt_pair_map_free(lt_pair_map *map);
/* The value of (a, b), or NULL. */
const uint32_t *lt_pair_map_find(const lt_pair_map *map, uint32_t a, uint32_t b);
/* The value of (a, b), entered as `initial` if the pair is new; NULL: no memory.
 * Valid until the next call. */
uint32_t *lt_pair_map_at(lt_pair_map *map, uint32_t a, uint32_t b, uint32_t initial);

/* What encoding needs of a merge list. */
typedef struct lt_vocab {
    lt_pair_map ranks; /* pair -> number of its merge */
    uint32_t *merged;  /* [merges] symbol that a merge makes */
    int32_t *id;       /* [symbols] token id */
    size_t merges;
} lt_vocab;

/* Reads a plain or gzip merge list. */
lt_status lt_vocab_read(lt_ctx *ctx, const void *list, size_t bytes, lt_vocab *out);
void lt_vocab_free(lt_vocab *vocab);

/* Unpacks gzip data to a malloc'd *out of at most LT_TOKENIZER_MAX_LIST bytes. */
lt_status lt_gunzip(lt_ctx *ctx, const void *data, size_t bytes, char **out, size_t *out_bytes);

#endif
