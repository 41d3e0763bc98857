/* Reading and writing weight files. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"
#include "support/temp_dir.h"
#include "tensor/files/file.h"
#include "tensor/files/safetensors.h"

static lt_ctx *ctx;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove();
    lt_ctx_destroy(ctx);
}

/* Builds a file from its parts; `claimed` is the header length to be written. */
static size_t build(unsigned char *to, uint64_t claimed, const char *header, size_t data_bytes)
{
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(claimed >> (8 * i));
    memcpy(to + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++)
        to[8 + length + i] = (unsigned char)i;
    return 8 + length + data_bytes;
}

static const char *write_file(const char *header, size_t data_bytes)
{
    static unsigned char bytes[65536];
    const char *path = temp_path("file.safetensors");
    temp_write(path, bytes, build(bytes, strlen(header), header, data_bytes));
    return path;
}

static lt_status open_file(const char *path, lt_safetensors **file)
{
    lt_ctx_clear(ctx);
    return lt_safetensors_open(ctx, path, file);
}

START_TEST(every_dtype_round_trips)
{
    static const lt_dtype dtypes[] = {LT_U8, LT_F32, LT_F16, LT_BF16, LT_I32, LT_I64, LT_F64};
    static const char *const keys[] = {"source", "steps"};
    static const char *const values[] = {"\xc3\xa9 \"quoted\"\n", ""};
    const char *names[9];
    lt_tensor *tensors[9];
    char name_texts[9][16];
    unsigned char data[15 * 8];
    lt_safetensors *file;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + 11);
    for (int i = 0; i < 9; i++) {
        sprintf(name_texts[i], "tensor.%d", 8 - i);
        names[i] = name_texts[i];
    }
    for (int i = 0; i < 7; i++)
        tensors[i] = lt_from_copy(ctx, dtypes[i], 3, (int64_t[]){5, 1, 3}, data);
    tensors[7] = lt_scalar(ctx, 1.5f);
    tensors[8] = lt_zeros(ctx, 2, (int64_t[]){0, 7});
    const char *path = temp_path("a.safetensors");
    ck_assert_int_eq(lt_safetensors_write(ctx, path, 9, names, tensors, 2, keys, values), LT_OK);
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    ck_assert_str_eq(lt_safetensors_path(file), path);
    ck_assert_uint_eq(lt_safetensors_count(file), 9);
    for (int i = 0; i < 9; i++) {
        const lt_safetensors_info *info = lt_safetensors_at(file, (size_t)i);
        ck_assert_str_eq(info->name, names[i]);
        ck_assert_ptr_eq(lt_safetensors_find(file, names[i]), info);
        ck_assert(info->known && info->dtype == lt_type(tensors[i]));
        ck_assert_str_eq(info->dtype_name, lt_dtype_name(info->dtype));
        ck_assert_int_eq(info->ndim, lt_ndim(tensors[i]));
        lt_tensor *t = lt_safetensors_borrow(ctx, file, names[i]);
        ck_assert_ptr_nonnull(t);
        ck_assert(lt_same_shape(t, tensors[i]) && lt_type(t) == lt_type(tensors[i]));
        ck_assert_uint_eq(info->bytes, (size_t)lt_numel(t) * lt_dtype_size(lt_type(t)));
        if (info->bytes)
            ck_assert_mem_eq(lt_data(t), lt_data(tensors[i]), info->bytes);
    }
    ck_assert_ptr_null(lt_safetensors_at(file, 9));
    ck_assert_ptr_null(lt_safetensors_find(file, "tensor"));
    ck_assert_ptr_null(lt_safetensors_find(file, "__metadata__"));

    const char *key, *value;
    ck_assert_uint_eq(lt_safetensors_metadata_count(file), 2);
    ck_assert_str_eq(lt_safetensors_metadata(file, "source"), values[0]);
    ck_assert_str_eq(lt_safetensors_metadata(file, "steps"), "");
    ck_assert_ptr_null(lt_safetensors_metadata(file, "step"));
    ck_assert(lt_safetensors_metadata_at(file, 1, &key, &value));
    ck_assert_str_eq(key, "steps");
    ck_assert(!lt_safetensors_metadata_at(file, 2, &key, &value));
    lt_safetensors_close(file);
}
END_TEST

