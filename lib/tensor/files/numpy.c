#include "tensor/files/numpy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tensor/files/file.h"
#include "tensor/files/zip_impl.h"
#include "tensor/half.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* What the header of a .npy file tells. */
struct header {
    char kind; /* 'f', 'i', 'u' or 'b' */
    int bytes; /* of one number */
    bool swapped, fortran;
    int ndim;
    int64_t shape[LT_MAX_DIMS];
};

/* The text of a header that is being read: the literal of a Python dictionary. */
struct text {
    lt_ctx *ctx;
    const char *path, *at, *end;
};

static lt_status damaged(const struct text *t, const char *what)
{
    return lt_fail(t->ctx, LT_ERR_FORMAT, "%s: a damaged NumPy file: %s", t->path, what);
}

static void skip_blanks(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
        t->at++;
}

static bool take(struct text *t, char c)
{
    skip_blanks(t);
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* Takes a string in quotes, of at most cap - 1 characters. */
static bool take_string(struct text *t, char *out, size_t cap)
{
    skip_blanks(t);
    const char quote = t->at < t->end ? *t->at : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    const char *begin = ++t->at;
    while (t->at < t->end && *t->at != quote && *t->at != '\\')
        t->at++;
    const size_t length = (size_t)(t->at - begin);
    if (t->at == t->end || *t->at != quote || length >= cap)
        return false;
    memcpy(out, begin, length);
    out[length] = '\0';
    t->at++;
    return true;
}

static bool take_word(struct text *t, const char *word)
{
    const size_t length = strlen(word);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

/* Takes a length, 0 to 2^53; Python 2 wrote an L behind it. */
static bool take_length(struct text *t, int64_t *out)
{
    skip_blanks(t);
    *out = 0;
    const char *begin = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        *out = 10 * *out + (*t->at++ - '0');
        if (*out > (int64_t)1 << 53)
            return false;
    }
    const bool some = t->at > begin;
    if (some && t->at < t->end && *t->at == 'L')
        t->at++;
    return some;
}

static lt_status take_shape(struct text *t, struct header *h)
{
    if (!take(t, '('))
        return damaged(t, "its shape is no list of lengths");
    while (!take(t, ')')) {
        if (h->ndim == LT_MAX_DIMS)
            return lt_fail(t->ctx, LT_ERR_SHAPE, "%s: an array of more than %d axes", t->path,
                           LT_MAX_DIMS);
        if (!take_length(t, &h->shape[h->ndim++]))
            return damaged(t, "its shape is no list of lengths");
        if (!take(t, ',') && !(t->at < t->end && *t->at == ')'))
            return damaged(t, "its shape is no list of lengths");
    }
    return LT_OK;
}

static lt_status take_type(struct text *t, struct header *h)
{
    char type[32];
    if (!take_string(t, type, sizeof type))
        return lt_fail(t->ctx, LT_ERR_DTYPE, "%s: an array of records, which have no number",
                       t->path);
    const char order = type[0];
    h->kind = order ? type[1] : '\0';
    h->bytes = h->kind ? atoi(type + 2) : 0;
    h->swapped = order == '>';
    const bool real = h->kind == 'f' && (h->bytes == 2 || h->bytes == 4 || h->bytes == 8);
    const bool whole = (h->kind == 'i' || h->kind == 'u') &&
                       (h->bytes == 1 || h->bytes == 2 || h->bytes == 4 || h->bytes == 8);
    if ((order == '<' || order == '>' || order == '|' || order == '=') &&
        (real || whole || (h->kind == 'b' && h->bytes == 1)))
        return LT_OK;
    return lt_fail(t->ctx, LT_ERR_DTYPE, "%s: an array of type '%s'%s", t->path, type,
                   h->kind == 'O' ? ", Python objects that only a program could read; "
                                    "convert it with tools/convert_pt.py"
                                  : ", expected numbers");
}

/* Reads the dictionary: descr, fortran_order and shape, in any order. */
static lt_status take_dictionary(struct text *t, struct header *h)
{
    unsigned seen = 0;
    lt_status status = LT_OK;
    if (!take(t, '{'))
        return damaged(t, "its header is no dictionary");
    while (!take(t, '}') && status == LT_OK) {
        char key[32];
        if (!take_string(t, key, sizeof key) || !take(t, ':'))
            return damaged(t, "its header is no dictionary");
        if (strcmp(key, "descr") == 0 && !(seen & 1u)) {
            seen |= 1u;
            status = take_type(t, h);
        } else if (strcmp(key, "fortran_order") == 0 && !(seen & 2u)) {
            seen |= 2u;
            h->fortran = take_word(t, "True");
            if (!h->fortran && !take_word(t, "False"))
                return damaged(t, "fortran_order is neither True nor False");
        } else if (strcmp(key, "shape") == 0 && !(seen & 4u)) {
            seen |= 4u;
            status = take_shape(t, h);
        } else {
            return damaged(t, "an unknown key in its header");
        }
        if (status == LT_OK && !take(t, ',') && !(t->at < t->end && *t->at == '}'))
            return damaged(t, "its header is no dictionary");
    }
    return status == LT_OK && seen != 7u ? damaged(t, "its header is not complete") : status;
}

/* Finds the header in data[size], and the first byte behind it. */
static lt_status read_header(lt_ctx *ctx, const char *path, const unsigned char *data, size_t size,
                             struct header *h, size_t *begin)
{
    struct text t = {.ctx = ctx, .path = path};
    if (size < 10 || memcmp(data, magic, sizeof magic) != 0)
        return damaged(&t, "it does not begin as one");
    const int version = data[6];
    const size_t start = version == 1 ? 10 : 12;
    if (version < 1 || version > 3 || size < start)
        return damaged(&t, "an unknown version");
    size_t length = (size_t)data[8] | (size_t)data[9] << 8;
    if (version > 1)
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > size - start)
        return damaged(&t, "its header is cut off");
    t.at = (const char *)data + start;
    t.end = t.at + length;
    *begin = start + length;
    return take_dictionary(&t, h);
}

