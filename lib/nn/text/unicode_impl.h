/* Properties of code points, normalisation and lower case, by the tables in generated/. Private to
 * the library. */
#ifndef LT_NN_UNICODE_IMPL_H
#define LT_NN_UNICODE_IMPL_H

#include "nn/text/codepoints_impl.h"

/* The classes of characters that CLIP's word pattern tells apart. */
typedef enum lt_char_class {
    LT_CHAR_OTHER,
    LT_CHAR_LETTER, /* Unicode categories L* */
    LT_CHAR_NUMBER, /* Unicode categories N* */
    LT_CHAR_SPACE,
} lt_char_class;

/* The class of code point c. */
lt_char_class lt_char_class_of(uint32_t c);

/* The ordinary character for a full-width or half-width form of one; any other c as it is. */
uint32_t lt_char_plain_width(uint32_t c);

/* Appends in[0..count) to *out in normalisation form C (Unicode Standard Annex 15). Returns false,
 * and leaves the length of *out as it was, when memory ran out. */
bool lt_unicode_nfc(const uint32_t *in, size_t count, lt_codepoints *out);

/* Appends in[0..count) to *out in lower case, with Unicode's full mappings and its rule for a sigma
 * at the end of a word. Returns false when memory ran out. */
bool lt_unicode_lowercase(const uint32_t *in, size_t count, lt_codepoints *out);

#endif