START_TEST(the_bytes_are_as_specified)
{
    static const char expected[] =
        "{\"__metadata__\":{\"k\":\"v\"},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":[8,11]}}";
    const float numbers[2] = {1.0f, -2.0f};
    lt_tensor *tensors[2] = {lt_from_copy(ctx, LT_F32, 1, (int64_t[]){2}, numbers),
                             lt_from_copy(ctx, LT_U8, 2, (int64_t[]){3, 1}, "xyz")};
    const char *path = temp_path("a.safetensors");
    void *first, *second;
    size_t size, again;

    ck_assert_int_eq(lt_safetensors_write(ctx, path, 2, (const char *[]){"b", "a"}, tensors, 1,
                                          (const char *[]){"k"}, (const char *[]){"v"}),
                     LT_OK);
    ck_assert_int_eq(lt_file_read(ctx, path, 4096, &first, &size), LT_OK);
    const unsigned char *bytes = first;
    size_t header = bytes[0];
    ck_assert_uint_eq(header, (sizeof expected - 1 + 7) / 8 * 8);
    ck_assert_mem_eq(bytes + 1, "\0\0\0\0\0\0\0", 7);
    ck_assert_mem_eq(bytes + 8, expected, sizeof expected - 1);
    for (size_t i = sizeof expected - 1; i < header; i++)
        ck_assert_int_eq(bytes[8 + i], ' ');
    ck_assert_uint_eq(size, 8 + header + 11);
    ck_assert_mem_eq(bytes + 8 + header, numbers, 8);
    ck_assert_mem_eq(bytes + 8 + header + 8, "xyz", 3);

    ck_assert_int_eq(lt_safetensors_write(ctx, path, 2, (const char *[]){"b", "a"}, tensors, 1,
                                          (const char *[]){"k"}, (const char *[]){"v"}),
                     LT_OK);
    ck_assert_int_eq(lt_file_read(ctx, path, 4096, &second, &again), LT_OK);
    ck_assert_uint_eq(again, size);
    ck_assert_mem_eq(first, second, size);
    free(first);
    free(second);
}
END_TEST

START_TEST(views_are_written_row_major)
{
    const float numbers[6] = {0, 1, 2, 3, 4, 5};
    lt_tensor *t = lt_from_copy(ctx, LT_F32, 2, (int64_t[]){2, 3}, numbers);
    lt_tensor *turned = lt_view(ctx, t, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3}, 0);
    const char *path = temp_path("a.safetensors");
    lt_safetensors *file;
    ck_assert_int_eq(
        lt_safetensors_write(ctx, path, 1, (const char *[]){"t"}, &turned, 0, NULL, NULL), LT_OK);
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    const float expected[6] = {0, 3, 1, 4, 2, 5};
    ck_assert_mem_eq(lt_f32(lt_safetensors_f32(ctx, file, "t")), expected, sizeof expected);
    lt_safetensors_close(file);
}
END_TEST

START_TEST(f32_borrows_or_converts)
{
    const float numbers[4] = {1.0f, -0.5f, 65504.0f, 0.25f};
    lt_tensor *t = lt_from_copy(ctx, LT_F32, 1, (int64_t[]){4}, numbers);
    lt_tensor *tensors[5] = {t, lt_cast(ctx, t, LT_F16), lt_cast(ctx, t, LT_BF16),
                             lt_cast(ctx, t, LT_F64), lt_cast(ctx, t, LT_I32)};
    static const char *const names[5] = {"f32", "f16", "bf16", "f64", "i32"};
    const char *path = temp_path("a.safetensors");
    lt_safetensors *file;
    ck_assert_int_eq(lt_safetensors_write(ctx, path, 5, names, tensors, 0, NULL, NULL), LT_OK);
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    for (int i = 0; i < 4; i++) {
        lt_tensor *f = lt_safetensors_f32(ctx, file, names[i]);
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(lt_type(f), LT_F32);
        ck_assert_float_eq(lt_f32(f)[1], -0.5f);
        ck_assert_float_eq(lt_f32(f)[2], i == 2 ? 65536.0f : 65504.0f);
    }
    size_t live = lt_ctx_memory(ctx).live_blocks;
    ck_assert_ptr_nonnull(lt_safetensors_f32(ctx, file, "f32"));
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_blocks, live);
    ck_assert_ptr_null(lt_safetensors_f32(ctx, file, "i32"));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_DTYPE);
    lt_ctx_clear(ctx);
    ck_assert_ptr_null(lt_safetensors_f32(ctx, file, "f8"));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "f8"));
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), path));
    lt_safetensors_close(file);
}
END_TEST

