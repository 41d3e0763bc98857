/* From a user's text to the lower-case characters that the tokenizer splits into words.
 *
 * Does what OpenAI's CLIP code does before its byte-pair encoding: repair damaged text, resolve
 * HTML entities (twice), reduce each run of white space to one blank, Unicode lower case. The
 * repair is the part of Python's ftfy that typed or pasted text needs: entities, curly quotes,
 * Latin ligatures, full-width forms, control characters, terminal escapes, normalisation form C.
 * Text that was decoded with the wrong encoding ("cafÃ©") is left as it is. Private to the
 * library. */
#ifndef LT_NN_TEXT_CLEAN_IMPL_H
#define LT_NN_TEXT_CLEAN_IMPL_H

#include "nn/text/codepoints_impl.h"
#include "tensor/context.h"

/* Cleans len bytes of UTF-8 and puts the result in *out, in place of what *out held. The caller
 * frees *out, also after a failure. Errors: LT_ERR_FORMAT (not UTF-8; the message has the offset of
 * the first bad byte), LT_ERR_MEMORY. */
lt_status lt_text_clean(lt_ctx *ctx, const char *text, size_t len, lt_codepoints *out);

#endif
