/* JSON (RFC 8259): a strict reader into a read-only tree, and a writer.
 *
 * The reader takes hostile input: invalid UTF-8, lone surrogates, repeated
 * keys, numbers beyond a double, nesting deeper than LT_JSON_MAX_DEPTH and more
 * than LT_JSON_MAX_VALUES values are errors, and memory stays within a small
 * multiple of those limits. Lookups take NULL and values of the wrong kind and
 * answer "not there", so a path can be followed without tests between. */
#ifndef LT_TENSOR_JSON_H
#define LT_TENSOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

#define LT_JSON_MAX_BYTES  ((size_t)128 << 20)
#define LT_JSON_MAX_DEPTH  64
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
LT_API lt_status lt_json_parse(lt_ctx *ctx, const char *what, const char *text, size_t length,
                               lt_json **root);

/* Frees a tree by its root. NULL is accepted. */
LT_API void lt_json_free(lt_json *root);

/* LT_JSON_NULL for NULL. */
LT_API lt_json_kind lt_json_type(const lt_json *value);

/* The value of a bool or a number; `fallback` for anything else. */
LT_API bool lt_json_bool(const lt_json *value, bool fallback);
LT_API double lt_json_number(const lt_json *value, double fallback);
/* True and the exact value for a number that is an integer within int64_t (up
 * to 2^53 where it is written with a fraction or an exponent). */
LT_API bool lt_json_int(const lt_json *value, int64_t *out);
/* The UTF-8 text of a string, zero-terminated; NULL for anything else.
 * `length` (may be NULL) tells zero bytes inside from the end. */
LT_API const char *lt_json_string(const lt_json *value, size_t *length);

/* Members of an array or object, 0 for anything else; the i-th in the text's
 * order, NULL past the end; and the key of an object's i-th member. */
LT_API size_t lt_json_count(const lt_json *value);
LT_API const lt_json *lt_json_at(const lt_json *value, size_t index);
LT_API const char *lt_json_key(const lt_json *object, size_t index, size_t *length);
/* An object's member by key, or NULL; logarithmic in the object's size. */
LT_API const lt_json *lt_json_get(const lt_json *object, const char *key);

/* A text being written. Commas and colons are placed by the writer. Calls that
 * cannot make valid JSON (a value without a key in an object, an end without a
 * beginning) and failed allocations are remembered; lt_json_writer_text() then
 * gives NULL. */
typedef struct lt_json_writer lt_json_writer;

/* NULL where there is no memory; the other calls take NULL and do nothing. */
LT_API lt_json_writer *lt_json_writer_create(void);
LT_API void lt_json_writer_free(lt_json_writer *writer);
/* Empties the text for a next one. */
LT_API void lt_json_writer_reset(lt_json_writer *writer);

LT_API void lt_json_begin_object(lt_json_writer *writer);
LT_API void lt_json_end_object(lt_json_writer *writer);
LT_API void lt_json_begin_array(lt_json_writer *writer);
LT_API void lt_json_end_array(lt_json_writer *writer);
LT_API void lt_json_put_key(lt_json_writer *writer, const char *key);
/* Invalid UTF-8 becomes U+FFFD; NULL becomes null. */
LT_API void lt_json_put_string(lt_json_writer *writer, const char *text);
LT_API void lt_json_put_int(lt_json_writer *writer, int64_t value);
/* The shortest of the %g forms that reads back as the same float or double;
 * NaN and infinities become null. */
LT_API void lt_json_put_float(lt_json_writer *writer, float value);
LT_API void lt_json_put_double(lt_json_writer *writer, double value);
LT_API void lt_json_put_bool(lt_json_writer *writer, bool value);
LT_API void lt_json_put_null(lt_json_writer *writer);

/* The finished text on one line, zero-terminated, without a line feed; the
 * writer's until its next call. NULL if it is incomplete, misused or out of
 * memory. `length` may be NULL. */
LT_API const char *lt_json_writer_text(const lt_json_writer *writer, size_t *length);

LT_END_DECLS

#endif
