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

enum { MARK_LENGTH = sizeof mark - 1, START_MAX = 128, CHUNKS_MAX = 64 };

ce_image_text ce_image_origin(void)
{
    return (ce_image_text){"Software", "cfedit " LT_VERSION_STRING};
}

/* Reads one chunk; *found becomes true where it is a text that starts with the `length` bytes at
 * `start`. Returns whether to read another. */
static bool read_chunk(FILE *file, const char *start, size_t length, bool *found)
{
    unsigned char head[8];
    char data[START_MAX];
    if (fread(head, 1, sizeof head, file) != sizeof head || memcmp(head + 4, "IDAT", 4) == 0)
        return false;
    long left = (long)head[0] << 24 | (long)head[1] << 16 | (long)head[2] << 8 | (long)head[3];
    if (memcmp(head + 4, "tEXt", 4) == 0 && left >= (long)length) {
        if (fread(data, 1, length, file) != length)
            return false;
        *found = memcmp(data, start, length) == 0;
        left -= (long)length;
    }
    return !*found && fseek(file, left + 4, SEEK_CUR) == 0;
}

/* Whether `path` is a PNG file with a text that starts with these bytes, at most START_MAX. */
static bool has_text(const char *path, const char *start, size_t length)
{
    char first[sizeof signature];
    bool found = false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    if (fread(first, 1, sizeof first, file) == sizeof first &&
        memcmp(first, signature, sizeof first) == 0)
        for (int i = 0; i < CHUNKS_MAX && read_chunk(file, start, length, &found); i++)
            continue;
    fclose(file);
    return found;
}

bool ce_image_is_own(const char *path) { return has_text(path, mark, MARK_LENGTH); }

bool ce_image_says(const char *path, const char *key, const char *text)
{
    char start[START_MAX];
    const size_t key_length = strlen(key), length = key_length + 1 + strlen(text);
    if (length > sizeof start)
        return false;
    memcpy(start, key, key_length + 1);
    memcpy(start + key_length + 1, text, strlen(text));
    return has_text(path, start, length);
}
