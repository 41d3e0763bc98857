/* The word pattern of CLIP's tokenizer:
 *
 *     <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd
 *     | letters+ | one number | what is neither blank, letter nor number +
 *
 * tried in this order at each place, ignoring case. */
#include "nn/text/tokenizer_split_impl.h"

#include "nn/text/unicode_impl.h"

/* The length of `literal` if in[0..count) starts with it, else 0. The pattern ignores case;
 * cleaned text is in lower case except for the long s (U+017F), which equals s without case.
 * *exact tells whether there was none. */
static size_t match(const uint32_t *in, size_t count, const char *literal, bool *exact)
{
    size_t i = 0;
    *exact = true;
    for (; literal[i]; i++) {
        if (i == count)
            return 0;
        if (in[i] == (unsigned char)literal[i])
            continue;
        if (literal[i] != 's' || in[i] != 0x17F)
            return 0;
        *exact = false;
    }
    return i;
}

/* The class of c in the pattern. U+0345 becomes a letter when case is ignored but is none
 * itself, so it fits neither "letter" nor "no letter": the pattern skips it like a blank. */
static lt_char_class class_of(uint32_t c)
{
    return c == 0x345 ? LT_CHAR_SPACE : lt_char_class_of(c);
}

lt_word_kind lt_next_word(const uint32_t *in, size_t count, size_t *at, size_t *first)
{
    static const char *const suffixes[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    size_t i = *at;
    while (i < count && class_of(in[i]) == LT_CHAR_SPACE)
        i++;
    *first = *at = i;
    if (i == count)
        return LT_WORD_NONE;

    bool exact;
    size_t n;
    if (in[i] == '<') {
        if ((n = match(in + i, count - i, "<|startoftext|>", &exact)) != 0) {
            *at = i + n;
            return exact ? LT_WORD_START : LT_WORD_PLAIN;
        }
        if ((n = match(in + i, count - i, "<|endoftext|>", &exact)) != 0) {
            *at = i + n;
            return LT_WORD_END;
        }
    } else if (in[i] == '\'') {
        for (size_t k = 0; k < sizeof suffixes / sizeof suffixes[0]; k++) {
            if ((n = match(in + i, count - i, suffixes[k], &exact)) != 0) {
                *at = i + n;
                return LT_WORD_PLAIN;
            }
        }
    }
    lt_char_class kind = class_of(in[i++]);
    while (kind != LT_CHAR_NUMBER && i < count && class_of(in[i]) == kind)
        i++;
    *at = i;
    return LT_WORD_PLAIN;
}

static bool is_printable(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

uint32_t lt_byte_symbol(unsigned char byte)
{
    if (is_printable(byte))
        return byte;
    uint32_t symbol = 0x100;
    for (unsigned b = 0; b < byte; b++)
        symbol += !is_printable(b);
    return symbol;
}

void lt_byte_ranks(uint16_t rank[256])
{
    uint16_t next = 0;
    for (int printable = 1; printable >= 0; printable--)
        for (unsigned b = 0; b < 256; b++)
            if (is_printable(b) == (printable != 0))
                rank[b] = next++;
}
