/* Unpacks a gzip merge list, up to a limit. */
#include <stdlib.h>
#include <zlib.h>

#include "nn/text/tokenizer_vocab_impl.h"

/* Doubles a buffer, up to the limit. Returns false at the limit, with *too_big set, or when
 * memory ran out. */
static bool grow(char **buffer, size_t *cap, size_t limit, bool *too_big)
{
    *too_big = *cap >= limit;
    if (*too_big)
        return false;
    size_t bigger = 2 * *cap < limit ? 2 * *cap : limit;
    char *moved = realloc(*buffer, bigger);
    if (!moved)
        return false;
    *buffer = moved;
    *cap = bigger;
    return true;
}

lt_status lt_gunzip(lt_ctx *ctx, const void *data, size_t bytes, size_t limit, char **out,
                    size_t *out_bytes)
{
    z_stream z = {0};
    size_t cap = limit < (size_t)1 << 20 ? limit : (size_t)1 << 20, used = 0;
    char *buffer = malloc(cap);
    bool too_big = false;
    lt_status status = LT_OK;

    *out = NULL;
    *out_bytes = 0;
    /* 16 stands for the gzip format, whose checksum inflate() verifies. */
    if (!buffer || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        free(buffer);
        return lt_fail(ctx, LT_ERR_MEMORY, "merge list: no memory to unpack it");
    }
    z.next_in = (z_const Bytef *)data;
    z.avail_in = (uInt)bytes;
    int code = Z_OK;
    while (code == Z_OK) {
        if (used == cap && !grow(&buffer, &cap, limit, &too_big))
            break;
        z.next_out = (Bytef *)buffer + used;
        z.avail_out = (uInt)(cap - used);
        code = inflate(&z, Z_NO_FLUSH);
        used = cap - z.avail_out;
    }
    if (code == Z_OK && too_big)
        status = lt_fail(ctx, LT_ERR_FORMAT,
                         "merge list: unpacks to more than the limit of %zu bytes", limit);
    else if (code == Z_OK || code == Z_MEM_ERROR)
        status = lt_fail(ctx, LT_ERR_MEMORY, "merge list: no memory to unpack it");
    else if (code == Z_BUF_ERROR)
        status = lt_fail(ctx, LT_ERR_FORMAT, "merge list: the gzip data is cut off after %zu bytes",
                         bytes);
    else if (code != Z_STREAM_END)
        status = lt_fail(ctx, LT_ERR_FORMAT, "merge list: damaged gzip data (%s)",
                         z.msg ? z.msg : "unknown reason");
    else if (z.avail_in > 0)
        status = lt_fail(ctx, LT_ERR_FORMAT, "merge list: %u bytes follow the end of the gzip data",
                         z.avail_in);
    inflateEnd(&z);
    if (status != LT_OK) {
        free(buffer);
        return status;
    }
    *out = buffer;
    *out_bytes = used;
    return LT_OK;
}