/* The number that stands in `bytes` bytes, lowest first. */
static float number_of(const struct header *h, uint64_t bits)
{
    if (h->kind == 'f' && h->bytes == 2) {
        const uint16_t half = (uint16_t)bits;
        float x;
        lt_f16_to_f32(&half, &x, 1);
        return x;
    }
    if (h->kind == 'f' && h->bytes == 4) {
        const uint32_t low = (uint32_t)bits;
        float x;
        memcpy(&x, &low, sizeof x);
        return x;
    }
    if (h->kind == 'f') {
        double x;
        memcpy(&x, &bits, sizeof x);
        return (float)x;
    }
    if (h->kind != 'i')
        return (float)bits;
    const int unused = 64 - 8 * h->bytes;
    int64_t whole;
    bits <<= unused;
    memcpy(&whole, &bits, sizeof whole);
    return (float)(whole / ((int64_t)1 << unused));
}

static uint64_t bits_at(const struct header *h, const unsigned char *at)
{
    uint64_t bits = 0;
    for (int i = 0; i < h->bytes; i++)
        bits |= (uint64_t)at[h->swapped ? h->bytes - 1 - i : i] << (8 * i);
    return bits;
}

/* Copies the numbers into t, row by row. */
static void fill(const struct header *h, const unsigned char *data, lt_tensor *t)
{
    float *out = lt_f32(t);
    int64_t index[LT_MAX_DIMS] = {0};
    for (int64_t i = 0, n = lt_numel(t); i < n; i++) {
        int64_t from = i;
        if (h->fortran) { /* the first axis runs fastest */
            from = 0;
            for (int d = h->ndim - 1; d >= 0; d--)
                from = from * h->shape[d] + index[d];
        }
        out[i] = number_of(h, bits_at(h, data + from * h->bytes));
        for (int d = h->ndim - 1; d >= 0 && ++index[d] == h->shape[d]; d--)
            index[d] = 0;
    }
}

/* The number of elements; false where it is more than an int64_t holds. */
static bool count_elements(const struct header *h, int64_t *count)
{
    *count = 1;
    for (int d = 0; d < h->ndim; d++)
        if (__builtin_mul_overflow(*count, h->shape[d], count))
            return false;
    return true;
}

