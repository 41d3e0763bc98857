/* The locale and UTF-8, for the JSON reader and writer. */
#ifndef LT_TENSOR_JSON_IMPL_H
#define LT_TENSOR_JSON_IMPL_H

#include <locale.h>
#include <stddef.h>

/* JSON has decimal points, but printf and strtod follow the locale. Puts the calling thread into
 * the "C" locale and returns what lt_c_locale_leave() wants. */
locale_t lt_c_locale_enter(void);
/* Puts the calling thread back into its own locale. */
void lt_c_locale_leave(locale_t previous);

/* The number of bytes of the UTF-8 sequence at p, of which `room` bytes may be read; 0 if it is not
 * well formed (Unicode 15, table 3-7: no overlong forms, no surrogates). */
size_t lt_utf8_length(const unsigned char *p, size_t room);

#endif
