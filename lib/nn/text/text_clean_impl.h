/* From a user's text to the lower-case characters that the tokenizer splits.
 *
 * Does what OpenAI's CLIP code does before its byte-pair encoding: repair,
 * HTML unescaping (twice), white space to single blanks, Unicode lower case. The
 * repair is the part of Python's ftfy that typed or pasted text meets: entities,
 * curly quotes, Latin ligatures, full-width forms, control characters,
 * terminal escapes, NFC. Wrongly decoded bytes ("cafÃ©") are left as they are.
 * Private to the library. */
#ifndef LT_NN_TEXT_CLEAN_IMPL_H
#define LT_NN_TEXT_CLEAN_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/context.h"

/* A growing array of code points; zero-initialised is empty. */
typedef struct lt_codepoints {
    uint32_t *at;
    size_t count, cap;
} lt_codepoints;

/* false: out of memory, nothing added. */
bool lt_codepoints_push(lt_codepoints *v, uint32_t c);
void lt_codepoints_free(lt_codepoints *v);

/* Cleans len bytes of UTF-8 into *out (the caller frees it, also on failure).
 * LT_ERR_FORMAT names the byte offset of what is not UTF-8; LT_ERR_MEMORY. */
lt_status lt_text_clean(lt_ctx *ctx, const char *text, size_t len, lt_codepoints *out);

/* Python's html.unescape over in[0..count), appended to *out. */
bool lt_html_unescape(const uint32_t *in, size_t count, lt_codepoints *out);
/* ftfy's cautious form: complete references that end in ';' only. */
bool lt_html_unescape_strict(const uint32_t *in, size_t count, lt_codepoints *out);

typedef enum lt_char_class {
    LT_CHAR_OTHER,
    LT_CHAR_LETTER,
    LT_CHAR_NUMBER,
    LT_CHAR_SPACE,
} lt_char_class;

lt_char_class lt_char_class_of(uint32_t c);
/* The width-neutral character of a full-width or half-width form, else c. */
uint32_t lt_char_plain_width(uint32_t c);
/* Normalisation form C, appended to *out. */
bool lt_unicode_nfc(const uint32_t *in, size_t count, lt_codepoints *out);
/* Lower case with the full mappings and the final sigma rule. */
bool lt_unicode_lowercase(const uint32_t *in, size_t count, lt_codepoints *out);

#endif
