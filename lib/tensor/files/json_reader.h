/* Reading JSON (RFC 8259) strictly, into a read-only tree. Private: the functions are in
 * libtensor.a, but libtensor.so does not export them, and this header is not installed.
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

/* A value of a parsed text. It and all strings that it hands out belong to the
 * tree's root. */
typedef struct lt_json lt_json;

/* Parses one value that fills `text` (`length` bytes, no terminator needed; not
 * used afterwards). `what` names the text in messages, for example its path.
 * Errors: LT_ERR_FORMAT with line and column, LT_ERR_MEMORY. */
lt_status lt_json_parse(lt_ctx *ctx, const char *what, const char *text, size_t length,
                        lt_json **root);

/* Frees a tree by its root. NULL is accepted. */
void lt_json_free(lt_json *root);

/* LT_JSON_NULL for NULL. */
lt_json_kind lt_json_type(const lt_json *value);

/* The value of a bool or a number; `fallback` for anything else. */
bool lt_json_bool(const lt_json *value, bool fallback);
double lt_json_number(const lt_json *value, double fallback);
/* True and the exact value for a number that is an integer within int64_t (up
 * to 2^53 where it is written with a fraction or an exponent). */
bool lt_json_int(const lt_json *value, int64_t *out);
/* The UTF-8 text of a string, zero-terminated; NULL for anything else.
 * `length` (may be NULL) tells zero bytes inside from the end. */
const char *lt_json_string(const lt_json *value, size_t *length);

/* Members of an array or object, 0 for anything else; the i-th in the text's
 * order, NULL past the end; and the key of an object's i-th member. */
size_t lt_json_count(const lt_json *value);
const lt_json *lt_json_at(const lt_json *value, size_t index);
const char *lt_json_key(const lt_json *object, size_t index, size_t *length);
/* An object's member by key, or NULL; logarithmic in the object's size. */
const lt_json *lt_json_get(const lt_json *object, const char *key);

#endif
