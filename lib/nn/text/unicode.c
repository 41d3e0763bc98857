/* Look-ups in the Unicode tables, lower case, and normalisation form C. */
#include "nn/text/unicode_impl.h"

#include <string.h>

#include "nn/text/generated/unicode_tables_impl.h"

static bool in_ranges(const lt_unicode_range *ranges, size_t count, uint32_t c)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c > ranges[mid].last)
            lo = mid + 1;
        else if (c < ranges[mid].first)
            hi = mid;
        else
            return true;
    }
    return false;
}

lt_char_class lt_char_class_of(uint32_t c)
{
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            return LT_CHAR_LETTER;
        if (c >= '0' && c <= '9')
            return LT_CHAR_NUMBER;
    }
    if (in_ranges(lt_unicode_spaces, lt_unicode_spaces_count, c))
        return LT_CHAR_SPACE;
    if (in_ranges(lt_unicode_letters, lt_unicode_letters_count, c))
        return LT_CHAR_LETTER;
    if (in_ranges(lt_unicode_numbers, lt_unicode_numbers_count, c))
        return LT_CHAR_NUMBER;
    return LT_CHAR_OTHER;
}

uint32_t lt_char_plain_width(uint32_t c)
{
    size_t lo = 0, hi = lt_unicode_width_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c == lt_unicode_width[mid].from)
            return lt_unicode_width[mid].to;
        if (c > lt_unicode_width[mid].from)
            lo = mid + 1;
        else
            hi = mid;
    }
    return c;
}

/* ---- lower case ---- */

/* The lower case of c where it is one code point, else c. */
static uint32_t lower_simple(uint32_t c)
{
    size_t lo = 0, hi = lt_unicode_lower_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const lt_unicode_lower_run *run = &lt_unicode_lower[mid];
        if (c > run->last)
            lo = mid + 1;
        else if (c < run->first)
            hi = mid;
        else if ((c - run->first) % (uint32_t)run->stride == 0)
            return (uint32_t)((int32_t)c + run->delta);
        else
            return c;
    }
    return c;
}

static bool is_cased(uint32_t c) { return in_ranges(lt_unicode_cased, lt_unicode_cased_count, c); }

static bool is_case_ignorable(uint32_t c)
{
    return in_ranges(lt_unicode_case_ignorable, lt_unicode_case_ignorable_count, c);
}

/* Whether the capital sigma in[i] ends a word: with case-ignorable characters skipped, a cased
 * letter stands before it and none after it (Unicode, SpecialCasing: Final_Sigma). Takes linear
 * time over a whole text: sigmas are cased, so each gap between two is walked at most twice. */
static bool sigma_is_final(const uint32_t *in, size_t count, size_t i)
{
    size_t j = i;
    while (j > 0 && is_case_ignorable(in[j - 1]))
        j--;
    if (j == 0 || !is_cased(in[j - 1]))
        return false;
    j = i + 1;
    while (j < count && is_case_ignorable(in[j]))
        j++;
    return j == count || !is_cased(in[j]);
}

bool lt_unicode_lowercase(const uint32_t *in, size_t count, lt_codepoints *out)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t c = in[i];
        bool ok;
        if (c == 0x3A3)
            ok = lt_codepoints_push(out, sigma_is_final(in, count, i) ? 0x3C2 : 0x3C3);
        else if (c == 0x130) /* capital I with dot, the only unconditional pair */
            ok = lt_codepoints_push(out, 'i') && lt_codepoints_push(out, 0x307);
        else
            ok = lt_codepoints_push(out, lower_simple(c));
        if (!ok)
            return false;
    }
    return true;
}

/* ---- normalisation form C (Unicode Standard Annex 15) ---- */

enum {
    HANGUL_S = 0xAC00,
    HANGUL_L = 0x1100,
    HANGUL_V = 0x1161,
    HANGUL_T = 0x11A7,
    HANGUL_L_COUNT = 19,
    HANGUL_V_COUNT = 21,
    HANGUL_T_COUNT = 28,
    HANGUL_S_COUNT = HANGUL_L_COUNT * HANGUL_V_COUNT * HANGUL_T_COUNT
};

