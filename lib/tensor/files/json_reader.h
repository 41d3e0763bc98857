/* Reading JSON (RFC 8259) strictly, into a read-only tree. This header is not installed: libcfedit
 * uses the functions, and their interface may change with any version.
 *
 * The reader takes hostile input. Invalid UTF-8, lone surrogates, repeated keys, numbers beyond a
 * double, nesting deeper than LT_JSON_MAX_DEPTH and more than LT_JSON_MAX_VALUES values are errors,
 * and memory stays within a small multiple of those limits. Look-ups accept NULL and values of the
 * wrong kind and answer that nothing is there, so that a path can be followed without checks on the
 * way. */
#ifndef LT_TENSOR_JSON_READER_H
#define LT_TENSOR_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"
#include "tensor/files/json.h"

#define LT_JSON_MAX_BYTES  ((size_t)128 << 20)
#define LT_JSON_MAX_VALUES ((size_t)1 << 20)

typedef enum lt_json_kind {
    LT_JSON_NULL = 0,
    LT_JSON_BOOL = 1,
    LT_JSON_NUMBER = 2,
    LT_JSON_STRING = 3,
    LT_JSON_ARRAY = 4,
    LT_JSON_OBJECT = 5
} lt_json_kind;

/* A value of a parsed text. The root of the tree owns all values and their strings. */
typedef struct lt_json lt_json;

/* Parses `length` bytes of text, which must hold one value and nothing else. No terminator is
 * needed, and the text is not used afterwards. `what` names the text in messages, for example its
 * path. The caller frees *root with lt_json_free(). Errors: LT_ERR_FORMAT with line and column,
 * LT_ERR_MEMORY. */
LT_API lt_status lt_json_parse(lt_ctx *ctx, const char *what, const char *text, size_t length,
                               lt_json **root);

/* Frees a whole tree by its root. NULL is accepted. */
LT_API void lt_json_free(lt_json *root);

/* The kind of a value; LT_JSON_NULL for NULL. */
LT_API lt_json_kind lt_json_type(const lt_json *value);

/* The value of a bool; `fallback` for anything else. */
LT_API bool lt_json_bool(const lt_json *value, bool fallback);
/* The value of a number; `fallback` for anything else. */
LT_API double lt_json_number(const lt_json *value, double fallback);
/* Whether a value is a number that is an integer and fits int64_t; if so, *out becomes that
 * integer. A number that is written with a fraction or an exponent must lie within 2^53. */
LT_API bool lt_json_int(const lt_json *value, int64_t *out);
/* The UTF-8 text of a string, zero-terminated; NULL for anything else. *length is its number of
 * bytes, because a string may hold zero bytes; `length` may be NULL. */
LT_API const char *lt_json_string(const lt_json *value, size_t *length);

/* The number of members of an array or object; 0 for anything else. */
LT_API size_t lt_json_count(const lt_json *value);
/* Member number `index` in the order of the text; NULL past the end. */
LT_API const lt_json *lt_json_at(const lt_json *value, size_t index);
/* The key of member number `index` of an object, zero-terminated; NULL past the end. `length` as in
 * lt_json_string(). */
LT_API const char *lt_json_key(const lt_json *object, size_t index, size_t *length);
/* The member of an object with this key, or NULL. Takes time logarithmic in the number of
 * members. */
LT_API const lt_json *lt_json_get(const lt_json *object, const char *key);

#endif
