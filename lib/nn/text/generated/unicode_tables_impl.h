/* Unicode properties that the tokenizer needs, as sorted constant tables.
 *
 * unicode_tables.c is generated; its first lines say from what. All tables are
 * sorted by their first member (compositions by the first two), do not overlap
 * and are meant for binary search. */
#ifndef LT_NN_UNICODE_TABLES_IMPL_H
#define LT_NN_UNICODE_TABLES_IMPL_H

#include <stddef.h>
#include <stdint.h>

typedef struct lt_unicode_range {
    uint32_t first, last;
} lt_unicode_range;

/* Every stride-th code point of first..last has the lower case c + delta. */
typedef struct lt_unicode_lower_run {
    uint32_t first, last;
    int32_t stride, delta;
} lt_unicode_lower_run;

typedef struct lt_unicode_pair {
    uint32_t from, to;
} lt_unicode_pair;

typedef struct lt_unicode_combining_run {
    uint32_t first, last, combining_class;
} lt_unicode_combining_run;

typedef struct lt_unicode_triple {
    uint32_t a, b, c;
} lt_unicode_triple;

extern const lt_unicode_range lt_unicode_letters[]; /* categories L* */
extern const size_t lt_unicode_letters_count;
extern const lt_unicode_range lt_unicode_numbers[]; /* categories N* */
extern const size_t lt_unicode_numbers_count;
extern const lt_unicode_range lt_unicode_spaces[];
extern const size_t lt_unicode_spaces_count;
/* Cased, less the case-ignorable ones: all that final sigma asks for. */
extern const lt_unicode_range lt_unicode_cased[];
extern const size_t lt_unicode_cased_count;
extern const lt_unicode_range lt_unicode_case_ignorable[];
extern const size_t lt_unicode_case_ignorable_count;
extern const lt_unicode_lower_run lt_unicode_lower[];
extern const size_t lt_unicode_lower_count;
/* Full-width and half-width forms and their usual characters. */
extern const lt_unicode_pair lt_unicode_width[];
extern const size_t lt_unicode_width_count;
extern const lt_unicode_combining_run lt_unicode_combining[];
extern const size_t lt_unicode_combining_count;
/* a decomposes canonically to b, c (c = 0: to b alone), one level. */
extern const lt_unicode_triple lt_unicode_decompositions[];
extern const size_t lt_unicode_decompositions_count;
/* a followed by b composes to c. */
extern const lt_unicode_triple lt_unicode_compositions[];
extern const size_t lt_unicode_compositions_count;

#endif