static uint32_t combining_class(uint32_t c)
{
    size_t lo = 0, hi = lt_unicode_combining_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c > lt_unicode_combining[mid].last)
            lo = mid + 1;
        else if (c < lt_unicode_combining[mid].first)
            hi = mid;
        else
            return lt_unicode_combining[mid].combining_class;
    }
    return 0;
}

static const lt_unicode_triple *decomposition(uint32_t c)
{
    size_t lo = 0, hi = lt_unicode_decompositions_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c == lt_unicode_decompositions[mid].a)
            return &lt_unicode_decompositions[mid];
        if (c > lt_unicode_decompositions[mid].a)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* The primary composite of a followed by b, or 0 if there is none. */
static uint32_t compose(uint32_t a, uint32_t b)
{
    if (a >= HANGUL_L && a < HANGUL_L + HANGUL_L_COUNT && b >= HANGUL_V &&
        b < HANGUL_V + HANGUL_V_COUNT)
        return HANGUL_S + ((a - HANGUL_L) * HANGUL_V_COUNT + (b - HANGUL_V)) * HANGUL_T_COUNT;
    if (a >= HANGUL_S && a < HANGUL_S + HANGUL_S_COUNT && (a - HANGUL_S) % HANGUL_T_COUNT == 0 &&
        b > HANGUL_T && b < HANGUL_T + HANGUL_T_COUNT)
        return a + (b - HANGUL_T);
    size_t lo = 0, hi = lt_unicode_compositions_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const lt_unicode_triple *t = &lt_unicode_compositions[mid];
        if (t->a == a && t->b == b)
            return t->c;
        if (t->a < a || (t->a == a && t->b < b))
            lo = mid + 1;
        else
            hi = mid;
    }
    return 0;
}

static bool push_decomposed(uint32_t c, lt_codepoints *out)
{
    const lt_unicode_triple *t = decomposition(c);
    if (!t) /* Hangul syllables stay whole: composition would only rebuild them */
        return lt_codepoints_push(out, c);
    return push_decomposed(t->b, out) && (t->c == 0 || push_decomposed(t->c, out));
}

/* Sorts one run of marks by combining class; equal marks keep their order. A merge sort from the
 * bottom up, because a hostile text may be one run of a million marks. */
static void sort_marks(uint32_t *marks, uint32_t *scratch, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t mid = at + width < count ? at + width : count;
            size_t end = at + 2 * width < count ? at + 2 * width : count;
            size_t i = at, j = mid;
            for (size_t k = at; k < end; k++) {
                bool left =
                    i < mid && (j == end || combining_class(marks[i]) <= combining_class(marks[j]));
                scratch[k] = left ? marks[i++] : marks[j++];
            }
        }
        memcpy(marks, scratch, count * sizeof *marks);
    }
}

bool lt_unicode_nfc(const uint32_t *in, size_t count, lt_codepoints *out)
{
    lt_codepoints full = {0}, scratch = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = push_decomposed(in[i], &full);
    for (size_t i = 0; ok && i < full.count;) {
        size_t end = i;
        while (end < full.count && combining_class(full.at[end]) != 0)
            end++;
        while (ok && scratch.count < end - i)
            ok = lt_codepoints_push(&scratch, 0);
        if (ok && end - i > 1)
            sort_marks(full.at + i, scratch.at, end - i);
        i = end + 1;
    }

    size_t base = out->count;
    size_t starter = SIZE_MAX; /* index in *out of the last starter (class 0) */
    uint32_t last_class = 0;   /* class of the last character that was appended after the starter */
    for (size_t i = 0; ok && i < full.count; i++) {
        uint32_t c = full.at[i], k = combining_class(c);
        if (starter != SIZE_MAX) {
            bool adjacent = out->count - 1 == starter;
            if (adjacent || (last_class != 0 && last_class < k)) {
                uint32_t joined = compose(out->at[starter], c);
                if (joined) {
                    out->at[starter] = joined;
                    continue;
                }
            }
        }
        ok = lt_codepoints_push(out, c);
        if (ok && k == 0)
            starter = out->count - 1;
        last_class = k;
    }
    if (!ok)
        out->count = base;
    lt_codepoints_free(&full);
    lt_codepoints_free(&scratch);
    return ok;
}
