/* HTML character references as Python's html.unescape reads them (HTML standard, 13.2.5.72 and
 * following), and as ftfy does. */
#include "nn/text/html_impl.h"

#include <string.h>

#include "nn/text/generated/html_entities_impl.h"

#define NO_REFERENCE SIZE_MAX

/* The entity with the name name[0..len), or NULL. */
static const lt_html_entity *find_entity(const char *name, size_t len)
{
    size_t lo = 0, hi = lt_html_entities_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const char *other = lt_html_entities[mid].name;
        int order = strncmp(name, other, len);
        if (order == 0 && other[len] == '\0')
            return &lt_html_entities[mid];
        if (order > 0)
            lo = mid + 1;
        else /* the name in the table is longer, so it sorts later */
            hi = mid;
    }
    return NULL;
}

static bool push_entity(lt_codepoints *out, const lt_html_entity *entity)
{
    return lt_codepoints_push(out, entity->first) &&
           (entity->second == 0 || lt_codepoints_push(out, entity->second));
}

static int digit_value(uint32_t c, unsigned base)
{
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    if (base == 16 && c >= 'a' && c <= 'f')
        return (int)(c - 'a') + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return (int)(c - 'A') + 10;
    return -1;
}

/* Reads a numeric reference whose '&' is in[i], without its ';'. Returns the index after the
 * last digit, or NO_REFERENCE. */
static size_t scan_number(const uint32_t *in, size_t count, size_t i, uint32_t *value)
{
    if (i + 1 >= count || in[i + 1] != '#')
        return NO_REFERENCE;
    unsigned base = 10;
    size_t at = i + 2;
    if (at < count && (in[at] == 'x' || in[at] == 'X')) {
        base = 16;
        at++;
    }
    size_t first = at;
    uint32_t sum = 0;
    for (int digit; at < count && (digit = digit_value(in[at], base)) >= 0; at++)
        if (sum <= 0x10FFFF) /* any larger value is invalid, whatever it is */
            sum = sum * base + (uint32_t)digit;
    *value = sum;
    return at > first ? at : NO_REFERENCE;
}

/* Appends the character that the numeric reference n stands for; nothing for code points that
 * the standard forbids. */
static bool push_number(lt_codepoints *out, uint32_t n)
{
    static const uint16_t windows_1252[32] = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    if (n == 0 || n > 0x10FFFF || (n >= 0xD800 && n <= 0xDFFF))
        return lt_codepoints_push(out, 0xFFFD);
    if (n >= 0x80 && n <= 0x9F)
        return lt_codepoints_push(out, windows_1252[n - 0x80]);
    bool control = (n < 0x20 && n != '\t' && n != '\n' && n != '\f' && n != '\r') || n == 0x7F;
    bool noncharacter = (n >= 0xFDD0 && n <= 0xFDEF) || (n & 0xFFFE) == 0xFFFE;
    return control || noncharacter || lt_codepoints_push(out, n);
}

/* Whether html.unescape lets c be part of an entity's name: it takes nearly every character and
 * then looks for a known name at the front. */
static bool in_loose_name(uint32_t c)
{
    return c != 0 && c != '\t' && c != '\n' && c != '\f' && c != ' ' && c != '<' && c != '&' &&
           c != '#' && c != ';';
}

/* The entity with the longest known name after the '&' at in[i], or NULL. *end becomes the index
 * after the name. */
static const lt_html_entity *scan_loose_name(const uint32_t *in, size_t count, size_t i,
                                             size_t *end)
{
    char name[LT_HTML_NAME_MAX + 1];
    size_t len = 0, at = i + 1;
    while (at < count && len < LT_HTML_NAME_MAX && in[at] < 0x80 && in_loose_name(in[at]))
        name[len++] = (char)in[at++];
    if (at < count && len < LT_HTML_NAME_MAX && in[at] == ';')
        name[len++] = ';';
    for (; len > 1; len--) {
        const lt_html_entity *entity = find_entity(name, len);
        if (entity) {
            *end = i + 1 + len;
            return entity;
        }
    }
    return NULL;
}

bool lt_html_unescape(const uint32_t *in, size_t count, lt_codepoints *out)
{
    for (size_t i = 0; i < count;) {
        uint32_t value;
        size_t end;
        const lt_html_entity *entity;
        bool ok;
        if (in[i] != '&') {
            ok = lt_codepoints_push(out, in[i++]);
        } else if ((end = scan_number(in, count, i, &value)) != NO_REFERENCE) {
            ok = push_number(out, value);
            i = end + (end < count && in[end] == ';');
        } else if ((entity = scan_loose_name(in, count, i, &end)) != NULL) {
            ok = push_entity(out, entity);
            i = end;
        } else {
            ok = lt_codepoints_push(out, in[i++]);
        }
        if (!ok)
            return false;
    }
    return true;
}

/* The index after the ';' of a complete reference whose '&' is in[i] and which has at most 24
 * letters or digits; NO_REFERENCE if there is none. */
static size_t scan_strict(const uint32_t *in, size_t count, size_t i)
{
    size_t at = i + 1;
    if (at < count && in[at] == '#')
        at++;
    size_t first = at;
    while (at < count && at - first < 24 && in[at] < 0x80 &&
           (digit_value(in[at], 10) >= 0 || ((in[at] | 32) >= 'a' && (in[at] | 32) <= 'z')))
        at++;
    return at > first && at < count && in[at] == ';' ? at + 1 : NO_REFERENCE;
}

bool lt_html_unescape_strict(const uint32_t *in, size_t count, lt_codepoints *out)
{
    for (size_t i = 0; i < count;) {
        size_t end = in[i] == '&' ? scan_strict(in, count, i) : NO_REFERENCE;
        bool known = false, ok = true;
        if (end != NO_REFERENCE && in[i + 1] == '#') {
            uint32_t value;
            /* ftfy leaves "&#59;", a ';', alone */
            known = scan_number(in, count, i, &value) == end - 1 && value != ';';
            if (known)
                ok = push_number(out, value);
        } else if (end != NO_REFERENCE) {
            char name[LT_HTML_NAME_MAX];
            size_t len = end - i - 1;
            for (size_t k = 0; k < len; k++)
                name[k] = (char)in[i + 1 + k];
            const lt_html_entity *entity = find_entity(name, len);
            known = entity != NULL;
            if (known)
                ok = push_entity(out, entity);
        }
        if (known)
            i = end;
        else
            ok = lt_codepoints_push(out, in[i++]);
        if (!ok)
            return false;
    }
    return true;
}
