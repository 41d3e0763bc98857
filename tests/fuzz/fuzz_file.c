/* Files in memory for readers that take a path. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fuzz_file make_empty(void)
{
    struct fuzz_file file = {.fd = memfd_create("input", MFD_CLOEXEC)};
    if (file.fd < 0)
        abort();
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

static void put(const struct fuzz_file *file, const void *data, size_t size, size_t at)
{
    if (size > 0 && pwrite(file->fd, data, size, (off_t)at) != (ssize_t)size)
        abort();
}

struct fuzz_file fuzz_file_make(const void *data, size_t size)
{
    const struct fuzz_file file = make_empty();
    put(&file, data, size, 0);
    return file;
}

struct fuzz_file fuzz_file_make_tensors(const uint8_t *input, size_t size, const uint8_t *rest)
{
    const struct fuzz_file file = make_empty();
    const uint8_t *zero = size > 0 ? memchr(input, 0, size) : NULL;
    const size_t header = zero ? (size_t)(zero - input) : size;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header >> (8 * i));
    put(&file, length, sizeof length, 0);
    put(&file, input, header, sizeof length);
    const size_t given = zero ? size - header - 1 : 0;
    put(&file, input + size - given, given, sizeof length + header);
    if (rest && given < FUZZ_DATA_BYTES)
        put(&file, rest + given, FUZZ_DATA_BYTES - given, sizeof length + header + given);
    if (ftruncate(file.fd, (off_t)(sizeof length + header + FUZZ_DATA_BYTES)) != 0)
        abort();
    return file;
}

void fuzz_file_close(struct fuzz_file *file)
{
    close(file->fd);
    file->fd = -1;
}
