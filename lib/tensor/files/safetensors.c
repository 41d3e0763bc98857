/* Reading and writing the safetensors format (https://github.com/huggingface/safetensors). */
#define _GNU_SOURCE /* MAP_NORESERVE, memfd_create */
#include "tensor/files/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are mapped as they are, which needs a little-endian machine"
#endif

#define HEADER_ALIGN 8

struct lt_safetensors {
    atomic_int refs; /* one for the open file, one for each tensor that borrows from it */
    char *path;
    char *map;
    size_t map_bytes;
    lt_json *header;
    const lt_json *metadata; /* within header, or NULL */
    lt_safetensors_info *infos;
    size_t *by_name; /* the numbers of infos, sorted by name */
    size_t count;
};

static void unref(void *owner)
{
    lt_safetensors *file = owner;
    if (atomic_fetch_sub(&file->refs, 1) != 1)
        return;
    if (file->map)
        munmap(file->map, file->map_bytes);
    lt_json_free(file->header);
    free(file->infos);
    free(file->by_name);
    free(file->path);
    free(file);
}

static bool find_dtype(const char *name, lt_dtype *dtype)
{
    static const lt_dtype all[] = {LT_F32, LT_F16, LT_BF16, LT_I32, LT_U8, LT_I64, LT_F64};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(lt_dtype_name(all[i]), name) == 0) {
            *dtype = all[i];
            return true;
        }
    }
    return false;
}

/* ---- reading: the header ---- */

/* What a file is that is no safetensors file, and what to do with it; NULL where its first bytes do
 * not tell. */
