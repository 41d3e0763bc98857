/* Names of output files, whether they may be written, and writing them. */
#define _POSIX_C_SOURCE 200809L /* strcasecmp, stat */
#include "cli/inout/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/console/inputs.h"
#include "cli/inout/photo_names.h"
#include "cli/console/options.h"
#include "tensor/files/file.h"
#include "tensor/files/safetensors.h"

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

/* Whether `path` is the name of an open file of this process: /dev/stdout, /dev/fd/3. */
static bool is_descriptor(const char *path)
{
    return strncmp(path, "/dev/std", 8) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
}

bool ce_is_stream(const char *path)
{
    struct stat file;
    return is_descriptor(path) ||
           (stat(path, &file) == 0 && !S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode));
}

bool ce_is_picture_folder(const char *path)
{
    return ce_is_folder(path) || (!ce_is_picture_name(path) && !ce_is_stream(path));
}

int ce_pictures_room(const struct ce_run *run, const char *path, int64_t count)
{
    if (!path || ce_is_folder(path))
        return CE_PARSED;
    if (ce_is_foreign_picture_name(path))
        return ce_usage_error(run, "-o %s: pictures are written as .png or .jpg", path);
    if (count > 1 && !ce_is_picture_folder(path))
        return ce_usage_error(
            run, "-o %s: %lld pictures need a folder; name one that is there, or a new one", path,
            (long long)count);
    return CE_PARSED;
}

/* Whether `file` is where the standard output or the standard error goes: the shell has made it for
 * this run. */
static bool is_standard_stream(const struct stat *file)
{
    struct stat stream;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (fstat(fd, &stream) == 0 && stream.st_ino == file->st_ino &&
            stream.st_dev == file->st_dev)
            return true;
    return false;
}

lt_status ce_output_allow(struct ce_run *run, const char *option, const char *path,
                          enum ce_replace replace)
{
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return LT_OK;
    if (ce_inputs_have(run, &file))
        return lt_fail(run->ctx, LT_ERR_IO,
                       "%s: the command reads this file, so it must not write it; choose another "
                       "name with %s",
                       path, option);
    if (run->overwrite || replace == CE_REPLACE_CONTINUED || is_descriptor(path) ||
        is_standard_stream(&file) || (replace == CE_REPLACE_OWN && ce_image_is_own(path)))
        return LT_OK;
    return lt_fail(run->ctx, LT_ERR_IO,
                   "%s is there already; replace it with --overwrite (-y), or choose another name "
                   "with %s",
                   path, option);
}

/* One file that an option names as an output: its folder, and its name there. */
struct ce_output {
    dev_t device;
    ino_t folder;
    const char *name, *option;
    struct ce_output *before;
};

/* Notes an output. LT_ERR_IO where another option names the same file: the later of the two would
 * replace the earlier. */
static lt_status note_output(struct ce_run *run, const char *option, const char *path)
{
    struct stat folder;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *of = slash ? ce_text(run, "%.*s", (int)(slash - path) + 1, path) : ".";
    if (!of)
        return lt_ctx_status(run->ctx);
    if (stat(of, &folder) != 0)
        return LT_OK; /* told by who writes there */
    for (const struct ce_output *o = run->outputs; o; o = o->before)
        if (o->device == folder.st_dev && o->folder == folder.st_ino &&
            strcmp(o->name, name) == 0 && strcmp(o->option, option) != 0)
            return lt_fail(run->ctx, LT_ERR_IO,
                           "%s: %s and %s name the same file; choose another name for one of them",
                           path, o->option, option);
    struct ce_output *noted = ce_alloc(run, 1, sizeof *noted);
    if (!noted)
        return lt_ctx_status(run->ctx);
    *noted = (struct ce_output){folder.st_dev, folder.st_ino, name, option, run->outputs};
    run->outputs = noted;
    return LT_OK;
}

lt_status ce_output_check(struct ce_run *run, const char *option, const char *path,
                          enum ce_replace replace)
{
    lt_file_writer *writer;
    lt_status status = path ? ce_output_allow(run, option, path, replace) : LT_OK;
    if (path && status == LT_OK && !ce_is_stream(path))
        status = note_output(run, option, path);
    /* Who reads from a pipe would take a trial for the end. */
    if (path && status == LT_OK && !ce_is_stream(path)) {
        status = lt_file_writer_open(run->ctx, path, &writer);
        if (status == LT_OK)
            lt_file_writer_abandon(writer);
    }
    return status;
}

bool ce_picture_is_made(const struct ce_run *run, const char *path, const char *mark)
{
    return run->resume && ce_image_says(path, CE_MADE_BY, mark);
}

lt_status ce_picture_allow(struct ce_run *run, const char *path, const char *mark,
                           enum ce_replace replace)
{
    return ce_output_allow(run, "-o", path,
                           ce_picture_is_made(run, path, mark) ? CE_REPLACE_CONTINUED : replace);
}

