#include "cli/pictures/image_texts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pictures/png_chunks.h"

enum { TEXT_MOST = 65536, CHUNKS_MAX = 4096 };

/* Reads the next `size` bytes as a text with a zero byte behind it. *data is NULL at the end of the
 * file. */
static lt_status take(lt_ctx *ctx, FILE *file, size_t size, char **data)
{
    *data = malloc(size + 1);
    if (!*data)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a text of %zu bytes", size);
    if (fread(*data, 1, size, file) != size) {
        free(*data);
        *data = NULL;
        return LT_OK;
    }
    (*data)[size] = '\0';
    return LT_OK;
}

/* Keeps a text of `memory`, which is freed where there is nothing to keep. */
static void keep(struct ce_image_texts *texts, char *memory, const char *key, const char *text)
{
    if (!text || !*key || texts->count == CE_IMAGE_TEXTS_MAX) {
        free(memory);
        return;
    }
    texts->memory[texts->count] = memory;
    texts->text[texts->count++] = (ce_image_text){key, text};
}

/* The text behind the key of a chunk; NULL where there is none.
 *
 *     tEXt: key 0 text
 *     iTXt: key 0 compressed(1) method(1) language 0 translated key 0 text */
static const char *text_of_chunk(const char *data, size_t size, bool international)
{
    size_t at = strlen(data) + 1;
    if (international) {
        if (at + 2 > size || data[at] != 0)
            return NULL;
        at += 2;
        for (int i = 0; i < 2 && at <= size; i++)
            at += strlen(data + at) + 1;
    }
    return at <= size ? data + at : NULL;
}

static lt_status read_png(lt_ctx *ctx, FILE *file, struct ce_image_texts *texts)
{
    struct ce_png_chunk chunk;
    for (int i = 0; i < CHUNKS_MAX && ce_png_chunk_next(file, &chunk); i++) {
        const bool international = strcmp(chunk.type, "iTXt") == 0;
        char *data = NULL;
        if ((international || strcmp(chunk.type, "tEXt") == 0) && chunk.size <= TEXT_MOST) {
            const size_t size = (size_t)chunk.size;
            const lt_status status = take(ctx, file, size, &data);
            if (status != LT_OK || !data)
                return status;
            keep(texts, data, data, text_of_chunk(data, size, international));
            chunk.size = 0;
        }
        if (!ce_png_chunk_leave(file, chunk.size))
            return LT_OK;
    }
    return LT_OK;
}

/* Parts "key: text" at the colon. */
static char *part_comment(char *data)
{
    char *colon = strstr(data, ": ");
    if (!colon)
        return NULL;
    *colon = '\0';
    return colon + 2;
}

/* Segments in front of the pixels are: 0xff, type, length (2, big-endian, itself included), data.
 * Type 0xfe is a comment, and 0xda begins the pixels. */
static lt_status read_jpeg(lt_ctx *ctx, FILE *file, struct ce_image_texts *texts)
{
    for (int i = 0; i < CHUNKS_MAX; i++) {
        unsigned char head[4];
        char *data;
        if (fread(head, 1, sizeof head, file) != sizeof head || head[0] != 0xff || head[1] == 0xda)
            return LT_OK;
        const long size = (long)(head[2] << 8 | head[3]) - 2;
        if (size < 0 || (head[1] != 0xfe && fseek(file, size, SEEK_CUR) != 0))
            return LT_OK;
        if (head[1] != 0xfe)
            continue;
        const lt_status status = take(ctx, file, (size_t)size, &data);
        if (status != LT_OK || !data)
            return status;
        char *text = part_comment(data);
        keep(texts, data, data, text);
    }
    return LT_OK;
}

lt_status ce_image_texts_read(lt_ctx *ctx, const char *path, struct ce_image_texts *texts)
{
    unsigned char first[8];
    memset(texts, 0, sizeof *texts);
    FILE *file = fopen(path, "rb");
    if (!file)
        return lt_fail(ctx, LT_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    lt_status status = LT_OK;
    const size_t got = fread(first, 1, sizeof first, file);
    if (got == sizeof first && ce_png_is(first))
        status = read_png(ctx, file, texts);
    else if (got >= 2 && first[0] == 0xff && first[1] == 0xd8 && fseek(file, 2, SEEK_SET) == 0)
        status = read_jpeg(ctx, file, texts);
    fclose(file);
    return status;
}

void ce_image_texts_free(struct ce_image_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->memory[i]);
    memset(texts, 0, sizeof *texts);
}
