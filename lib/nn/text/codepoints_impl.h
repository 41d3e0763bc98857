/* Unicode code points: a growing array of them, and their UTF-8 form.
 *
 * The lowest file of lib/nn/text: it includes no other file of the folder. Private to the
 * library. */
#ifndef LT_NN_CODEPOINTS_IMPL_H
#define LT_NN_CODEPOINTS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing array of code points. A zero-initialised array is empty and valid. */
typedef struct lt_codepoints {
    uint32_t *at;
    size_t count, cap;
} lt_codepoints;

/* Appends one code point. Returns false, and leaves the array as it was, when memory ran out. */
bool lt_codepoints_push(lt_codepoints *v, uint32_t c);

/* Frees the array and makes it empty again. */
void lt_codepoints_free(lt_codepoints *v);

/* Reads the UTF-8 sequence at the start of s[0..len), len >= 1, into *c. Returns how many bytes
 * the sequence has, 1 to 4, or 0 if s does not start with valid UTF-8 (RFC 3629: overlong forms
 * and surrogates are invalid). */
size_t lt_utf8_decode(const unsigned char *s, size_t len, uint32_t *c);

/* Writes code point c as UTF-8. Returns how many bytes were written, 1 to 4. */
size_t lt_utf8_encode(uint32_t c, unsigned char out[4]);

#endif
