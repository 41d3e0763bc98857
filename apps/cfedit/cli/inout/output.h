/* Where results go: picture files, dumps, and what is told of them. */
#ifndef CFEDIT_OUTPUT_H
#define CFEDIT_OUTPUT_H

#include "cli/pictures/image_file.h"
#include "cli/console/folders.h"
#include "tensor/files/json.h"

/* Whether the name ends as a picture's: .png, .jpg, .jpeg. */
bool ce_is_picture_name(const char *path);
/* Whether it ends as that of a picture format that is not written (.gif, .webp, ...), which
 * must not become the name of a folder. */
bool ce_is_foreign_picture_name(const char *path);
/* Whether pictures that go to `path` go into a folder of that name: one that is there, or any name
 * but a picture's. */
bool ce_is_picture_folder(const char *path);
/* CE_PARSED where `count` pictures may go to `path`, of -o (NULL: wherever the command likes), else
 * the exit status of a usage error: a format that is not written, one file for several pictures. */
int ce_pictures_room(const struct ce_run *run, const char *path, int64_t count);
/* LT_ERR_IO if a file of this name could not be written now, so that hours of work
 * are not spent for nothing. NULL is accepted. */
lt_status ce_output_check(lt_ctx *ctx, const char *path);

/* Writes the named tensors as float32 to run->dump; NULL tensors are left out. Does
 * nothing without --dump. */
lt_status ce_dump(struct ce_run *run, size_t count, const char *const *names,
                  lt_tensor *const *tensors);

/* Picture `index` of images (N,3,H,W) to a file, `key` = `text` noted in it beside the
 * program's version. A NaN or infinity is LT_ERR_NUMERIC. If `keep` is not NULL the
 * picture is given to the caller, to be freed. */
lt_status ce_picture_write(struct ce_run *run, const char *path, lt_tensor *images, int64_t index,
                           const char *key, const char *text, ce_image *keep);

/* What a command that makes pictures tells of them, besides run->dump. */
struct ce_told {
    const char *const *files; /* [count]; NULL where none were written */
    const int64_t *seeds;     /* [count]; NULL where the latents have numbers only */
    int64_t count;
    const char *sheet; /* NULL: none */
    double seconds;
};
/* One name a line on stdout; returns CE_OK. */
int ce_told_print(const struct ce_run *run, const struct ce_told *told);
/* The members pictures, sheet, dump and seconds of the JSON object that is open. */
void ce_told_put(const struct ce_run *run, lt_json_writer *writer, const struct ce_told *told);

#endif