int ce_picture_files_check(struct ce_run *run, const char *output, const char *prefix,
                           const char *kind, const struct ce_sources *sources,
                           struct ce_picture_files *out)
{
    *out = (struct ce_picture_files){.checked = true,
                                     .on = output || !run->dump,
                                     .in_folder = !output || ce_is_picture_folder(output),
                                     .output = output,
                                     .prefix = prefix,
                                     .kind = kind,
                                     .sources = sources};
    if (!out->on)
        return CE_PARSED;
    const size_t count = sources->count;
    const int room = ce_pictures_room(run, output, (int64_t)count);
    if (room != CE_PARSED)
        return room;
    const enum ce_replace replace = output ? CE_REPLACE_NOTHING : CE_REPLACE_OWN;
    const struct ce_list *photos = &sources->images;
    lt_status status = LT_OK;
    if (photos->count > 0 &&
        !(out->photo_names = ce_photo_names(run, photos->items, photos->count, NULL, "sheet")))
        return ce_fail(run);
    /* In a folder that is still to be made, nothing can be replaced. */
    const bool some = !output || !out->in_folder || ce_is_folder(output);
    for (size_t i = 0; some && i < count && status == LT_OK; i++) {
        struct ce_block *before = ce_mark(run);
        const char *file = ce_picture_file(run, out, i), *mark = ce_sources_mark(run, sources, i);
        status =
            file && mark ? ce_picture_allow(run, file, mark, replace) : lt_ctx_status(run->ctx);
        ce_release(run, before);
    }
    if (status == LT_OK && out->in_folder && count > 1) {
        out->sheet = ce_path_in(run, output, ce_text(run, "%ssheet.png", prefix));
        status = out->sheet ? ce_output_allow(run, "-o", out->sheet,
                                              run->resume ? CE_REPLACE_OWN : replace)
                            : lt_ctx_status(run->ctx);
    }
    return status == LT_OK ? CE_PARSED : ce_fail(run);
}

bool ce_picture_files_made(struct ce_run *run, const struct ce_picture_files *files, size_t first,
                           size_t count)
{
    bool made = run->resume && files->on && files->in_folder;
    for (size_t i = first; i < first + count && made; i++) {
        const char *file = ce_picture_file(run, files, i),
                   *mark = ce_sources_mark(run, files->sources, i);
        made = file && mark && ce_picture_is_made(run, file, mark);
    }
    return made;
}

const char *ce_picture_file(struct ce_run *run, const struct ce_picture_files *files, size_t index)
{
    const struct ce_sources *s = files->sources;
    if (!files->in_folder)
        return files->output;
    const char *name =
        files->photo_names
            ? ce_text(run, "%s%s.png", files->prefix, files->photo_names[index])
            : ce_text(run, "%s%s%lld.png", files->prefix, s->seeds ? "seed-" : files->kind,
                      (long long)(s->seeds ? s->seeds[index] : (int64_t)index));
    return ce_path_in(run, files->output, name);
}

lt_status ce_picture_files_prepare(struct ce_run *run, const struct ce_picture_files *files)
{
    if (!files->on)
        return LT_OK;
    const lt_status status =
        files->in_folder && files->output ? ce_folder_make(run->ctx, files->output) : LT_OK;
    const char *first = status == LT_OK ? ce_picture_file(run, files, 0) : NULL;
    /* ce_picture_files_check() has found that the file may be replaced. */
    return first ? ce_output_check(run, "-o", first, CE_REPLACE_CONTINUED)
                 : lt_ctx_status(run->ctx);
}

lt_status ce_dump(struct ce_run *run, size_t count, const char *const *names,
                  lt_tensor *const *tensors)
{
    if (!run->dump)
        return LT_OK;
    const char **used_names = ce_alloc(run, count, sizeof *used_names);
    lt_tensor **used = ce_alloc(run, count, sizeof *used);
    size_t n = 0;
    if (!used_names || !used)
        return lt_ctx_status(run->ctx);
    for (size_t i = 0; i < count; i++)
        if (tensors[i]) {
            used_names[n] = names[i];
            used[n++] = tensors[i];
        }
    return lt_safetensors_write(run->ctx, run->dump, n, used_names, used, 0, NULL, NULL);
}

lt_status ce_picture_write(struct ce_run *run, const char *path, lt_tensor *images, int64_t index,
                           const ce_image_text *texts, size_t count, ce_image *keep)
{
    ce_image picture = {0};
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
        status = ce_image_write(run->ctx, path, &picture, texts, count);
    if (status == LT_OK && keep)
        *keep = picture;
    else
        ce_image_free(&picture);
    return status;
}

lt_status ce_told_put(struct ce_run *run, struct ce_json_list *list,
                      const struct ce_picture_files *files, size_t index)
{
    const int64_t *seeds = files->sources->seeds;
    const char *file = files->on ? ce_picture_file(run, files, index) : NULL;
    if (files->on && !file)
        return lt_ctx_status(run->ctx);
    if (!run->json) {
        if (file)
            printf("%s\n", file);
        fflush(stdout);
        return LT_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, seeds ? "seed" : "index");
    lt_json_put_int(w, seeds ? seeds[index] : (int64_t)index);
    lt_json_put_key(w, "file");
    lt_json_put_string(w, file);
    lt_json_end_object(w);
    return ce_json_list_put(run, list, w);
}

lt_status ce_told_end(struct ce_run *run, struct ce_json_list *list,
                      const struct ce_picture_files *files, double seconds, bool failed)
{
    if (failed && !list->begun)
        return LT_OK;
    if (!run->json) {
        if (files->sheet)
            printf("%s\n", files->sheet);
        if (run->dump)
            printf("%s\n", run->dump);
        return LT_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "sheet");
    lt_json_put_string(w, failed ? NULL : files->sheet);
    lt_json_put_key(w, "dump");
    lt_json_put_string(w, failed ? NULL : run->dump);
    lt_json_put_key(w, "seconds");
    lt_json_put_double(w, seconds);
    lt_json_end_object(w);
    return ce_json_list_end(run, list, w);
}
