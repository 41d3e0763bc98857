/* The results of `cfedit edit`: pictures side by side, the dump, and a line or a JSON object for
 * each picture. */
#ifndef CFEDIT_EDIT_OUTPUT_H
#define CFEDIT_EDIT_OUTPUT_H

#include "engine/edit_result.h"
#include "cli/console/run.h"

/* What is told and stored of one edited picture, besides its struct ce_edit_result. */
struct ce_edited {
    int64_t seed;         /* -1: not from a seed */
    const char *photo;    /* the file that was inverted; NULL: none. Borrowed */
    double before, after; /* cosine of the picture with the target text */
    const char *path;     /* the picture before and after the edit; the run's memory */
    const char *alone;    /* in a folder: the edited picture alone; NULL: not written */
};

/* All edited pictures of a run. Everything is borrowed. */
struct ce_edit_output {
    const char *target, *source, *method;
    size_t count;
    struct ce_edited *all;                /* [count] */
    const struct ce_edit_result *results; /* [count] */
    const lt_tensor *photos;              /* (count,3,S,S) the photos that were inverted; or NULL */
};

/* Names the pictures, `path` and `alone` of all[0..count), whose seeds are known: the file -o
 * `output` or files in the folder of that name (NULL: edit.png, or the folder edit for several).
 * LT_ERR_IO where a file must not be replaced. */
lt_status ce_edit_name_pictures(struct ce_run *run, const char *output, struct ce_edited *all,
                                size_t count);
/* Makes the folder of the pictures. LT_ERR_IO where the first picture could not be written. */
lt_status ce_edit_prepare_pictures(struct ce_run *run, const char *output,
                                   const struct ce_edited *all, size_t count);
/* Writes "before | after" for each picture, with the photo in front of it where there is one, and
 * the edited picture alone where it has a name. */
lt_status ce_edit_write_pictures(struct ce_run *run, const struct ce_edit_output *output);
/* With --dump, writes `image` and `source` (N,3,S,S), `latents` (N,L,D) and, of an edit in
 * StyleSpace, `style.0`, `style.1`, ... (N,C). */
lt_status ce_edit_write_dump(struct ce_run *run, const struct ce_edit_output *output);
/* Tells the results on stdout; returns an exit status. */
int ce_edit_tell(const struct ce_run *run, const struct ce_edit_output *output);

#endif
