#define _POSIX_C_SOURCE 200809L /* strcasecmp */
#include "cli/inout/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/console/options.h"
#include "tensor/files/file.h"
#include "tensor/files/safetensors.h"

#define DUMP_MAX 8

static bool ends_in_one_of(const char *path, const char *const *endings, size_t count)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < count; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

bool ce_is_picture_name(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    return ends_in_one_of(path, endings, sizeof endings / sizeof endings[0]);
}

bool ce_is_foreign_picture_name(const char *path)
{
    static const char *const endings[] = {".gif", ".webp", ".bmp",  ".tif", ".tiff",
                                          ".ppm", ".avif", ".heic", ".svg", ".pdf"};
    return ends_in_one_of(path, endings, sizeof endings / sizeof endings[0]);
}

bool ce_is_picture_folder(const char *path)
{
    return ce_is_folder(path) || !ce_is_picture_name(path);
}

int ce_pictures_room(const struct ce_run *run, const char *path, int64_t count)
{
    if (!path || ce_is_folder(path))
        return CE_PARSED;
    if (ce_is_foreign_picture_name(path))
        return ce_usage_error(run, "-o %s: pictures are written as .png or .jpg", path);
    if (count > 1 && !ce_is_picture_folder(path))
        return ce_usage_error(run, "-o %s: %lld pictures need a folder", path, (long long)count);
    return CE_PARSED;
}

lt_status ce_output_check(lt_ctx *ctx, const char *path)
{
    lt_file_writer *writer;
    if (!path)
        return LT_OK;
    const lt_status status = lt_file_writer_open(ctx, path, &writer);
    if (status == LT_OK)
        lt_file_writer_abandon(writer);
    return status;
}

lt_status ce_dump(struct ce_run *run, size_t count, const char *const *names,
                  lt_tensor *const *tensors)
{
    const char *used_names[DUMP_MAX];
    lt_tensor *used[DUMP_MAX];
    size_t n = 0;
    if (!run->dump)
        return LT_OK;
    for (size_t i = 0; i < count && n < DUMP_MAX; i++)
        if (tensors[i]) {
            used_names[n] = names[i];
            used[n++] = tensors[i];
        }
    return lt_safetensors_write(run->ctx, run->dump, n, used_names, used, 0, NULL, NULL);
}

lt_status ce_picture_write(struct ce_run *run, const char *path, lt_tensor *images, int64_t index,
                           const char *key, const char *text, ce_image *keep)
{
    ce_image picture = {0};
    const ce_image_text texts[] = {{"Software", "cfedit " LT_VERSION_STRING}, {key, text}};
    const int64_t plane = lt_dim(images, 1) * lt_dim(images, 2) * lt_dim(images, 3);
    const float *x = lt_f32(images);
    for (int64_t i = 0; x && i < plane; i++)
        if (!isfinite(x[index * plane + i]))
            return lt_fail(run->ctx, LT_ERR_NUMERIC,
                           "%s: the picture has a value that is not a number; the weights or the "
                           "latent are out of range",
                           path);
    lt_status status = ce_image_from_tensor(run->ctx, images, index, &picture);
    if (status == LT_OK)
        status = ce_image_write(run->ctx, path, &picture, texts, key ? 2 : 1);
    if (status == LT_OK && keep)
        *keep = picture;
    else
        ce_image_free(&picture);
    return status;
}

int ce_told_print(const struct ce_run *run, const struct ce_told *told)
{
    for (int64_t i = 0; told->files && i < told->count; i++)
        printf("%s\n", told->files[i]);
    if (told->sheet)
        printf("%s\n", told->sheet);
    if (run->dump)
        printf("%s\n", run->dump);
    return CE_OK;
}

void ce_told_put(const struct ce_run *run, lt_json_writer *w, const struct ce_told *told)
{
    lt_json_put_key(w, "pictures");
    lt_json_begin_array(w);
    for (int64_t i = 0; i < told->count; i++) {
        lt_json_begin_object(w);
        lt_json_put_key(w, told->seeds ? "seed" : "index");
        lt_json_put_int(w, told->seeds ? told->seeds[i] : i);
        lt_json_put_key(w, "file");
        lt_json_put_string(w, told->files ? told->files[i] : NULL);
        lt_json_end_object(w);
    }
    lt_json_end_array(w);
    lt_json_put_key(w, "sheet");
    lt_json_put_string(w, told->sheet);
    lt_json_put_key(w, "dump");
    lt_json_put_string(w, run->dump);
    lt_json_put_key(w, "seconds");
    lt_json_put_double(w, told->seconds);
}