START_TEST(tensors_outlive_the_file_and_protect_it)
{
    const float numbers[2] = {1.0f, 2.0f};
    lt_tensor *t = lt_from_copy(ctx, LT_F32, 1, (int64_t[]){2}, numbers);
    const char *path = temp_path("a.safetensors");
    lt_safetensors *file;
    ck_assert_int_eq(lt_safetensors_write(ctx, path, 1, (const char *[]){"t"}, &t, 0, NULL, NULL),
                     LT_OK);
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    lt_tensor *kept = lt_retain(lt_safetensors_f32(ctx, file, "t"));
    lt_tensor *other = lt_safetensors_f32(ctx, file, "t");
    lt_safetensors_close(file);
    ck_assert_float_eq(lt_f32(kept)[1], 2.0f);
    lt_f32(kept)[1] = 5.0f;
    ck_assert_float_eq(lt_f32(other)[1], 5.0f);
    /* The file itself has not changed. */
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    ck_assert_float_eq(lt_f32(lt_safetensors_f32(ctx, file, "t"))[1], 2.0f);
    lt_safetensors_close(file);
    lt_release(kept);
}
END_TEST

START_TEST(unaligned_data_is_copied)
{
    const char *path =
        write_file("{\"t\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[1,9]}}  ", 9);
    lt_safetensors *file;
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    lt_tensor *t = lt_safetensors_borrow(ctx, file, "t");
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(lt_i32(t)[0], 0x04030201);
    ck_assert_int_eq(lt_i32(t)[1], 0x08070605);
    lt_safetensors_close(file);
}
END_TEST

START_TEST(gaps_trailing_bytes_and_unknown_dtypes_are_tolerated)
{
    const char *path = write_file(
        "{\"u\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[8,11],\"more\":[]},"
        "\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"e\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[2,2]}}",
        40);
    lt_safetensors *file;
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    ck_assert_ptr_nonnull(lt_safetensors_borrow(ctx, file, "t"));
    ck_assert_int_eq(lt_numel(lt_safetensors_borrow(ctx, file, "e")), 0);
    ck_assert(!lt_safetensors_find(file, "u")->known);
    ck_assert_ptr_null(lt_safetensors_f32(ctx, file, "u"));
    ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "F8_E4M3"));
    ck_assert_uint_eq(lt_safetensors_metadata_count(file), 0);
    ck_assert_ptr_null(lt_safetensors_metadata(file, "k"));
    lt_safetensors_close(file);

    path = write_file("{}", 0);
    ck_assert_int_eq(open_file(path, &file), LT_OK);
    ck_assert_uint_eq(lt_safetensors_count(file), 0);
    ck_assert_ptr_null(lt_safetensors_find(file, "t"));
    lt_safetensors_close(file);
    lt_safetensors_close(NULL);
}
END_TEST

