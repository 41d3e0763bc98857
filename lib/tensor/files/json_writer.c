/* The JSON writer: appends to one growing text. */
#include "tensor/files/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/files/json_impl.h"

locale_t lt_c_locale_enter(void)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c == (locale_t)0 ? c : uselocale(c);
}

void lt_c_locale_leave(locale_t previous)
{
    if (previous == (locale_t)0)
        return;
    locale_t c = uselocale(previous);
    freelocale(c);
}

size_t lt_utf8_length(const unsigned char *p, size_t room)
{
    size_t length;
    unsigned char first = 0x80, last = 0xbf;

    if (room == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        length = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        length = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (room < length)
        return 0;
    if (p[0] == 0xe0)
        first = 0xa0;
    else if (p[0] == 0xed)
        last = 0x9f;
    else if (p[0] == 0xf0)
        first = 0x90;
    else if (p[0] == 0xf4)
        last = 0x8f;
    if (p[1] < first || p[1] > last)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return length;
}

struct lt_json_writer {
    char *text;
    size_t length, capacity;
    uint64_t objects; /* bit d is set where the container at depth d is an object, not an array */
    int depth;
    bool comma; /* the next key or value needs a comma before it */
    bool keyed; /* a key waits for its value */
    bool failed;
};

lt_json_writer *lt_json_writer_create(void) { return calloc(1, sizeof(lt_json_writer)); }

void lt_json_writer_free(lt_json_writer *w)
{
    if (!w)
        return;
    free(w->text);
    free(w);
}

void lt_json_writer_reset(lt_json_writer *w)
{
    if (!w)
        return;
    *w = (lt_json_writer){.text = w->text, .capacity = w->capacity};
}

static void append(lt_json_writer *w, const char *bytes, size_t count)
{
    if (w->failed)
        return;
    if (count >= w->capacity - w->length) { /* one byte is kept for the terminator */
        size_t capacity = w->capacity ? w->capacity : 128;
        while (capacity - w->length <= count && capacity <= SIZE_MAX / 2)
            capacity *= 2;
        char *grown = capacity - w->length > count ? realloc(w->text, capacity) : NULL;
        if (!grown) {
            w->failed = true;
            return;
        }
        w->text = grown;
        w->capacity = capacity;
    }
    memcpy(w->text + w->length, bytes, count);
    w->length += count;
    w->text[w->length] = 0;
}

static bool in_object(const lt_json_writer *w)
{
    return w->depth > 0 && (w->objects >> (w->depth - 1) & 1) != 0;
}

/* Writes the comma that a value may need. False if no value may come here. */
static bool open_value(lt_json_writer *w)
{
    if (!w)
        return false;
    if (in_object(w) ? !w->keyed : w->depth == 0 && w->length > 0)
        w->failed = true;
    if (w->comma && !w->keyed)
        append(w, ",", 1);
    w->comma = true;
    w->keyed = false;
    return !w->failed;
}

static void begin_list(lt_json_writer *w, bool object)
{
    if (!open_value(w))
        return;
    if (w->depth == LT_JSON_MAX_DEPTH) {
        w->failed = true;
        return;
    }
    uint64_t bit = (uint64_t)1 << w->depth;
    w->objects = object ? w->objects | bit : w->objects & ~bit;
    w->depth++;
    w->comma = false;
    append(w, object ? "{" : "[", 1);
}

static void end_list(lt_json_writer *w, bool object)
{
    if (!w)
        return;
    if (w->depth == 0 || in_object(w) != object || w->keyed) {
        w->failed = true;
        return;
    }
    w->depth--;
    w->comma = true;
    append(w, object ? "}" : "]", 1);
}

void lt_json_begin_object(lt_json_writer *w) { begin_list(w, true); }
void lt_json_end_object(lt_json_writer *w) { end_list(w, true); }
void lt_json_begin_array(lt_json_writer *w) { begin_list(w, false); }
void lt_json_end_array(lt_json_writer *w) { end_list(w, false); }

static void append_quoted(lt_json_writer *w, const char *text)
{
    size_t left = strlen(text);

    append(w, "\"", 1);
    while (left > 0) {
        unsigned char c = (unsigned char)*text;
        size_t n = lt_utf8_length((const unsigned char *)text, left);
        char escape[8];
        if (n == 0) {
            append(w, "\xef\xbf\xbd", 3);
            n = 1;
        } else if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            append(w, escape, 2);
        } else if (c == '\n') {
            append(w, "\\n", 2);
        } else if (c == '\t') {
            append(w, "\\t", 2);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            append(w, escape, 6);
        } else {
            append(w, text, n);
        }
        text += n;
        left -= n;
    }
    append(w, "\"", 1);
}

void lt_json_put_key(lt_json_writer *w, const char *key)
{
    if (!w)
        return;
    if (!in_object(w) || w->keyed || !key) {
        w->failed = true;
        return;
    }
    if (w->comma)
        append(w, ",", 1);
    append_quoted(w, key);
    append(w, ":", 1);
    w->keyed = true;
}

void lt_json_put_string(lt_json_writer *w, const char *text)
{
    if (!text)
        lt_json_put_null(w);
    else if (open_value(w))
        append_quoted(w, text);
}

static void put_word(lt_json_writer *w, const char *word)
{
    if (open_value(w))
        append(w, word, strlen(word));
}

void lt_json_put_int(lt_json_writer *w, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_word(w, text);
}

/* Writes a number with as many digits as it needs to be read back: at most 9 for a float
 * (`single`), 17 for a double. */
static void put_number(lt_json_writer *w, double value, bool single)
{
    char text[40];

    if (!isfinite(value)) {
        put_word(w, "null");
        return;
    }
    locale_t previous = lt_c_locale_enter();
    for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    lt_c_locale_leave(previous);
    put_word(w, text);
}

void lt_json_put_float(lt_json_writer *w, float value) { put_number(w, value, true); }
void lt_json_put_double(lt_json_writer *w, double value) { put_number(w, value, false); }
void lt_json_put_bool(lt_json_writer *w, bool value) { put_word(w, value ? "true" : "false"); }
void lt_json_put_null(lt_json_writer *w) { put_word(w, "null"); }

const char *lt_json_writer_text(const lt_json_writer *w, size_t *length)
{
    if (!w || w->failed || w->depth > 0 || w->length == 0)
        return NULL;
    if (length)
        *length = w->length;
    return w->text;
}
