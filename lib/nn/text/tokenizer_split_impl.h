/* Cleaned text to words, and words to byte symbols. Private to the library. */
#ifndef LT_NN_TOKENIZER_SPLIT_IMPL_H
#define LT_NN_TOKENIZER_SPLIT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lt_word_kind {
    LT_WORD_NONE, /* the end of the text */
    LT_WORD_PLAIN,
    LT_WORD_START, /* the literal <|startoftext|> */
    LT_WORD_END,   /* the literal <|endoftext|> */
} lt_word_kind;

/* The next word of the cleaned in[0..count) at or after *at: in[*first..*at)
 * after the call. */
lt_word_kind lt_next_word(const uint32_t *in, size_t count, size_t *at, size_t *first);

/* The printable character that a merge list writes for a byte: itself where it
 * is printable in Latin-1, else U+0100 and following. */
uint32_t lt_byte_symbol(unsigned char byte);

/* The vocabulary's order of the bytes: printable ones first. rank[byte] is
 * 0..255. */
void lt_byte_ranks(uint16_t rank[256]);

#endif