static lt_tensor *read_array(lt_ctx *ctx, const char *path, const unsigned char *data, size_t size)
{
    struct header h = {0};
    size_t begin = 0;
    int64_t count = 0;
    if (read_header(ctx, path, data, size, &h, &begin) != LT_OK)
        return NULL;
    if (!count_elements(&h, &count) || (uint64_t)count > (size - begin) / (uint64_t)h.bytes) {
        lt_fail(ctx, LT_ERR_FORMAT, "%s: a damaged NumPy file: its numbers are cut off", path);
        return NULL;
    }
    lt_tensor *t = lt_empty(ctx, LT_F32, h.ndim, h.shape);
    if (t)
        fill(&h, data + begin, t);
    return t;
}

bool lt_numpy_is(const char *path)
{
    unsigned char head[sizeof magic] = {0};
    const size_t length = strlen(path);
    struct stat file;
    /* What is read from a pipe is gone for the next reader. */
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return false;
    FILE *f = fopen(path, "rb");
    const size_t read = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    return (read == sizeof head && memcmp(head, magic, sizeof magic) == 0) ||
           (read >= 4 && memcmp(head, "PK\3\4", 4) == 0 && length > 4 &&
            strcmp(path + length - 4, ".npz") == 0);
}

/* Whether a member is `name`.npy. */
static bool is_array(const struct lt_zip_member *m, const char *name)
{
    const size_t length = strlen(name);
    return m->name_length == length + 4 && memcmp(m->name, name, length) == 0 &&
           memcmp(m->name + length, ".npy", 4) == 0;
}

/* Finds the member that is wanted: the first of the names that is there, or the only array. */
static lt_status find_member(const struct lt_zip *zip, const char *const *names, size_t count,
                             struct lt_zip_member *found)
{
    int arrays = 0;
    size_t best = count, at = zip->directory;
    for (int i = 0; i < zip->members; i++) {
        struct lt_zip_member m;
        const lt_status status = lt_zip_next(zip, &at, &m);
        if (status != LT_OK)
            return status;
        if (m.name_length < 4 || memcmp(m.name + m.name_length - 4, ".npy", 4) != 0)
            continue;
        size_t rank = 0;
        while (rank < count && !is_array(&m, names[rank]))
            rank++;
        if (arrays++ == 0 || rank < best)
            *found = m;
        best = rank < best ? rank : best;
    }
    if (arrays == 0)
        return lt_fail(zip->ctx, LT_ERR_FORMAT, "%s: a zip archive without NumPy arrays",
                       zip->path);
    if (arrays == 1 || best < count)
        return LT_OK;
    return lt_fail(zip->ctx, LT_ERR_MISSING, "%s: %d arrays, but none is called %s", zip->path,
                   arrays, count ? names[0] : "as expected");
}

/* Reads the array of an archive. */
static lt_tensor *read_archive(lt_ctx *ctx, const char *path, const void *data, size_t size,
                               const char *const *names, size_t count)
{
    struct lt_zip zip;
    struct lt_zip_member member;
    void *array = NULL;
    lt_status status = lt_zip_open(ctx, path, data, size, &zip);
    if (status == LT_OK)
        status = find_member(&zip, names, count, &member);
    if (status == LT_OK)
        status = lt_zip_unpack(&zip, &member, LT_NUMPY_MAX_BYTES, &array);
    lt_tensor *t = status == LT_OK ? read_array(ctx, path, array, member.size) : NULL;
    free(array);
    return t;
}

lt_tensor *lt_numpy_read(lt_ctx *ctx, const char *path, const char *const *names, size_t count)
{
    void *data;
    size_t size;
    if (lt_file_read(ctx, path, LT_NUMPY_MAX_BYTES, &data, &size) != LT_OK)
        return NULL;
    lt_tensor *t = size >= 4 && memcmp(data, "PK\3\4", 4) == 0
                       ? read_archive(ctx, path, data, size, names, count)
                       : read_array(ctx, path, data, size);
    free(data);
    return t;
}
