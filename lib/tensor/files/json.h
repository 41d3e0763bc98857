/* Writing JSON (RFC 8259). The reader, json_reader.h, is not part of the public interface. */
#ifndef LT_TENSOR_JSON_H
#define LT_TENSOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/status.h"

LT_BEGIN_DECLS

/* Arrays and objects nest no deeper than this, written or read. */
#define LT_JSON_MAX_DEPTH 64

/* A text that is being written. The writer places commas and colons. It remembers calls that cannot
 * make valid JSON, such as a value without a key in an object or an end without a beginning, and
 * failed allocations; lt_json_writer_text() then returns NULL. So the other calls need no
 * checks. */
typedef struct lt_json_writer lt_json_writer;

/* A writer with an empty text, or NULL where there is no memory. All other calls accept NULL and do
 * nothing. */
LT_API lt_json_writer *lt_json_writer_create(void);
/* Frees a writer and its text. NULL is accepted. */
LT_API void lt_json_writer_free(lt_json_writer *writer);
/* Empties the writer for the next text. */
LT_API void lt_json_writer_reset(lt_json_writer *writer);

/* Arrays and objects: a beginning, members, an end. In an object each value follows its key. */
LT_API void lt_json_begin_object(lt_json_writer *writer);
LT_API void lt_json_end_object(lt_json_writer *writer);
LT_API void lt_json_begin_array(lt_json_writer *writer);
LT_API void lt_json_end_array(lt_json_writer *writer);
/* The key of the next value of an object; invalid UTF-8 becomes U+FFFD. */
LT_API void lt_json_put_key(lt_json_writer *writer, const char *key);
/* A string; invalid UTF-8 becomes U+FFFD, NULL becomes null. */
LT_API void lt_json_put_string(lt_json_writer *writer, const char *text);
/* An integer. */
LT_API void lt_json_put_int(lt_json_writer *writer, int64_t value);
/* A float, in the shortest %g form that reads back as the same float. NaN and infinities become
 * null. */
LT_API void lt_json_put_float(lt_json_writer *writer, float value);
/* A double, in the shortest %g form that reads back as the same double. NaN and infinities become
 * null. */
LT_API void lt_json_put_double(lt_json_writer *writer, double value);
/* true or false. */
LT_API void lt_json_put_bool(lt_json_writer *writer, bool value);
/* null. */
LT_API void lt_json_put_null(lt_json_writer *writer);

/* The finished text: one line without a line feed, zero-terminated. It belongs to the writer and is
 * valid until the next call. NULL if the text is incomplete, a call was wrong, or memory ran out.
 * *length is its number of bytes; `length` may be NULL. */
LT_API const char *lt_json_writer_text(const lt_json_writer *writer, size_t *length);

LT_END_DECLS

#endif
