/* The named character references of HTML5, sorted by name (strcmp order).
 * html_entities.c is generated. */
#ifndef LT_NN_HTML_ENTITIES_IMPL_H
#define LT_NN_HTML_ENTITIES_IMPL_H

#include <stddef.h>
#include <stdint.h>

typedef struct lt_html_entity {
    const char *name;       /* without '&'; with ';' where the name has it */
    uint32_t first, second; /* second = 0: one code point only */
} lt_html_entity;

extern const lt_html_entity lt_html_entities[];
extern const size_t lt_html_entities_count;

/* Letters of the longest name, ';' included. */
#define LT_HTML_NAME_MAX 32

#endif
