/* Where results go: picture files and dumps, whether they may be written, and what is told of
 * them. */
#ifndef CFEDIT_OUTPUT_H
#define CFEDIT_OUTPUT_H

#include "cli/pictures/image_file.h"
#include "cli/pictures/image_origin.h"
#include "cli/console/folders.h"
#include "cli/console/report.h"
#include "cli/inout/sources.h"

/* Whether the name ends in .png, .jpg or .jpeg, the formats that are written. */
bool ce_is_picture_name(const char *path);
/* Whether the name ends as that of a picture in a format that is not written: .gif, .webp, ... Such
 * a name must not become a folder. */
bool ce_is_foreign_picture_name(const char *path);
/* Whether `path` is a pipe, a device or an open file of this process (/dev/stdout, /dev/fd/3): it
 * is written once, and nothing lies beside it. */
bool ce_is_stream(const char *path);
/* Whether `path` stands for a folder of pictures: a folder that exists, or any name that is neither
 * a picture's nor a stream's. */
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

/* Like ce_output_allow(), and LT_ERR_IO where no file of this name could be written now, since
 * hours of work must not end in that error, or where another option was checked with the same file.
 * NULL for `path` is accepted. */
lt_status ce_output_check(struct ce_run *run, const char *option, const char *path,
                          enum ce_replace replace);

/* Whether this command line is continued (--resume) and has written the picture `path` already,
 * with `mark` in it (sources.h). */
bool ce_picture_is_made(const struct ce_run *run, const char *path, const char *mark);
/* Like ce_output_allow() for a picture of -o; with --resume, a picture that is made may be
 * replaced.
 */
lt_status ce_picture_allow(struct ce_run *run, const char *path, const char *mark,
                           enum ce_replace replace);

/* The files of a command that writes one picture for each seed, latent or photo. */
struct ce_picture_files {
    bool checked;       /* false before ce_picture_files_check() */
    bool on;            /* false: only --dump is written */
    bool in_folder;     /* false: there is one picture, the file that -o names */
    const char *output; /* -o; NULL: the current folder */
    const char *prefix; /* in front of all names */
    const char *kind;   /* in front of the numbers of pictures of no seed and no photo */
    const struct ce_sources *sources;
    const char **photo_names; /* [count of photos] */
    const char *sheet;        /* the contact sheet of all; NULL: none */
};

/* Finds the names for -o `output` (NULL: the current folder, or no pictures with --dump): the file
 * itself, or in a folder "PREFIXseed-7.png" after the seeds, "PREFIXanna.png" after the photos and
 * "PREFIXKIND0.png" after the numbers of other pictures. Several come with "PREFIXsheet.png".
 * `sources`, whose count is known, is borrowed. CE_PARSED, or the exit status of an error that has
 * been told: too many pictures for one file, a file that must not be replaced. */
int ce_picture_files_check(struct ce_run *run, const char *output, const char *prefix,
                           const char *kind, const struct ce_sources *sources,
                           struct ce_picture_files *out);
/* The file of picture number `index`, in the run's memory; NULL when out of memory. */
const char *ce_picture_file(struct ce_run *run, const struct ce_picture_files *files, size_t index);
/* Whether all of the pictures [first, first + count) are made: pictures that are made together are
 * skipped together, so that those made anew come out alike. */
bool ce_picture_files_made(struct ce_run *run, const struct ce_picture_files *files, size_t first,
                           size_t count);
/* Makes the folder. LT_ERR_IO where the first picture could not be written. */
lt_status ce_picture_files_prepare(struct ce_run *run, const struct ce_picture_files *files);

/* Writes the named tensors, any number of them, as float32 to run->dump. Tensors that are NULL are
 * left out. Does nothing without --dump. */
lt_status ce_dump(struct ce_run *run, size_t count, const char *const *names,
                  lt_tensor *const *tensors);

/* Writes picture `index` of images (N,3,H,W) to a file, with `count` texts in it. A NaN or an
 * infinity is LT_ERR_NUMERIC. If `keep` is not NULL it becomes the picture, which the caller frees.
 */
lt_status ce_picture_write(struct ce_run *run, const char *path, lt_tensor *images, int64_t index,
                           const ce_image_text *texts, size_t count, ce_image *keep);

/* Tells a picture on stdout as soon as it is made: the name of its file, if it has one, or a member
 * of the JSON list, by its seed or its number. LT_ERR_MEMORY. */
lt_status ce_told_put(struct ce_run *run, struct ce_json_list *list,
                      const struct ce_picture_files *files, size_t index);
/* Tells the sheet and the dump, or ends the JSON list with the members sheet, dump and seconds.
 * After a failure (`failed`) only a JSON list that has been begun is ended. LT_ERR_MEMORY. */
lt_status ce_told_end(struct ce_run *run, struct ce_json_list *list,
                      const struct ce_picture_files *files, double seconds, bool failed);

#endif
