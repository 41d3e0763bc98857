/* Where results go: picture files and dumps, whether they may be written, and what is told of them.
 */
#ifndef CFEDIT_OUTPUT_H
#define CFEDIT_OUTPUT_H

#include "cli/pictures/image_file.h"
#include "cli/pictures/image_origin.h"
#include "cli/console/folders.h"
#include "tensor/files/json.h"

/* Whether the name ends in .png, .jpg or .jpeg, the formats that are written. */
bool ce_is_picture_name(const char *path);
/* Whether the name ends as that of a picture in a format that is not written: .gif, .webp, ... Such
 * a name must not become a folder. */
bool ce_is_foreign_picture_name(const char *path);
/* Whether `path` stands for a folder of pictures: a folder that exists, or any name that is not a
 * picture's. */
bool ce_is_picture_folder(const char *path);
/* Whether `count` pictures fit the value `path` of -o; NULL (no -o) fits any number. CE_PARSED, or
 * the exit status of a usage error that has been told: a format that is not written, one file for
 * several pictures. */
int ce_pictures_room(const struct ce_run *run, const char *path, int64_t count);
/* Which file that is there already an output may replace without --overwrite. A file that the run
 * reads (inputs.h) is never replaced. */
enum ce_replace {
    CE_REPLACE_NOTHING,   /* none */
    CE_REPLACE_OWN,       /* a PNG that cfedit wrote: for names that the user did not choose */
    CE_REPLACE_CONTINUED, /* any: the command continues earlier work of its own */
};

/* LT_ERR_IO where the output `path` of the option `option` ("--dump"; it stands in the message)
 * must not be written. Whether it could be written is not looked at. */
lt_status ce_output_allow(struct ce_run *run, const char *option, const char *path,
                          enum ce_replace replace);

/* Like ce_output_allow(), and LT_ERR_IO where no file of this name could be written now: hours of
 * work must not end in that error. NULL for `path` is accepted. */
lt_status ce_output_check(struct ce_run *run, const char *option, const char *path,
                          enum ce_replace replace);

/* The files of a command that writes one picture for each seed or latent. */
struct ce_picture_files {
    bool named;         /* false before ce_picture_files_name() */
    bool on;            /* false: only --dump is written */
    bool in_folder;     /* false: there is one picture, the file that -o names */
    const char *folder; /* NULL: the current one */
    const char **files; /* [count] */
    const char *sheet;  /* the contact sheet of all; NULL: none */
};

/* Names `count` pictures for -o `output` (NULL: the current folder, or no pictures with --dump):
 * the file itself, or "NAMEseed-7.png" after the seeds and "NAMEKIND0.png" after the numbers of
 * what is no seed (seeds NULL), in a folder. Several come with "NAMEsheet.png". CE_PARSED, or the
 * exit status of an error that has been told: too many pictures for one file, a file that must not
 * be replaced. */
int ce_picture_files_name(struct ce_run *run, const char *output, const char *name,
                          const char *kind, const int64_t *seeds, int64_t count,
                          struct ce_picture_files *out);
/* Makes the folder. LT_ERR_IO where the first picture could not be written. */
lt_status ce_picture_files_prepare(struct ce_run *run, const struct ce_picture_files *pictures);

/* Writes the named tensors, any number of them, as float32 to run->dump. Tensors that are NULL are
 * left out. Does nothing without --dump. */
lt_status ce_dump(struct ce_run *run, size_t count, const char *const *names,
                  lt_tensor *const *tensors);

/* Writes picture `index` of images (N,3,H,W) to a file, with the texts of ce_image_origin() and
 * `key`: `text` in it. A NaN or an infinity is LT_ERR_NUMERIC. If `keep` is not NULL it becomes the
 * picture, which the caller frees. */
lt_status ce_picture_write(struct ce_run *run, const char *path, lt_tensor *images, int64_t index,
                           const char *key, const char *text, ce_image *keep);

/* What a command that makes pictures tells of them; run->dump is told, too. */
struct ce_told {
    const char *const *files; /* [count]; NULL where none were written */
    const int64_t *seeds;     /* [count]; NULL: the pictures are told by their number */
    int64_t count;
    const char *sheet; /* NULL: none */
    double seconds;
};
/* Prints the names of the files on stdout, one a line; returns CE_OK. */
int ce_told_print(const struct ce_run *run, const struct ce_told *told);
/* Adds the members pictures, sheet, dump and seconds to the JSON object that is open. */
void ce_told_put(const struct ce_run *run, lt_json_writer *writer, const struct ce_told *told);

#endif
