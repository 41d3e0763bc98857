/* The steps of cleaning, in order: decode, repair, unescape twice, blanks, lower case. */
#include "nn/text/text_clean_impl.h"

#include <string.h>

#include "nn/text/html_impl.h"
#include "nn/text/unicode_impl.h"

/* Repair is repeated until nothing changes, but so many times at most: "&amp;amp;amp;..." loses
 * only one level each time. */
#define MAX_REPAIRS 8

static void swap(lt_codepoints *a, lt_codepoints *b)
{
    lt_codepoints t = *a;
    *a = *b;
    *b = t;
}

/* The index from which entities are not repaired: the start of the first line with a '<'. Such a
 * line may be markup; ftfy leaves it and all further lines alone. */
static size_t markup_start(const uint32_t *in, size_t count)
{
    size_t line = 0;
    for (size_t i = 0; i < count; i++) {
        if (in[i] == '<')
            return line;
        if (in[i] == '\n')
            line = i + 1;
    }
    return count;
}

/* The letters, in UTF-8, that a ligature or digraph stands for; NULL for any other c. */
static const char *ligature(uint32_t c)
{
    switch (c) {
    case 0x132: return "IJ";
    case 0x133: return "ij";
    case 0x149: return "'n";
    case 0x1C4: return "D\xC5\xBD";
    case 0x1C5: return "D\xC5\xBE";
    case 0x1C6: return "d\xC5\xBE";
    case 0x1C7: return "LJ";
    case 0x1C8: return "Lj";
    case 0x1C9: return "lj";
    case 0x1CA: return "NJ";
    case 0x1CB: return "Nj";
    case 0x1CC: return "nj";
    case 0x1F1: return "DZ";
    case 0x1F2: return "Dz";
    case 0x1F3: return "dz";
    case 0xFB00: return "ff";
    case 0xFB01: return "fi";
    case 0xFB02: return "fl";
    case 0xFB03: return "ffi";
    case 0xFB04: return "ffl";
    case 0xFB05: return "\xC5\xBFt";
    case 0xFB06: return "st";
    default: return NULL;
    }
}

static bool push_utf8(lt_codepoints *out, const char *s)
{
    size_t left = strlen(s);
    while (left > 0) {
        uint32_t c;
        size_t n = lt_utf8_decode((const unsigned char *)s, left, &c);
        if (n == 0 || !lt_codepoints_push(out, c))
            return false;
        s += n;
        left -= n;
    }
    return true;
}

/* The length of the terminal escape at the start of in[0..count), 0 if there is none. An escape
 * is ESC, '[', any digits and ';', then a letter. */
static size_t terminal_escape(const uint32_t *in, size_t count)
{
    if (count < 3 || in[0] != 0x1B || in[1] != '[')
        return 0;
    size_t i = 2;
    while (i < count && ((in[i] >= '0' && in[i] <= '9') || in[i] == ';'))
        i++;
    bool letter = i < count && in[i] < 0x80 && (in[i] | 32) >= 'a' && (in[i] | 32) <= 'z';
    return letter ? i + 1 : 0;
}

static bool is_unwanted_control(uint32_t c)
{
    return c < 0x09 || c == 0x0B || (c >= 0x0E && c < 0x20) || c == 0x7F ||
           (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

/* Appends in[0..count) to *out with escapes and control characters removed, and with quotes,
 * ligatures and widths made plain. */
static bool repair_characters(const uint32_t *in, size_t count, lt_codepoints *out)
{
    for (size_t i = 0; i < count;) {
        uint32_t c = in[i];
        size_t escape = terminal_escape(in + i, count - i);
        bool ok = true;
        i += escape ? escape : 1;
        if (escape || is_unwanted_control(c))
            continue;
        const char *letters = c < 0x80 ? NULL : ligature(c);
        if (letters)
            ok = push_utf8(out, letters);
        else if (c < 0x80)
            ok = lt_codepoints_push(out, c);
        else if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B))
            ok = lt_codepoints_push(out, '\'');
        else if (c >= 0x201C && c <= 0x201F)
            ok = lt_codepoints_push(out, '"');
        else
            ok = lt_codepoints_push(out, lt_char_plain_width(c));
        if (!ok)
            return false;
    }
    return true;
}

static bool equal(const lt_codepoints *a, const uint32_t *b, size_t count)
{
    return a->count == count && (count == 0 || memcmp(a->at, b, count * sizeof *b) == 0);
}

/* Appends the repaired in[0..count) to *out. */
static bool repair(const uint32_t *in, size_t count, bool entities, lt_codepoints *out)
{
    lt_codepoints now = {0}, a = {0}, b = {0};
    bool ok = true, changed = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = lt_codepoints_push(&now, in[i]);
    for (int pass = 0; ok && changed && pass < MAX_REPAIRS; pass++) {
        const lt_codepoints *from = &now;
        a.count = b.count = 0;
        if (entities) {
            ok = lt_html_unescape_strict(now.at, now.count, &a);
            from = &a;
        }
        ok = ok && repair_characters(from->at, from->count, &b);
        a.count = 0;
        ok = ok && lt_unicode_nfc(b.at, b.count, &a);
        changed = ok && !equal(&a, now.at, now.count);
        swap(&now, &a);
    }
    for (size_t i = 0; ok && i < now.count; i++)
        ok = lt_codepoints_push(out, now.at[i]);
    lt_codepoints_free(&now);
    lt_codepoints_free(&a);
    lt_codepoints_free(&b);
    return ok;
}

/* Reduces each run of white space to one blank and removes it at both ends, in place. */
static void collapse_spaces(lt_codepoints *v)
{
    size_t kept = 0;
    bool gap = false;
    for (size_t i = 0; i < v->count; i++) {
        if (lt_char_class_of(v->at[i]) == LT_CHAR_SPACE) {
            gap = kept > 0;
            continue;
        }
        if (gap)
            v->at[kept++] = ' ';
        gap = false;
        v->at[kept++] = v->at[i];
    }
    v->count = kept;
}

lt_status lt_text_clean(lt_ctx *ctx, const char *text, size_t len, lt_codepoints *out)
{
    lt_codepoints raw = {0}, work = {0};
    lt_status status = LT_OK;
    bool ok = true;
    for (size_t i = 0; ok && i < len;) {
        uint32_t c;
        size_t n = lt_utf8_decode((const unsigned char *)text + i, len - i, &c);
        if (n == 0) {
            status = lt_fail(ctx, LT_ERR_FORMAT, "text: byte %zu (0x%02x) is not valid UTF-8", i,
                             (unsigned)(unsigned char)text[i]);
            goto done;
        }
        ok = lt_codepoints_push(&raw, c);
        i += n;
    }
    size_t plain = markup_start(raw.at, raw.count);
    ok = ok && repair(raw.at, plain, true, &work);
    if (plain < raw.count)
        ok = ok && repair(raw.at + plain, raw.count - plain, false, &work);
    for (int i = 0; ok && i < 2; i++) {
        raw.count = 0;
        ok = lt_html_unescape(work.at, work.count, &raw);
        swap(&raw, &work);
    }
    collapse_spaces(&work);
    out->count = 0;
    if (!(ok && lt_unicode_lowercase(work.at, work.count, out)))
        status = lt_fail(ctx, LT_ERR_MEMORY, "text: no memory for %zu bytes of text", len);
done:
    lt_codepoints_free(&raw);
    lt_codepoints_free(&work);
    return status;
}