static const char *other_format(const unsigned char prefix[8])
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *what;
    } formats[] = {
        {"PK\3\4", 4, "a zip archive; a PyTorch checkpoint must be converted first"},
        {"version ", 8, "a Git LFS pointer; fetch the file itself"},
        {"\x93NUMPY", 6, "a NumPy array; latents are read from one, weights must be converted"},
        {"\x89HDF", 4, "an HDF5 file; it cannot be converted"},
        {"\x89PNG", 4, "a PNG picture"},
        {"\xff\xd8\xff", 3, "a JPEG picture"},
        {"\x1f\x8b", 2, "a gzip archive; unpack it first"},
        {"GGUF", 4, "a GGUF file; it cannot be converted"},
        {"<!", 2, "a web page; the download went wrong, fetch the file itself"},
        {"<html", 5, "a web page; the download went wrong, fetch the file itself"},
        {"<HTML", 5, "a web page; the download went wrong, fetch the file itself"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (memcmp(prefix, formats[i].bytes, formats[i].length) == 0)
            return formats[i].what;
    /* A pickle begins with the number of its protocol. */
    if (prefix[0] == 0x80 && prefix[1] >= 2 && prefix[1] <= 5)
        return "a pickle; a PyTorch checkpoint must be converted first";
    return NULL;
}

/* Reads the text of the header into a new block, which the caller frees. */
static lt_status read_header(lt_ctx *ctx, const char *path, int fd, uint64_t file_bytes,
                             char **text, size_t *length)
{
    unsigned char prefix[9] = {0};
    uint64_t wanted = 0;

    ssize_t got = pread(fd, prefix, sizeof prefix, 0);
    if (got < 0)
        return lt_fail(ctx, LT_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    for (int i = 7; i >= 0; i--)
        wanted = wanted << 8 | prefix[i];
    /* Any eight bytes may be a length, but JSON begins behind it. */
    const bool is_length = wanted >= 2 && wanted <= LT_SAFETENSORS_MAX_HEADER;
    const bool is_json = prefix[8] == '{' || prefix[8] == ' ';
    const char *other = is_length && is_json ? NULL : other_format(prefix);
    if (other)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: not a safetensors file but %s", path, other);
    if (got < 8)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: not a safetensors file: %d bytes long", path,
                       (int)got);
    if (!is_length)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: not a safetensors file: header of %llu bytes", path,
                       (unsigned long long)wanted);
    if (wanted > file_bytes - 8)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "%s: truncated: expected at least %llu bytes, found %llu", path,
                       (unsigned long long)wanted + 8, (unsigned long long)file_bytes);
    *length = (size_t)wanted;
    *text = malloc(*length);
    if (!*text)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for a header of %zu bytes", path,
                       *length);
    for (size_t done = 0; done < *length;) {
        got = pread(fd, *text + done, *length - done, (off_t)(8 + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return lt_fail(ctx, LT_ERR_IO, "cannot read %s: %s", path,
                           got < 0 ? strerror(errno) : "it became shorter");
        done += (size_t)got;
    }
    return LT_OK;
}

static lt_status read_info(lt_ctx *ctx, const char *path, const char *name, size_t name_length,
                           const lt_json *entry, uint64_t data_start, lt_safetensors_info *info)
{
    const lt_json *shape = lt_json_get(entry, "shape");
    const lt_json *offsets = lt_json_get(entry, "data_offsets");
    size_t dtype_length = 0;
    int64_t begin, end;

    info->name = name;
    info->dtype_name = lt_json_string(lt_json_get(entry, "dtype"), &dtype_length);
    if (strlen(name) != name_length)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: tensor name with a zero byte: \"%s\"", path, name);
    if (!info->dtype_name || strlen(info->dtype_name) != dtype_length ||
        lt_json_type(shape) != LT_JSON_ARRAY || lt_json_type(offsets) != LT_JSON_ARRAY ||
        lt_json_count(offsets) != 2)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "%s: tensor %s: expected \"dtype\", \"shape\" and two \"data_offsets\"",
                       path, name);
    if (lt_json_count(shape) > LT_MAX_DIMS)
        return lt_fail(ctx, LT_ERR_UNSUPPORTED,
                       "%s: tensor %s has %zu dimensions, at most %d are "
                       "supported",
                       path, name, lt_json_count(shape), LT_MAX_DIMS);
    if (!lt_json_int(lt_json_at(offsets, 0), &begin) ||
        !lt_json_int(lt_json_at(offsets, 1), &end) || begin < 0 || end < begin ||
        end > INT64_MAX - (int64_t)data_start)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: tensor %s: data_offsets are not a range", path,
                       name);
    info->offset = data_start + (uint64_t)begin;
    info->bytes = (uint64_t)(end - begin);
    info->known = find_dtype(info->dtype_name, &info->dtype);

    info->ndim = (int)lt_json_count(shape);
    uint64_t bytes = info->known ? lt_dtype_size(info->dtype) : 0;
    bool empty = false;
    for (int d = 0; d < info->ndim; d++) {
        if (!lt_json_int(lt_json_at(shape, (size_t)d), &info->shape[d]) || info->shape[d] < 0)
            return lt_fail(ctx, LT_ERR_FORMAT, "%s: tensor %s: shape[%d] is not a size", path, name,
                           d);
        empty = empty || info->shape[d] == 0;
    }
    for (int d = 0; d < info->ndim && !empty; d++) {
        if (bytes > INT64_MAX / (uint64_t)info->shape[d])
            return lt_fail(ctx, LT_ERR_FORMAT, "%s: tensor %s: its shape is too large", path, name);
        bytes *= (uint64_t)info->shape[d];
    }
    if (empty)
        bytes = 0;
    if (info->known && bytes != info->bytes)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "%s: tensor %s: its shape and dtype %s take %llu bytes, its data_offsets "
                       "%llu",
                       path, name, info->dtype_name, (unsigned long long)bytes,
                       (unsigned long long)info->bytes);
    return LT_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const lt_safetensors_info *x = *(const lt_safetensors_info *const *)a;
    const lt_safetensors_info *y = *(const lt_safetensors_info *const *)b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static lt_status check_layout(lt_ctx *ctx, const lt_safetensors *file, uint64_t file_bytes)
{
    lt_status status = LT_OK;
    uint64_t needed = 0;

    if (file->count == 0)
        return LT_OK;
    const lt_safetensors_info **sorted = malloc(file->count * sizeof *sorted);
    if (!sorted)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for its header", file->path);
    for (size_t i = 0; i < file->count; i++) {
        const lt_safetensors_info *info = &file->infos[i];
        sorted[i] = info;
        if (info->offset + info->bytes > needed)
            needed = info->offset + info->bytes;
    }
    if (needed > file_bytes) {
        status = lt_fail(ctx, LT_ERR_FORMAT, "%s: truncated: expected %llu bytes, found %llu",
                         file->path, (unsigned long long)needed, (unsigned long long)file_bytes);
        goto done;
    }
    qsort(sorted, file->count, sizeof *sorted, compare_offsets);
    const lt_safetensors_info *last = NULL;
    for (size_t i = 0; i < file->count; i++) {
        if (sorted[i]->bytes == 0)
            continue;
        if (last && sorted[i]->offset < last->offset + last->bytes) {
            status = lt_fail(ctx, LT_ERR_FORMAT, "%s: tensors %s and %s overlap", file->path,
                             last->name, sorted[i]->name);
            goto done;
        }
        last = sorted[i];
    }
done:
    free(sorted);
    return status;
}

