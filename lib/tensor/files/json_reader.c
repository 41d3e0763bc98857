/* The JSON reader: recursive descent. Values and strings go to blocks that the root owns. */
#include "tensor/files/json_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/files/json_impl.h"

struct lt_json {
    lt_json_kind kind;
    uint32_t key_length;
    const char *key; /* of a member of an object */
    union {
        bool truth;
        struct {
            double value;
            int64_t integer;
            bool exact;
        } number;
        struct {
            const char *text;
            size_t length;
        } string;
        struct {
            const lt_json *items;
            const uint32_t *by_key; /* objects: item numbers, sorted by key */
            size_t count;
        } list;
    } u;
};

typedef struct json_block {
    struct json_block *next;
    max_align_t data[];
} json_block;

/* A parsed text. The root is the first member, so that a pointer to the root is one to the
 * document. */
typedef struct json_document {
    lt_json root;
    json_block *blocks;
    char *strings;
} json_document;

typedef struct json_reader {
    lt_ctx *ctx;
    const char *what;
    const char *begin, *at, *end;
    json_document *document;
    char *strings;  /* the next free byte: no decoded string is longer than its source */
    lt_json *stack; /* members of the containers that are still open */
    size_t used, capacity;
    size_t values;
    lt_status status;
} json_reader;

/* Records a failure at a place of the text, unless there is one. Returns false. */
static bool fail_at(json_reader *r, const char *at, const char *problem)
{
    size_t line = 1;
    const char *start = r->begin;

    if (r->status != LT_OK)
        return false;
    for (const char *p = r->begin; p < at; p++) {
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    }
    r->status = lt_fail(r->ctx, LT_ERR_FORMAT, "%s: line %zu, column %zu: %s", r->what, line,
                        (size_t)(at - start) + 1, problem);
    return false;
}

static bool fail_memory(json_reader *r)
{
    if (r->status == LT_OK)
        r->status = lt_fail(r->ctx, LT_ERR_MEMORY, "%s: no memory for its JSON", r->what);
    return false;
}

/* A block of memory that lives as long as the document; NULL with a failure recorded. */
static void *arena(json_reader *r, size_t bytes)
{
    json_block *block = malloc(sizeof *block + bytes);
    if (!block) {
        fail_memory(r);
        return NULL;
    }
    block->next = r->document->blocks;
    r->document->blocks = block;
    return block->data;
}

static void skip_space(json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool read_hex4(json_reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char c = r->at < r->end ? *r->at : 0;
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return fail_at(r, r->at, "expected four hexadecimal digits after \\u");
        *out = *out * 16 + digit;
        r->at++;
    }
    return true;
}

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

static bool read_escape(json_reader *r, char **to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    const char *start = r->at - 1; /* the backslash */
    char c = r->at < r->end ? *r->at : 0;
    unsigned code, second;

    if (c != 'u') {
        const char *name = c ? strchr(names, c) : NULL;
        if (!name)
            return fail_at(r, start, "unknown escape in a string");
        *(*to)++ = bytes[name - names];
        r->at++;
        return true;
    }
    r->at++;
    if (!read_hex4(r, &code))
        return false;
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail_at(r, start, "second half of a surrogate pair without the first");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return fail_at(r, start, "first half of a surrogate pair without the second");
        r->at += 2;
        if (!read_hex4(r, &second))
            return false;
        if (second < 0xdc00 || second > 0xdfff)
            return fail_at(r, start, "first half of a surrogate pair without the second");
        code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
    }
    *to = put_utf8(*to, code);
    return true;
}

static bool read_string(json_reader *r, const char **text, size_t *length)
{
    const char *start = r->at;
    char *to = r->strings;

    r->at++;
    for (;;) {
        if (r->at == r->end)
            return fail_at(r, start, "string without an end");
        unsigned char c = (unsigned char)*r->at;
        if (c == '"')
            break;
        if (c == '\\') {
            r->at++;
            if (!read_escape(r, &to))
                return false;
        } else if (c < 0x20) {
            return fail_at(r, r->at, "control character in a string");
        } else {
            size_t n = lt_utf8_length((const unsigned char *)r->at, (size_t)(r->end - r->at));
            if (n == 0)
                return fail_at(r, r->at, "invalid UTF-8 in a string");
            memcpy(to, r->at, n);
            to += n;
            r->at += n;
        }
    }
    r->at++;
    *text = r->strings;
    *length = (size_t)(to - r->strings);
    *to++ = 0;
    r->strings = to;
    return true;
}

