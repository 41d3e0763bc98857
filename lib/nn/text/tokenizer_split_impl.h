/* From cleaned text to words, and from bytes to the symbols that merge lists are written in.
 * Private to the library. */
#ifndef LT_NN_TOKENIZER_SPLIT_IMPL_H
#define LT_NN_TOKENIZER_SPLIT_IMPL_H

#include <stddef.h>
#include <stdint.h>

typedef enum lt_word_kind {
    LT_WORD_NONE, /* no further word: the end of the text */
    LT_WORD_PLAIN,
    LT_WORD_START, /* the literal <|startoftext|> */
    LT_WORD_END,   /* the literal <|endoftext|> */
} lt_word_kind;

/* Finds the next word of the cleaned text in[0..count) at or after *at. The word is
 * in[*first..*at) after the call. */
lt_word_kind lt_next_word(const uint32_t *in, size_t count, size_t *at, size_t *first);

/* The printable character that merge lists write for a byte: the Latin-1 character of that number
 * if it is printable, else one from U+0100 on. */
uint32_t lt_byte_symbol(unsigned char byte);

/* Fills rank[b] with the place, 0 to 255, of byte b in the vocabulary: printable bytes first. */
void lt_byte_ranks(uint16_t rank[256]);

#endif
