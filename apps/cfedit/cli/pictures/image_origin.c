/* Recognising the PNG files that cfedit wrote. */
#include "cli/pictures/image_origin.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A PNG file is a signature of 8 bytes and chunks. Texts written before the pixels are tEXt chunks
 * in front of the first IDAT:
 *
 *     length of the data, big-endian | "tEXt" | data: key, zero byte, text | checksum
 *     4 bytes                          4        length                      4
 */
static const char signature[8] = "\x89PNG\r\n\x1a\n";
static const char mark[] = "Software\0cfedit";

enum { MARK_LENGTH = sizeof mark - 1, CHUNKS_MAX = 64 };

ce_image_text ce_image_origin(void)
{
    return (ce_image_text){"Software", "cfedit " LT_VERSION_STRING};
}

/* Reads one chunk; *own becomes true where it holds the mark. Returns whether to read another. */
static bool read_chunk(FILE *file, bool *own)
{
    unsigned char head[8];
    char data[MARK_LENGTH];
    if (fread(head, 1, sizeof head, file) != sizeof head || memcmp(head + 4, "IDAT", 4) == 0)
        return false;
    long left = (long)head[0] << 24 | (long)head[1] << 16 | (long)head[2] << 8 | (long)head[3];
    if (memcmp(head + 4, "tEXt", 4) == 0 && left >= MARK_LENGTH) {
        if (fread(data, 1, sizeof data, file) != sizeof data)
            return false;
        *own = memcmp(data, mark, sizeof data) == 0;
        left -= MARK_LENGTH;
    }
    return !*own && fseek(file, left + 4, SEEK_CUR) == 0;
}

bool ce_image_is_own(const char *path)
{
    char start[sizeof signature];
    bool own = false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    if (fread(start, 1, sizeof start, file) == sizeof start &&
        memcmp(start, signature, sizeof start) == 0)
        for (int i = 0; i < CHUNKS_MAX && read_chunk(file, &own); i++)
            continue;
    fclose(file);
    return own;
}
