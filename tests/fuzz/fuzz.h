/* Helpers of the fuzz targets, each of which is a libFuzzer program that feeds one reader with
 * hostile bytes. libFuzzer calls LLVMFuzzerInitialize() once and LLVMFuzzerTestOneInput() for each
 * input, and leaves no place for state but static variables. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file without a name in memory; `path` opens it. */
struct fuzz_file {
    int fd;
    char path[64];
};

/* Makes a file of these bytes. A failure ends the program. */
struct fuzz_file fuzz_file_make(const void *data, size_t size);

/* Makes a safetensors file from an input that holds its header, then optionally a zero byte and the
 * beginning of its data. The length of the header is put in front, and the data is filled up to
 * FUZZ_DATA_BYTES, so that inputs stay small and nearly every one reaches what lies behind the
 * header:
 *
 *     input   {"w":{"dtype":"F32",...}} \0 data
 *     file    LENGTH {"w":{"dtype":"F32",...}} data 0 0 0 ... 0
 *
 * The bytes of `rest` (FUZZ_DATA_BYTES) stand in the places of the zeros; NULL: zeros. */
struct fuzz_file fuzz_file_make_tensors(const uint8_t *input, size_t size, const uint8_t *rest);

void fuzz_file_close(struct fuzz_file *file);

enum { FUZZ_DATA_BYTES = 1 << 20 };

#endif
