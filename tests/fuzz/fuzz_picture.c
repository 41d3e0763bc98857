/* PNG and JPEG files, told apart by the first bytes of the input. */
#include "fuzz/fuzz.h"

#include <string.h>
#include <zlib.h>

#include "cli/pictures/image_file.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);

static lt_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return lt_ctx_create(&ctx) != LT_OK;
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Gives every chunk of a PNG its right checksum. Without that, nearly all mutations would end at
 * the checksum of the chunk that they hit. A chunk is LENGTH(4) NAME(4) DATA CHECKSUM(4). */
static void mend_checksums(uint8_t *data, size_t size)
{
    size_t at = 8;
    while (size >= 12 && at <= size - 12) {
        const size_t length = read_u32(data + at);
        if (length > size - at - 12)
            return;
        const uint32_t sum = (uint32_t)crc32(0, data + at + 4, (uInt)(length + 4));
        uint8_t *end = data + at + 8 + length;
        for (int i = 0; i < 4; i++)
            end[i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, capacity);
    /* Some wrong checksums stay, because they have to be refused too. */
    if (size > 8 && memcmp(data + 1, "PNG", 3) == 0 && seed % 16 != 0)
        mend_checksums(data, size);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file input = fuzz_file_make(data, size);
    ce_image image = {0};
    if (ce_image_read(ctx, input.path, &image) == LT_OK) {
        volatile unsigned sum = 0;
        const size_t bytes = (size_t)image.width * (size_t)image.height * 3;
        for (size_t i = 0; i < bytes; i += 61)
            sum += image.rgb[i];
        sum += image.rgb[bytes - 1];
        (void)sum;
    }
    ce_image_free(&image);
    lt_ctx_clear(ctx);
    fuzz_file_close(&input);
    return 0;
}