static lt_status check_metadata(lt_ctx *ctx, const lt_safetensors *file)
{
    /* null stands for no metadata: writers whose metadata is optional leave it so. */
    if (lt_json_type(file->metadata) != LT_JSON_NULL &&
        lt_json_type(file->metadata) != LT_JSON_OBJECT)
        return lt_fail(ctx, LT_ERR_FORMAT, "%s: __metadata__ is not an object", file->path);
    for (size_t i = 0; i < lt_json_count(file->metadata); i++) {
        size_t key_length, length;
        const char *key = lt_json_key(file->metadata, i, &key_length);
        const char *value = lt_json_string(lt_json_at(file->metadata, i), &length);
        if (!value || strlen(value) != length || strlen(key) != key_length)
            return lt_fail(ctx, LT_ERR_FORMAT, "%s: metadata \"%s\" is not a text", file->path,
                           key);
    }
    return LT_OK;
}

struct named {
    const char *name;
    size_t index;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static lt_status index_names(lt_ctx *ctx, lt_safetensors *file)
{
    if (file->count == 0)
        return LT_OK;
    struct named *named = malloc(file->count * sizeof *named);
    file->by_name = malloc(file->count * sizeof *file->by_name);
    if (!named || !file->by_name) {
        free(named);
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for its header", file->path);
    }
    for (size_t i = 0; i < file->count; i++)
        named[i] = (struct named){file->infos[i].name, i};
    qsort(named, file->count, sizeof *named, compare_names);
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = named[i].index;
    free(named);
    return LT_OK;
}

/* Copies a pipe into a file in memory, which can be mapped. Returns its descriptor; -1 with errno
 * set.
 */
static int spool(const char *path)
{
    char part[65536];
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : memfd_create("safetensors", MFD_CLOEXEC);
    ssize_t got = 1;
    while (to >= 0 && got > 0) {
        got = read(from, part, sizeof part);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        for (ssize_t at = 0, put; at < got; at += put)
            if ((put = write(to, part + at, (size_t)(got - at))) < 0) {
                got = -1;
                break;
            }
    }
    const int error = errno;
    if (from >= 0)
        close(from);
    if (to >= 0 && got < 0) {
        close(to);
        to = -1;
    }
    errno = error;
    return to;
}

lt_status lt_safetensors_open(lt_ctx *ctx, const char *path, lt_safetensors **out)
{
    lt_status status = LT_OK;
    char *text = NULL;
    size_t length = 0;
    struct stat st;

    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return lt_fail(ctx, LT_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    lt_safetensors *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory", path);
        free(file);
        close(fd);
        return status;
    }
    atomic_init(&file->refs, 1);
    if (fstat(fd, &st) != 0) {
        status = lt_fail(ctx, LT_ERR_IO, "cannot read %s: %s", path, strerror(errno));
        goto done;
    }
    if (S_ISFIFO(st.st_mode)) {
        const int copy = spool(path);
        close(fd);
        fd = copy;
        if (fd < 0 || fstat(fd, &st) != 0) {
            status = lt_fail(ctx, LT_ERR_IO, "cannot read %s: %s", path, strerror(errno));
            goto done;
        }
    }
    if (!S_ISREG(st.st_mode)) {
        status = lt_fail(ctx, LT_ERR_IO, "cannot read %s: %s", path,
                         S_ISDIR(st.st_mode) ? strerror(EISDIR) : "not a regular file");
        goto done;
    }
    uint64_t file_bytes = (uint64_t)st.st_size;
    if ((status = read_header(ctx, path, fd, file_bytes, &text, &length)) != LT_OK)
        goto done;
    if ((status = lt_json_parse(ctx, path, text, length, &file->header)) != LT_OK)
        goto done;
    if (lt_json_type(file->header) != LT_JSON_OBJECT) {
        status = lt_fail(ctx, LT_ERR_FORMAT, "%s: its header is not a JSON object", path);
        goto done;
    }
    size_t entries = lt_json_count(file->header);
    file->metadata = lt_json_get(file->header, "__metadata__");
    if ((status = check_metadata(ctx, file)) != LT_OK)
        goto done;
    file->infos = calloc(entries ? entries : 1, sizeof *file->infos);
    if (!file->infos) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for its header", path);
        goto done;
    }
    for (size_t i = 0; i < entries; i++) {
        size_t name_length;
        const char *name = lt_json_key(file->header, i, &name_length);
        const lt_json *entry = lt_json_at(file->header, i);
        if (entry == file->metadata)
            continue;
        status = read_info(ctx, path, name, name_length, entry, 8 + (uint64_t)length,
                           &file->infos[file->count]);
        if (status != LT_OK)
            goto done;
        file->count++;
    }
    if ((status = check_layout(ctx, file, file_bytes)) != LT_OK)
        goto done;
    if ((status = index_names(ctx, file)) != LT_OK)
        goto done;
    if (file_bytes > SIZE_MAX) {
        status = lt_fail(ctx, LT_ERR_UNSUPPORTED, "%s: too large to map", path);
        goto done;
    }
    /* Private and writable: where a tensor is changed in place, its pages become copies. */
    void *map =
        mmap(NULL, (size_t)file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (map == MAP_FAILED) {
        status = lt_fail(ctx, LT_ERR_IO, "cannot map %s: %s", path, strerror(errno));
        goto done;
    }
    file->map = map;
    file->map_bytes = (size_t)file_bytes;
    *out = file;
done:
    free(text);
    if (fd >= 0)
        close(fd);
    if (status != LT_OK)
        unref(file);
    return status;
}

void lt_safetensors_close(lt_safetensors *file)
{
    if (file)
        unref(file);
}

const char *lt_safetensors_path(const lt_safetensors *file) { return file->path; }

size_t lt_safetensors_count(const lt_safetensors *file) { return file->count; }

const lt_safetensors_info *lt_safetensors_at(const lt_safetensors *file, size_t index)
{
    return index < file->count ? &file->infos[index] : NULL;
}

const lt_safetensors_info *lt_safetensors_find(const lt_safetensors *file, const char *name)
{
    size_t low = 0, high = file->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const lt_safetensors_info *info = &file->infos[file->by_name[middle]];
        int order = strcmp(name, info->name);
        if (order == 0)
            return info;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *lt_safetensors_metadata(const lt_safetensors *file, const char *key)
{
    return lt_json_string(lt_json_get(file->metadata, key), NULL);
}

size_t lt_safetensors_metadata_count(const lt_safetensors *file)
{
    return lt_json_count(file->metadata);
}

bool lt_safetensors_metadata_at(const lt_safetensors *file, size_t index, const char **key,
                                const char **value)
{
    *key = lt_json_key(file->metadata, index, NULL);
    *value = lt_json_string(lt_json_at(file->metadata, index), NULL);
    return *key != NULL;
}

/* ---- reading: the data ---- */

static lt_tensor *fail_null(lt_ctx *ctx, lt_status status, const lt_safetensors *file,
                            const char *name, const char *problem)
{
    lt_fail(ctx, status, "%s: tensor %s %s", file->path, name, problem);
    return NULL;
}

lt_tensor *lt_safetensors_borrow(lt_ctx *ctx, const lt_safetensors *file, const char *name)
{
    const lt_safetensors_info *info = lt_safetensors_find(file, name);
    if (!info)
        return fail_null(ctx, LT_ERR_MISSING, file, name, "is not in the file");
    if (!info->known) {
        lt_fail(ctx, LT_ERR_UNSUPPORTED, "%s: tensor %s is of the unsupported dtype %s", file->path,
                name, info->dtype_name);
        return NULL;
    }
    const char *data = file->map + info->offset;
    if (info->offset % lt_dtype_size(info->dtype) != 0) {
        lt_tensor *copy = lt_empty(ctx, info->dtype, info->ndim, info->shape);
        if (copy)
            memcpy(lt_data(copy), data, (size_t)info->bytes);
        return copy;
    }
    /* The file is const to the caller; only its count of references changes. */
    lt_safetensors *owner = (lt_safetensors *)(uintptr_t)file;
    atomic_fetch_add(&owner->refs, 1);
    lt_tensor *t = lt_from_borrow(ctx, info->dtype, info->ndim, info->shape, data, unref, owner);
    if (!t)
        unref(owner);
    return t;
}

lt_tensor *lt_safetensors_f32(lt_ctx *ctx, const lt_safetensors *file, const char *name)
{
    lt_scope scope = lt_scope_open(ctx);
    lt_tensor *result = NULL;

    lt_tensor *t = lt_safetensors_borrow(ctx, file, name);
    if (!t)
        goto done;
    switch (lt_type(t)) {
    case LT_F32: result = t; break;
    case LT_F16:
    case LT_BF16:
    case LT_F64: result = lt_cast(ctx, t, LT_F32); break;
    default:
        lt_fail(ctx, LT_ERR_DTYPE, "%s: tensor %s is %s, expected F32, F16, BF16 or F64",
                file->path, name, lt_dtype_name(lt_type(t)));
    }
done:
    return lt_scope_close(ctx, scope, result);
}

/* ---- writing ---- */

/* Fails unless all names are there and different. `what` says what they are, as in "tensor
 * name". */
static lt_status check_unique(lt_ctx *ctx, const char *path, const char *what, size_t count,
                              const char *const *names)
{
    lt_status status = LT_OK;

    if (count == 0)
        return LT_OK;
    struct named *sorted = malloc(count * sizeof *sorted);
    if (!sorted)
        return lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for its header", path);
    for (size_t i = 0; i < count; i++) {
        if (!names[i]) {
            status = lt_fail(ctx, LT_ERR_ARGUMENT, "%s: %s %zu is NULL", path, what, i);
            goto done;
        }
        sorted[i] = (struct named){names[i], i};
    }
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1].name, sorted[i].name) == 0) {
            status =
                lt_fail(ctx, LT_ERR_ARGUMENT, "%s: %s \"%s\" twice", path, what, sorted[i].name);
            goto done;
        }
    }