START_TEST(contradictory_headers_are_refused)
{
    static const struct {
        const char *header;
        size_t data;
        lt_status status;
        const char *message;
    } cases[] = {
        {"[]", 0, LT_ERR_FORMAT, "not a JSON object"},
        {"{\"t\":", 0, LT_ERR_FORMAT, "line 1"},
        {"{\"t\":1}", 0, LT_ERR_FORMAT, "expected \"dtype\""},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, LT_ERR_FORMAT, "expected \"dtype\""},
        {"{\"t\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, LT_ERR_FORMAT,
         "expected \"dtype\""},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, LT_ERR_FORMAT,
         "data_offsets"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, LT_ERR_FORMAT,
         "not a range"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", 1, LT_ERR_FORMAT,
         "not a range"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0.5,1.5]}}", 2, LT_ERR_FORMAT,
         "not a range"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9223372036854775806,9223372036854775807]}}",
         1, LT_ERR_FORMAT, "not a range"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,18446744073709551615]}}", 1,
         LT_ERR_FORMAT, "not a range"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, LT_ERR_FORMAT,
         "shape[0]"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]}}", 1, LT_ERR_FORMAT,
         "shape[0]"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, LT_ERR_FORMAT,
         "take 8 bytes"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         LT_ERR_FORMAT, "too large"},
        {"{\"t\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
         LT_ERR_FORMAT, "too large"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
         LT_ERR_UNSUPPORTED, "t has 7 dimensions"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3, LT_ERR_FORMAT,
         "truncated: expected 65 bytes, found 64"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"u\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
         7, LT_ERR_FORMAT, "t and u overlap"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"u\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         4, LT_ERR_FORMAT, "overlap"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
         "\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
         0, LT_ERR_FORMAT, "twice"},
        {"{\"t\\u0000\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, LT_ERR_FORMAT,
         "zero byte"},
        {"{\"__metadata__\":[]}", 0, LT_ERR_FORMAT, "__metadata__"},
        {"{\"__metadata__\":false}", 0, LT_ERR_FORMAT, "__metadata__"},
        {"{\"__metadata__\":{\"k\":1}}", 0, LT_ERR_FORMAT, "\"k\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_safetensors *file;
        lt_status status = open_file(write_file(cases[i].header, cases[i].data), &file);
        ck_assert_msg(status == cases[i].status && !file, "%s: %s", cases[i].header,
                      lt_ctx_message(ctx));
        ck_assert_msg(strstr(lt_ctx_message(ctx), cases[i].message) != NULL, "%s: %s",
                      cases[i].header, lt_ctx_message(ctx));
        ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), temp_dir));
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"", 0, "0 bytes long"},
        {"\2\0\0\0\0\0\0", 7, "7 bytes long"},
        {"\2\0\0\0\0\0\0\0{", 9, "truncated: expected at least 10 bytes, found 9"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551615 bytes"},
        {"\1\xe1\xf5\5\0\0\0\0{}", 10, "header of 100000001 bytes"},
        {"\0\0\0\0\0\0\0\0", 8, "header of 0 bytes"},
        {"PK\3\4\0\0\0\0\0\0", 10, "zip archive"},
        {"\x93NUMPY\1\0v\0{'descr'", 18, "NumPy array; latents are read from one"},
        {"\x80\2}q\0.", 6, "a pickle; a PyTorch checkpoint must be converted"},
        {"\x80\4\x95\n\0\0\0\0\0\0\0}.", 13, "a pickle"},
        {"<!DOCTYPE html>", 15, "web page"},
        {"\x1f\x8b\b\0\0\0\0\0\0\3", 10, "gzip archive"},
        {"\x89PNG\r\n\x1a\n", 8, "PNG picture"},
        {"version https://git-lfs", 23, "Git LFS"},
    };
    lt_safetensors *file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = temp_path("file");
        temp_write(path, cases[i].bytes, cases[i].size);
        ck_assert_int_eq(open_file(path, &file), LT_ERR_FORMAT);
        ck_assert_ptr_null(file);
        ck_assert_msg(strstr(lt_ctx_message(ctx), cases[i].message) != NULL, "%s",
                      lt_ctx_message(ctx));
    }
    ck_assert_int_eq(open_file(temp_path("nowhere"), &file), LT_ERR_IO);
    ck_assert_int_eq(open_file(temp_dir, &file), LT_ERR_IO);
    ck_assert_int_eq(open_file("/dev/null", &file), LT_ERR_IO);
}
END_TEST

/* Opens and reads everything that a mutated file lets through. */
static int read_all(const char *path)
{
    lt_safetensors *file;
    const char *key, *value;
    double sum = 0;
    lt_scope scope = lt_scope_open(ctx);
    lt_status status = open_file(path, &file);
    if (status != LT_OK) {
        ck_assert(!file && (status == LT_ERR_FORMAT || status == LT_ERR_UNSUPPORTED));
        ck_assert_str_ne(lt_ctx_message(ctx), "");
    } else {
        for (size_t i = 0; i < lt_safetensors_count(file); i++) {
            const char *name = lt_safetensors_at(file, i)->name;
            const lt_tensor *t = lt_safetensors_borrow(ctx, file, name);
            const unsigned char *bytes = t ? lt_data(t) : NULL;
            for (uint64_t k = 0; t && k < lt_safetensors_at(file, i)->bytes; k++)
                sum += bytes[k];
            lt_safetensors_f32(ctx, file, name);
        }
        for (size_t i = 0; lt_safetensors_metadata_at(file, i, &key, &value); i++)
            sum += (double)strlen(key) + (double)strlen(value);
        lt_safetensors_close(file);
    }
    lt_scope_close(ctx, scope, NULL);
    return status == LT_OK && sum >= 0;
}

