/* Walking the chunks of a PNG file. A file is a signature of 8 bytes and chunks:
 *
 *     length of the data, big-endian | type | data   | checksum
 *     4 bytes                          4      length   4 */
#ifndef CFEDIT_PNG_CHUNKS_H
#define CFEDIT_PNG_CHUNKS_H

#include <stdbool.h>
#include <stdio.h>

struct ce_png_chunk {
    char type[5]; /* "tEXt", "IDAT", ... */
    long size;    /* bytes of the data */
};

/* Whether `first` is how PNG files begin. */
bool ce_png_is(const unsigned char first[8]);

/* Reads the head of the next chunk and leaves the file at its data. False at the end of the file.
 */
bool ce_png_chunk_next(FILE *file, struct ce_png_chunk *chunk);

/* Moves on to the next chunk when `left` bytes of the data have not been read. False where the file
 * cannot be moved in. */
bool ce_png_chunk_leave(FILE *file, long left);

#endif