static bool is_digit(const json_reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool read_number(json_reader *r, lt_json *value)
{
    const char *start = r->at;
    bool negative = *r->at == '-', whole = true, fits = true;
    uint64_t magnitude = 0;

    if (negative)
        r->at++;
    if (!is_digit(r))
        return fail_at(r, start, "expected a digit");
    if (*r->at == '0' && r->end - r->at > 1 && r->at[1] >= '0' && r->at[1] <= '9')
        return fail_at(r, start, "number with a leading zero");
    for (; is_digit(r); r->at++) {
        unsigned digit = (unsigned)(*r->at - '0');
        if (magnitude > (UINT64_MAX - digit) / 10)
            fits = false;
        magnitude = magnitude * 10 + digit;
    }
    if (r->at < r->end && *r->at == '.') {
        whole = false;
        r->at++;
        if (!is_digit(r))
            return fail_at(r, r->at, "expected a digit after the decimal point");
        while (is_digit(r))
            r->at++;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        whole = false;
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        if (!is_digit(r))
            return fail_at(r, r->at, "expected a digit in the exponent");
        while (is_digit(r))
            r->at++;
    }

    value->kind = LT_JSON_NUMBER;
    if (whole && fits && magnitude <= (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        value->u.number.exact = true;
        value->u.number.integer =
            negative && magnitude > 0 ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
        value->u.number.value = negative ? -(double)magnitude : (double)magnitude;
        return true;
    }
    /* strtod() needs a terminator. The free space for strings has room for a copy: it is as long as
     * the rest of the text. */
    size_t length = (size_t)(r->at - start);
    memcpy(r->strings, start, length);
    r->strings[length] = 0;
    locale_t previous = lt_c_locale_enter();
    double number = strtod(r->strings, NULL);
    lt_c_locale_leave(previous);
    if (isinf(number))
        return fail_at(r, start, "number beyond the range of a double");
    value->u.number.value = number;
    value->u.number.exact = !whole && fabs(number) <= 0x1p53 && floor(number) == number;
    value->u.number.integer = value->u.number.exact ? (int64_t)number : 0;
    return true;
}

static bool read_word(json_reader *r, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return fail_at(r, r->at, "expected a value");
    r->at += length;
    return true;
}

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    int order = shorter ? memcmp(a, b, shorter) : 0;
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_members(const void *a, const void *b)
{
    const lt_json *x = *(const lt_json *const *)a, *y = *(const lt_json *const *)b;
    return compare_keys(x->key, x->key_length, y->key, y->key_length);
}

/* Sorts the members of an object by key, for lt_json_get(), and refuses repeated keys. */
static bool index_object(json_reader *r, lt_json *object, const char *start)
{
    size_t count = object->u.list.count;
    const lt_json *items = object->u.list.items;
    bool ok = false;

    if (count == 0)
        return true;
    const lt_json **sorted = malloc(count * sizeof *sorted);
    uint32_t *by_key = arena(r, count * sizeof *by_key);
    if (!sorted || !by_key) {
        fail_memory(r);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &items[i];
    qsort(sorted, count, sizeof *sorted, compare_members);
    for (size_t i = 0; i < count; i++) {
        by_key[i] = (uint32_t)(sorted[i] - items);
        if (i > 0 && compare_members(&sorted[i - 1], &sorted[i]) == 0) {
            char problem[96];
            snprintf(problem, sizeof problem, "object with the key \"%.40s\" twice",
                     sorted[i]->key);
            fail_at(r, start, problem);
            goto done;
        }
    }
    object->u.list.by_key = by_key;
    ok = true;
done:
    free(sorted);
    return ok;
}

static bool read_value(json_reader *r, lt_json *value, int depth);

static bool push(json_reader *r, const lt_json *value)
{
    if (r->used == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 64;
        lt_json *grown = realloc(r->stack, capacity * sizeof *grown);
        if (!grown)
            return fail_memory(r);
        r->stack = grown;
        r->capacity = capacity;
    }
    r->stack[r->used++] = *value;
    return true;
}

static bool read_list(json_reader *r, lt_json *value, int depth)
{
    const char *start = r->at;
    bool object = *r->at == '{';
    char close = object ? '}' : ']';
    size_t base = r->used;

    if (depth >= LT_JSON_MAX_DEPTH)
        return fail_at(r, r->at, "nested too deep");
    r->at++;
    skip_space(r);
    bool more = !(r->at < r->end && *r->at == close);
    while (more) {
        lt_json member = {0};
        if (object) {
            size_t length;
            if (r->at == r->end || *r->at != '"')
                return fail_at(r, r->at, "expected a key");
            if (!read_string(r, &member.key, &length))
                return false;
            member.key_length = (uint32_t)length;
            skip_space(r);
            if (r->at == r->end || *r->at != ':')
                return fail_at(r, r->at, "expected ':'");
            r->at++;
        }
        if (!read_value(r, &member, depth + 1) || !push(r, &member))
            return false;
        more = r->at < r->end && *r->at == ',';
        if (more) {
            r->at++;
            skip_space(r);
        } else if (r->at == r->end || *r->at != close) {
            return fail_at(r, r->at, object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
    }
    r->at++;

    size_t count = r->used - base;
    value->kind = object ? LT_JSON_OBJECT : LT_JSON_ARRAY;
    value->u.list.count = count;
    value->u.list.items = NULL;
    value->u.list.by_key = NULL;
    if (count > 0) {
        lt_json *items = arena(r, count * sizeof *items);
        if (!items)
            return false;
        memcpy(items, r->stack + base, count * sizeof *items);
        value->u.list.items = items;
        r->used = base;
    }
    return !object || index_object(r, value, start);
}

/* Reads a value and the space before and after it. Does not change value->key. */
static bool read_value(json_reader *r, lt_json *value, int depth)
{
    bool ok;

    skip_space(r);
    if (r->at == r->end)
        return fail_at(r, r->at, "expected a value, found the end");
    if (++r->values > LT_JSON_MAX_VALUES)
        return fail_at(r, r->at, "too many values");
    switch (*r->at) {
    case '{':
    case '[': ok = read_list(r, value, depth); break;
    case '"':
        value->kind = LT_JSON_STRING;
        ok = read_string(r, &value->u.string.text, &value->u.string.length);
        break;
    case 't':
    case 'f':
        value->kind = LT_JSON_BOOL;
        value->u.truth = *r->at == 't';
        ok = read_word(r, value->u.truth ? "true" : "false");
        break;
    case 'n':
        value->kind = LT_JSON_NULL;
        ok = read_word(r, "null");
        break;
    default:
        if (*r->at != '-' && !is_digit(r))
            return fail_at(r, r->at, "expected a value");
        ok = read_number(r, value);
    }
    skip_space(r);
    return ok;
}

lt_status lt_json_parse(lt_ctx *ctx, const char *what, const char *text, size_t length,
                        lt_json **root)
{
    *root = NULL;
    if (length > LT_JSON_MAX_BYTES)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: %zu bytes of JSON, at most %zu are read", what,
                       length, LT_JSON_MAX_BYTES);
    json_reader r = {.ctx = ctx, .what = what, .begin = text, .at = text, .end = text + length};
    r.document = calloc(1, sizeof *r.document);
    if (r.document)
        r.document->strings = malloc(length + 1);
    if (!r.document || !r.document->strings) {
        free(r.document);
        fail_memory(&r);
        return r.status;
    }
    r.strings = r.document->strings;
    if (read_value(&r, &r.document->root, 0) && r.at != r.end)
        fail_at(&r, r.at, "text after the value");
    free(r.stack);
    if (r.status != LT_OK) {
        lt_json_free(&r.document->root);
        return r.status;
    }
    *root = &r.document->root;
    return LT_OK;
}

void lt_json_free(lt_json *root)
{
    if (!root)
        return;
    json_document *document = (json_document *)(void *)root;
    while (document->blocks) {
        json_block *next = document->blocks->next;
        free(document->blocks);
        document->blocks = next;
    }
    free(document->strings);
    free(document);
}

lt_json_kind lt_json_type(const lt_json *value) { return value ? value->kind : LT_JSON_NULL; }

bool lt_json_bool(const lt_json *value, bool fallback)
{
    return lt_json_type(value) == LT_JSON_BOOL ? value->u.truth : fallback;
}

double lt_json_number(const lt_json *value, double fallback)
{
    return lt_json_type(value) == LT_JSON_NUMBER ? value->u.number.value : fallback;
}

bool lt_json_int(const lt_json *value, int64_t *out)
{
    if (lt_json_type(value) != LT_JSON_NUMBER || !value->u.number.exact)
        return false;
    *out = value->u.number.integer;
    return true;
}

const char *lt_json_string(const lt_json *value, size_t *length)
{
    if (lt_json_type(value) != LT_JSON_STRING)
        return NULL;
    if (length)
        *length = value->u.string.length;
    return value->u.string.text;
}

size_t lt_json_count(const lt_json *value)
{
    lt_json_kind kind = lt_json_type(value);
    return kind == LT_JSON_ARRAY || kind == LT_JSON_OBJECT ? value->u.list.count : 0;
}

const lt_json *lt_json_at(const lt_json *value, size_t index)
{
    return index < lt_json_count(value) ? &value->u.list.items[index] : NULL;
}

const char *lt_json_key(const lt_json *object, size_t index, size_t *length)
{
    if (lt_json_type(object) != LT_JSON_OBJECT || index >= object->u.list.count)
        return NULL;
    if (length)
        *length = object->u.list.items[index].key_length;
    return object->u.list.items[index].key;
}

const lt_json *lt_json_get(const lt_json *object, const char *key)
{
    size_t low = 0, high, length = strlen(key);

    if (lt_json_type(object) != LT_JSON_OBJECT)
        return NULL;
    high = object->u.list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const lt_json *item = &object->u.list.items[object->u.list.by_key[middle]];
        int order = compare_keys(key, length, item->key, item->key_length);
        if (order == 0)
            return item;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
