/* HTML character references ("&amp;", "&#233;") to the characters they stand for. Private to the
 * library. */
#ifndef LT_NN_HTML_IMPL_H
#define LT_NN_HTML_IMPL_H

#include "nn/text/codepoints_impl.h"

/* Appends in[0..count) to *out with every reference replaced, as Python's html.unescape does: also
 * references without a ';' at the end, such as "&amp". Returns false when memory ran out. */
bool lt_html_unescape(const uint32_t *in, size_t count, lt_codepoints *out);

/* Appends in[0..count) to *out with complete references replaced, as Python's ftfy does: only those
 * that end in ';' and have at most 24 letters or digits. Returns false when memory ran out. */
bool lt_html_unescape_strict(const uint32_t *in, size_t count, lt_codepoints *out);

#endif
