/* The members of a zip archive in memory, as far as .npz files need them: stored or deflated, below
 * 4 GB, not encrypted (PKWARE's APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16). Private to
 * lib/tensor/files. */
#ifndef LT_TENSOR_ZIP_IMPL_H
#define LT_TENSOR_ZIP_IMPL_H

#include "tensor/context.h"

struct lt_zip {
    lt_ctx *ctx;
    const char *path; /* for messages; borrowed, as the data is */
    const unsigned char *data;
    size_t size;
    size_t directory; /* where the central directory begins */
    int members;
};

struct lt_zip_member {
    const char *name; /* not terminated */
    size_t name_length, packed_size, size;
    unsigned method, flags;
    uint32_t crc, local; /* local: where its local header begins */
};

/* Finds the central directory of data[size]. Errors: LT_ERR_FORMAT, LT_ERR_UNSUPPORTED. */
lt_status lt_zip_open(lt_ctx *ctx, const char *path, const void *data, size_t size,
                      struct lt_zip *zip);

/* Reads the entry of the directory at *at and moves *at to the next one. The first entry lies at
 * zip->directory. Errors: LT_ERR_FORMAT. */
lt_status lt_zip_next(const struct lt_zip *zip, size_t *at, struct lt_zip_member *member);

/* Unpacks a member of at most `limit` bytes into a new block, which the caller gives to free().
 * Errors: LT_ERR_FORMAT, LT_ERR_UNSUPPORTED, LT_ERR_MEMORY. */
lt_status lt_zip_unpack(const struct lt_zip *zip, const struct lt_zip_member *member, size_t limit,
                        void **out);

#endif
