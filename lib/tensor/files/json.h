/* Writing JSON (RFC 8259). The reader, json_reader.h, is private: libtensor.so does not export it,
 * so only this library's own sources and programs that link libtensor.a can use it. */
#ifndef LT_TENSOR_JSON_H
#define LT_TENSOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/status.h"

LT_BEGIN_DECLS

/* Arrays and objects nest no deeper than this, written or read. */
#define LT_JSON_MAX_DEPTH 64

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