done:
    free(sorted);
    return status;
}

static lt_json_writer *make_header(size_t count, const char *const *names,
                                   lt_tensor *const *tensors, size_t n_metadata,
                                   const char *const *keys, const char *const *values)
{
    lt_json_writer *json = lt_json_writer_create();
    int64_t offset = 0;

    lt_json_begin_object(json);
    if (n_metadata > 0) {
        lt_json_put_key(json, "__metadata__");
        lt_json_begin_object(json);
        for (size_t i = 0; i < n_metadata; i++) {
            lt_json_put_key(json, keys[i]);
            lt_json_put_string(json, values[i]);
        }
        lt_json_end_object(json);
    }
    for (size_t i = 0; i < count; i++) {
        const lt_tensor *t = tensors[i];
        int64_t bytes = lt_numel(t) * (int64_t)lt_dtype_size(lt_type(t));
        lt_json_put_key(json, names[i]);
        lt_json_begin_object(json);
        lt_json_put_key(json, "dtype");
        lt_json_put_string(json, lt_dtype_name(lt_type(t)));
        lt_json_put_key(json, "shape");
        lt_json_begin_array(json);
        for (int d = 0; d < lt_ndim(t); d++)
            lt_json_put_int(json, lt_shape(t)[d]);
        lt_json_end_array(json);
        lt_json_put_key(json, "data_offsets");
        lt_json_begin_array(json);
        lt_json_put_int(json, offset);
        lt_json_put_int(json, offset + bytes);
        lt_json_end_array(json);
        lt_json_end_object(json);
        offset += bytes;
    }
    lt_json_end_object(json);
    return json;
}

