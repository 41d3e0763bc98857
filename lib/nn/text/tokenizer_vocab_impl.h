/* The vocabulary of byte-pair encoding: symbols, pairs of symbols, and the merge list they are read
 * from. Private to the library. */
#ifndef LT_NN_TOKENIZER_VOCAB_IMPL_H
#define LT_NN_TOKENIZER_VOCAB_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

#define LT_NO_SYMBOL     UINT32_MAX
#define LT_NO_RANK       UINT32_MAX
#define LT_WORD_END_MARK "</w>"

/* Different strings, numbered from 0 in the order of adding. Two merges may spell the same string;
 * it is one symbol then. A zero-initialised table may be given to lt_symbols_free(). */
typedef struct lt_symbols {
    char *bytes;
    size_t bytes_used, bytes_cap;
    size_t *start; /* [count + 1]: string i has the bytes start[i] to start[i + 1] */
    size_t count, cap;
    uint32_t *slot; /* hash table of string numbers, LT_NO_SYMBOL where free */
    size_t slots;   /* a power of two */
} lt_symbols;

/* Fills an empty table with the 512 base symbols: the bytes in the order of the vocabulary, then
 * the bytes with LT_WORD_END_MARK. Returns false when memory ran out; lt_symbols_free() is due all
 * the same. */
bool lt_symbols_init(lt_symbols *s);

/* Frees a table and makes it empty. */
void lt_symbols_free(lt_symbols *s);

/* The number of the string text[0..len); LT_NO_SYMBOL if the table does not have it. */
uint32_t lt_symbols_find(const lt_symbols *s, const char *text, size_t len);

/* The number of the string text[0..len), which is added if it is new; LT_NO_SYMBOL when memory ran
 * out. */
uint32_t lt_symbols_add(lt_symbols *s, const char *text, size_t len);

/* The number of string a followed by string b, which is added if it is new; LT_NO_SYMBOL when
 * memory ran out. */
uint32_t lt_symbols_join(lt_symbols *s, uint32_t a, uint32_t b);

/* String i, not terminated, and its length. Valid until the table changes. */
const char *lt_symbols_text(const lt_symbols *s, uint32_t i, size_t *len);

typedef struct lt_pair_slot {
    uint64_t pair;
    uint32_t value;
    bool used;
} lt_pair_slot;

/* A map from pairs of symbols to 32-bit values. A zero-initialised map is empty. */
typedef struct lt_pair_map {
    lt_pair_slot *slot; /* hash table */
    size_t slots, count;
} lt_pair_map;

/* Frees a map and makes it empty. */
void lt_pair_map_free(lt_pair_map *map);

/* The value of the pair (a, b), or NULL if the map does not have it. */
const uint32_t *lt_pair_map_find(const lt_pair_map *map, uint32_t a, uint32_t b);

/* The value of the pair (a, b), which is entered with the value `initial` if it is new; NULL when
 * memory ran out. Valid until the next call. */
uint32_t *lt_pair_map_at(lt_pair_map *map, uint32_t a, uint32_t b, uint32_t initial);

/* What encoding needs of a merge list. */
typedef struct lt_vocab {
    lt_pair_map ranks; /* a pair of symbols to the number of its merge */
    uint32_t *merged;  /* [merges]: the symbol that a merge makes */
    int32_t *id;       /* [symbols]: the token id of a symbol */
    size_t merges;
} lt_vocab;

/* Reads a merge list of `bytes` bytes, plain or gzip. A list of more than max_bytes, packed or
 * unpacked, is refused; lines after max_merges merges are ignored. Nothing needs freeing after a
 * failure. Errors: LT_ERR_FORMAT, LT_ERR_MEMORY. */
lt_status lt_vocab_read(lt_ctx *ctx, const void *list, size_t bytes, size_t max_bytes,
                        size_t max_merges, lt_vocab *out);

/* Frees what lt_vocab_read() made. */
void lt_vocab_free(lt_vocab *vocab);

/* Unpacks gzip data to *out, at most `limit` bytes, allocated with malloc(); NULL after a failure.
 * Errors: LT_ERR_FORMAT (damaged or too large), LT_ERR_MEMORY. */
lt_status lt_gunzip(lt_ctx *ctx, const void *data, size_t bytes, size_t limit, char **out,
                    size_t *out_bytes);

#endif
