/* The array of code points, and UTF-8 (RFC 3629). */
#include "nn/text/codepoints_impl.h"

#include <stdlib.h>

bool lt_codepoints_push(lt_codepoints *v, uint32_t c)
{
    if (v->count == v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 128;
        uint32_t *at = realloc(v->at, cap * sizeof *at);
        if (!at)
            return false;
        v->at = at;
        v->cap = cap;
    }
    v->at[v->count++] = c;
    return true;
}

void lt_codepoints_free(lt_codepoints *v)
{
    free(v->at);
    *v = (lt_codepoints){0};
}

size_t lt_utf8_decode(const unsigned char *s, size_t len, uint32_t *c)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *c = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF8 ? 0 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC0 ? 2 : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t sum = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        sum = sum << 6 | (s[i] & 0x3Fu);
    }
    if (sum < smallest[n] || sum > 0x10FFFF || (sum >= 0xD800 && sum <= 0xDFFF))
        return 0;
    *c = sum;
    return n;
}

size_t lt_utf8_encode(uint32_t c, unsigned char out[4])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (unsigned char)((0xF00u >> n) | c);
    return n;
}
