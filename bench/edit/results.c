#define _POSIX_C_SOURCE 200809L /* write */
#include "bench/edit/results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

#define RESULTS_BYTES ((size_t)256 << 20)

/* The numbers of a result, in the order in which a line has them. */
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"to_target", offsetof(struct edit_result, to_target)},
    {"from_source", offsetof(struct edit_result, from_source)},
    {"outside", offsetof(struct edit_result, outside)},
    {"ssim", offsetof(struct edit_result, ssim)},
    {"psnr", offsetof(struct edit_result, psnr)},
    {"parts_kept", offsetof(struct edit_result, parts_kept)},
    {"readings_kept", offsetof(struct edit_result, readings_kept)},
    {"seconds", offsetof(struct edit_result, seconds)},
};

static bool read_text(const lt_json *line, const char *key, char out[RESULT_NAME_CAP])
{
    const char *text = lt_json_string(lt_json_get(line, key), NULL);
    if (!text || strlen(text) >= RESULT_NAME_CAP)
        return false;
    strcpy(out, text);
    return true;
}

static bool read_line(const lt_json *line, struct edit_result *r)
{
    char mark[RESULT_NAME_CAP];
    int64_t seed;
    *r = (struct edit_result){0};
    if (!read_text(line, "setting", r->setting) || !read_text(line, "target", r->target) ||
        !read_text(line, "mark", mark) || !lt_json_int(lt_json_get(line, "seed"), &seed))
        return false;
    r->mark = strtoull(mark, NULL, 16);
    r->seed = seed;
    r->success = lt_json_bool(lt_json_get(line, "success"), false);
    r->chosen = lt_json_bool(lt_json_get(line, "chosen"), false);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *(double *)(void *)((char *)r + numbers[i].offset) =
            lt_json_number(lt_json_get(line, numbers[i].key), NAN);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct edit_result *x = a, *y = b;
    int order = strcmp(x->setting, y->setting);
    if (!order)
        order = strcmp(x->target, y->target);
    if (!order)
        order = (x->mark > y->mark) - (x->mark < y->mark);
    return order ? order : (x->seed > y->seed) - (x->seed < y->seed);
}

/* Reads every whole line of the text into the list. */
static lt_status read_lines(lt_ctx *ctx, const char *path, const char *text, size_t size,
                            struct edit_results *results)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    results->list = calloc(lines + 1, sizeof *results->list);
    if (!results->list)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the results");
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        if (!end)
            break;
        const size_t length = (size_t)(end - (text + at));
        lt_json *line = NULL;
        const lt_status status = lt_json_parse(ctx, path, text + at, length, &line);
        if (status == LT_OK && read_line(line, &results->list[results->count]))
            results->count++;
        lt_json_free(line);
        if (status == LT_ERR_MEMORY)
            return status;
        lt_ctx_clear(ctx); /* the edit of a damaged line is done again */
        at += length + 1;
    }
    qsort(results->list, results->count, sizeof *results->list, by_key);
    return LT_OK;
}

lt_status edit_results_read(lt_ctx *ctx, const char *path, struct edit_results *results)
{
    void *data = NULL;
    size_t size = 0;
    *results = (struct edit_results){0};
    if (access(path, F_OK) != 0)
        return LT_OK;
    lt_status status = lt_file_read(ctx, path, RESULTS_BYTES, &data, &size);
    if (status == LT_OK)
        status = read_lines(ctx, path, data, size, results);
    free(data);
    return status;
}

void edit_results_free(struct edit_results *results)
{
    free(results->list);
    *results = (struct edit_results){0};
}

const struct edit_result *edit_results_find(const struct edit_results *results, const char *setting,
                                            unsigned long long mark, const char *target,
                                            long long seed)
{
    struct edit_result key = {.mark = mark, .seed = seed};
    if (!results->count || strlen(setting) >= RESULT_NAME_CAP || strlen(target) >= RESULT_NAME_CAP)
        return NULL;
    strcpy(key.setting, setting);
    strcpy(key.target, target);
    return bsearch(&key, results->list, results->count, sizeof key, by_key);
}

lt_status edit_results_append(lt_ctx *ctx, int file, const struct edit_result *r)
{
    char mark[24];
    lt_json_writer *w = lt_json_writer_create();
    snprintf(mark, sizeof mark, "%016llx", r->mark);
    lt_json_begin_object(w);
    const struct {
        const char *key, *text;
    } texts[] = {{"setting", r->setting}, {"target", r->target}, {"mark", mark}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        lt_json_put_key(w, texts[i].key);
        lt_json_put_string(w, texts[i].text);
    }
    lt_json_put_key(w, "seed");
    lt_json_put_int(w, r->seed);
    lt_json_put_key(w, "success");
    lt_json_put_bool(w, r->success);
    lt_json_put_key(w, "chosen");
    lt_json_put_bool(w, r->chosen);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        lt_json_put_key(w, numbers[i].key);
        lt_json_put_float(
            w, (float)*(const double *)(const void *)((const char *)r + numbers[i].offset));
    }
    lt_json_end_object(w);
    size_t length = 0;
    const char *text = lt_json_writer_text(w, &length);
    char *line = text ? malloc(length + 2) : NULL;
    lt_status status = line ? LT_OK : lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a result");
    if (line) {
        memcpy(line, text, length);
        line[length] = '\n';
        if (write(file, line, length + 1) != (ssize_t)(length + 1))
            status = lt_fail(ctx, LT_ERR_IO, "a result could not be written: %s", strerror(errno));
    }
    free(line);
    lt_json_writer_free(w);
    return status;
}
