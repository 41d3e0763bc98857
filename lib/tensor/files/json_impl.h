/* What the JSON reader and writer share. */
#ifndef LT_TENSOR_JSON_IMPL_H
#define LT_TENSOR_JSON_IMPL_H

#include <locale.h>
#include <stddef.h>

/* printf and strtod follow the locale, JSON does not: these put the calling
 * thread into the "C" locale and back. */
locale_t lt_c_locale_enter(void);
void lt_c_locale_leave(locale_t previous);

/* The number of bytes of the well-formed UTF-8 sequence at `p`, of which `room`
 * bytes may be read; 0 if there is none (Unicode 15, table 3-7: no overlong
 * forms, no surrogates). */
size_t lt_utf8_length(const unsigned char *p, size_t room);

#endif
