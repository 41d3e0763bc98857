/* Recognising the PNG files that cfedit wrote. */
#include "cli/pictures/image_origin.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/pictures/png_chunks.h"

static const char mark[] = "Software\0cfedit";

enum { MARK_LENGTH = sizeof mark - 1, START_MAX = 128, CHUNKS_MAX = 64 };

ce_image_text ce_image_origin(void)
{
    return (ce_image_text){"Software", "cfedit " LT_VERSION_STRING};
}

/* Reads one chunk; *found becomes true where it is a text that starts with the `length` bytes at
 * `start`. Returns whether to read another: texts of cfedit stand in front of the pixels. */
static bool read_chunk(FILE *file, const char *start, size_t length, bool *found)
{
    struct ce_png_chunk chunk;
    char data[START_MAX];
    if (!ce_png_chunk_next(file, &chunk) || strcmp(chunk.type, "IDAT") == 0)
        return false;
    if (strcmp(chunk.type, "tEXt") == 0 && chunk.size >= (long)length) {
        if (fread(data, 1, length, file) != length)
            return false;
        *found = memcmp(data, start, length) == 0;
        chunk.size -= (long)length;
    }
    return !*found && ce_png_chunk_leave(file, chunk.size);
}

/* Whether `path` is a PNG file with a text that starts with these bytes, at most START_MAX. */
static bool has_text(const char *path, const char *start, size_t length)
{
    unsigned char first[8];
    bool found = false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    if (fread(first, 1, sizeof first, file) == sizeof first && ce_png_is(first))
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
