#include "engine/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *ce_format(lt_ctx *ctx, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!text) {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a text");
        return NULL;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

char *ce_copy(lt_ctx *ctx, const char *text) { return text ? ce_format(ctx, "%s", text) : NULL; }

bool ce_parse_int(const char *text, int64_t *value)
{
    /* strtoll() would take leading blanks and an empty text. */
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits < '0' || *digits > '9')
        return false;
    char *end;
    errno = 0;
    const long long parsed = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *value = parsed;
    return true;
}

bool ce_parse_real(const char *text, double *value)
{
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
        return false;
    char *end;
    const double parsed = strtod(text, &end);
    if (*end || !isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}
