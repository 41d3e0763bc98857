#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tensor/files/zip_impl.h"

/* Sizes and signatures of the records, and where their fields lie. */
enum {
    END_BYTES = 22,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    MOST_COMMENT = 65535,
    ENCRYPTED = 1,
    STORED = 0,
    DEFLATED = 8
};
static const uint32_t end_mark = 0x06054b50u, entry_mark = 0x02014b50u, local_mark = 0x04034b50u;

static unsigned short_at(const unsigned char *p) { return (unsigned)p[0] | (unsigned)p[1] << 8; }

static uint32_t long_at(const unsigned char *p)
{
    return (uint32_t)short_at(p) | (uint32_t)short_at(p + 2) << 16;
}

static lt_status damaged(const struct lt_zip *zip, const char *what)
{
    return lt_fail(zip->ctx, LT_ERR_FORMAT, "%s: a damaged zip archive: %s", zip->path, what);
}

lt_status lt_zip_open(lt_ctx *ctx, const char *path, const void *data, size_t size,
                      struct lt_zip *zip)
{
    *zip = (struct lt_zip){.ctx = ctx, .path = path, .data = data, .size = size};
    if (size < END_BYTES)
        return damaged(zip, "it is cut off");
    /* The record at the end is found from the end, since a comment may follow it. */
    size_t at = size - END_BYTES;
    const size_t first = at > MOST_COMMENT ? at - MOST_COMMENT : 0;
    while (at > first && long_at(zip->data + at) != end_mark)
        at--;
    const unsigned char *end = zip->data + at;
    if (long_at(end) != end_mark)
        return damaged(zip, "it is cut off");
    zip->members = (int)short_at(end + 10);
    zip->directory = long_at(end + 16);
    if (zip->directory == UINT32_MAX || zip->members == 65535)
        return lt_fail(ctx, LT_ERR_UNSUPPORTED, "%s: a zip archive of more than 4 GB", path);
    return zip->directory > at ? damaged(zip, "its directory lies outside") : LT_OK;
}

lt_status lt_zip_next(const struct lt_zip *zip, size_t *at, struct lt_zip_member *member)
{
    if (zip->size - *at < ENTRY_BYTES || long_at(zip->data + *at) != entry_mark)
        return damaged(zip, "its directory is cut off");
    const unsigned char *e = zip->data + *at;
    const size_t name = short_at(e + 28), rest = name + short_at(e + 30) + short_at(e + 32);
    if (zip->size - *at - ENTRY_BYTES < rest)
        return damaged(zip, "its directory is cut off");
    *member = (struct lt_zip_member){.name = (const char *)e + ENTRY_BYTES,
                                     .name_length = name,
                                     .packed_size = long_at(e + 20),
                                     .size = long_at(e + 24),
                                     .method = short_at(e + 10),
                                     .flags = short_at(e + 8),
                                     .crc = long_at(e + 16),
                                     .local = long_at(e + 42)};
    *at += ENTRY_BYTES + rest;
    return LT_OK;
}

/* The packed bytes of a member: behind its local header, whose name and extra field may have other
 * lengths than those in the directory. NULL after recording a failure. */
static const unsigned char *packed(const struct lt_zip *zip, const struct lt_zip_member *m)
{
    const size_t local = m->local;
    if (local <= zip->size && zip->size - local >= LOCAL_BYTES &&
        long_at(zip->data + local) == local_mark) {
        const unsigned char *h = zip->data + local;
        const size_t begin = local + LOCAL_BYTES + short_at(h + 26) + short_at(h + 28);
        if (begin <= zip->size && zip->size - begin >= m->packed_size)
            return zip->data + begin;
    }
    damaged(zip, "a member is cut off");
    return NULL;
}

static bool inflate_raw(const unsigned char *from, size_t packed_size, unsigned char *to,
                        size_t size)
{
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    z.next_in = (z_const Bytef *)from;
    z.avail_in = (uInt)packed_size;
    z.next_out = to;
    z.avail_out = (uInt)size;
    const int code = inflate(&z, Z_FINISH);
    const bool whole = code == Z_STREAM_END && z.avail_out == 0;
    inflateEnd(&z);
    return whole;
}

lt_status lt_zip_unpack(const struct lt_zip *zip, const struct lt_zip_member *m, size_t limit,
                        void **out)
{
    *out = NULL;
    if (m->flags & ENCRYPTED || (m->method != STORED && m->method != DEFLATED))
        return lt_fail(zip->ctx, LT_ERR_UNSUPPORTED,
                       "%s: a zip archive that is encrypted or packed in an unusual way",
                       zip->path);
    if (m->size > limit)
        return lt_fail(zip->ctx, LT_ERR_UNSUPPORTED, "%s: a member of %zu bytes, at most %zu",
                       zip->path, m->size, limit);
    /* Deflate packs at most 1032 to 1, so a larger claim needs no memory to be refused. */
    if (m->method == STORED ? m->size != m->packed_size : m->size / 1040 > m->packed_size)
        return damaged(zip, "the size of a member is wrong");
    const unsigned char *from = packed(zip, m);
    if (!from)
        return lt_ctx_status(zip->ctx);
    unsigned char *to = malloc(m->size + 1);
    if (!to)
        return lt_fail(zip->ctx, LT_ERR_MEMORY, "%s: no memory to unpack it", zip->path);
    bool whole = true;
    if (m->method == STORED)
        memcpy(to, from, m->size);
    else
        whole = inflate_raw(from, m->packed_size, to, m->size);
    if (!whole || crc32(crc32(0, NULL, 0), to, (uInt)m->size) != m->crc) {
        free(to);
        return damaged(zip, "a member cannot be unpacked");
    }
    *out = to;
    return LT_OK;
}