START_TEST(mutations_never_crash)
{
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\",\"model\":\"x\"},\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]},"
        "\"c\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]}}";
    static const char dictionary[] = "0123456789{}[]\",:-.eFU\\";
    unsigned char seed[512], bytes[512];
    size_t size = build(seed, sizeof header - 1, header, 40);
    const char *path = temp_path("file.safetensors");
    uint32_t state = 12345;
    int accepted = 0;

    temp_write(path, seed, size);
    ck_assert(read_all(path));
    for (size_t length = 0; length < size; length++) {
        temp_write(path, seed, length);
        ck_assert(!read_all(path));
    }
    for (int round = 0; round < 4000; round++) {
        memcpy(bytes, seed, size);
        for (int m = 0; m < 1 + round % 3; m++) {
            state = state * 1664525u + 1013904223u;
            size_t at = (state >> 8) % (round % 4 == 0 ? 16 : size - 40);
            state = state * 1664525u + 1013904223u;
            bytes[at] = round % 4 == 1
                            ? (unsigned char)(state >> 24)
                            : (unsigned char)dictionary[(state >> 16) % (sizeof dictionary - 1)];
        }
        temp_write(path, bytes, size);
        accepted += read_all(path);
    }
    ck_assert_int_gt(accepted, 100);
}
END_TEST

START_TEST(impossible_writes_are_refused)
{
    lt_tensor *t = lt_scalar(ctx, 1.0f), *two[2] = {t, t}, *none = NULL;
    const char *path = temp_path("a.safetensors");
#define REFUSED(expected, ...)                                              \
    do {                                                                    \
        lt_ctx_clear(ctx);                                                  \
        ck_assert_int_eq(lt_safetensors_write(ctx, __VA_ARGS__), expected); \
        ck_assert_int_eq(lt_ctx_status(ctx), expected);                     \
    } while (0)
    REFUSED(LT_ERR_ARGUMENT, path, 2, ((const char *[]){"a", "a"}), two, 0, NULL, NULL);
    REFUSED(LT_ERR_ARGUMENT, path, 1, ((const char *[]){NULL}), &t, 0, NULL, NULL);
    REFUSED(LT_ERR_ARGUMENT, path, 1, ((const char *[]){"a"}), &none, 0, NULL, NULL);
    REFUSED(LT_ERR_ARGUMENT, path, 1, ((const char *[]){"__metadata__"}), &t, 0, NULL, NULL);
    REFUSED(LT_ERR_ARGUMENT, path, 0, NULL, NULL, 2, ((const char *[]){"k", "k"}),
            ((const char *[]){"", ""}));
    REFUSED(LT_ERR_ARGUMENT, path, 0, NULL, NULL, 1, ((const char *[]){"k"}),
            ((const char *[]){NULL}));
    ck_assert_int_eq(temp_dir_count(), 0);
    REFUSED(LT_ERR_IO, temp_path("no/a"), 1, ((const char *[]){"a"}), &t, 0, NULL, NULL);
    REFUSED(LT_ERR_IO, temp_dir, 1, ((const char *[]){"a"}), &t, 0, NULL, NULL);
    if (access("/dev/full", W_OK) == 0)
        REFUSED(LT_ERR_IO, "/dev/full", 1, ((const char *[]){"a"}), &t, 0, NULL, NULL);
    ck_assert_int_eq(temp_dir_count(), 0);
#undef REFUSED
}
END_TEST

Suite *suite_safetensors(void)
{
    Suite *s = suite_create("safetensors");
    TCase *tc = tcase_create("safetensors");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_dtype_round_trips);
    tcase_add_test(tc, the_bytes_are_as_specified);
    tcase_add_test(tc, views_are_written_row_major);
    tcase_add_test(tc, f32_borrows_or_converts);
    tcase_add_test(tc, tensors_outlive_the_file_and_protect_it);
    tcase_add_test(tc, unaligned_data_is_copied);
    tcase_add_test(tc, gaps_trailing_bytes_and_unknown_dtypes_are_tolerated);
    tcase_add_test(tc, contradictory_headers_are_refused);
    tcase_add_test(tc, other_files_are_refused);
    tcase_add_test(tc, mutations_never_crash);
    tcase_add_test(tc, impossible_writes_are_refused);
    suite_add_tcase(s, tc);
    return s;
}
