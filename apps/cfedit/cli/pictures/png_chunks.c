#include "cli/pictures/png_chunks.h"

#include <string.h>

bool ce_png_is(const unsigned char first[8])
{
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return memcmp(first, signature, sizeof signature) == 0;
}

bool ce_png_chunk_next(FILE *file, struct ce_png_chunk *chunk)
{
    unsigned char head[8];
    if (fread(head, 1, sizeof head, file) != sizeof head)
        return false;
    chunk->size = (long)head[0] << 24 | (long)head[1] << 16 | (long)head[2] << 8 | (long)head[3];
    memcpy(chunk->type, head + 4, 4);
    chunk->type[4] = '\0';
    return true;
}

bool ce_png_chunk_leave(FILE *file, long left)
{
    return fseek(file, left + 4, SEEK_CUR) == 0; /* the checksum follows the data */
}