lt_status lt_safetensors_write(lt_ctx *ctx, const char *path, size_t count,
                               const char *const *names, lt_tensor *const *tensors,
                               size_t n_metadata, const char *const *keys,
                               const char *const *values)
{
    static const char spaces[HEADER_ALIGN + 1] = "        ";
    lt_json_writer *json = NULL;
    lt_file_writer *writer = NULL;
    lt_status status;
    unsigned char prefix[8];
    size_t length;

    if ((status = check_unique(ctx, path, "tensor name", count, names)) != LT_OK ||
        (status = check_unique(ctx, path, "metadata key", n_metadata, keys)) != LT_OK)
        return status;
    for (size_t i = 0; i < n_metadata; i++)
        if (!values[i])
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s: metadata \"%s\" is NULL", path, keys[i]);
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i])
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s: tensor %s is NULL", path, names[i]);
        if (strcmp(names[i], "__metadata__") == 0)
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s: no tensor can be named __metadata__", path);
    }

    json = make_header(count, names, tensors, n_metadata, keys, values);
    const char *header = lt_json_writer_text(json, &length);
    if (!header) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "%s: no memory for its header", path);
        goto done;
    }
    size_t padding = (HEADER_ALIGN - length % HEADER_ALIGN) % HEADER_ALIGN;
    if (length + padding > LT_SAFETENSORS_MAX_HEADER) {
        status =
            lt_fail(ctx, LT_ERR_UNSUPPORTED, "%s: its header would take %zu bytes", path, length);
        goto done;
    }
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
    if ((status = lt_file_writer_open(ctx, path, &writer)) != LT_OK)
        goto done;
    lt_file_writer_write(writer, prefix, sizeof prefix);
    lt_file_writer_write(writer, header, length);
    lt_file_writer_write(writer, spaces, padding);
    for (size_t i = 0; i < count; i++) {
        lt_scope scope = lt_scope_open(ctx);
        const lt_tensor *t = tensors[i];
        if (!lt_is_contiguous(t))
            t = lt_cast(ctx, t, lt_type(t));
        if (t)
            status = lt_file_writer_write(writer, lt_data(t),
                                          (size_t)lt_numel(t) * lt_dtype_size(lt_type(t)));
        else
            status = lt_ctx_status(ctx);
        lt_scope_close(ctx, scope, NULL);
        if (status != LT_OK)
            goto done;
    }
    status = lt_file_writer_commit(writer);
    writer = NULL;
done:
    lt_file_writer_abandon(writer);
    lt_json_writer_free(json);
    return status;
}
