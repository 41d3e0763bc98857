/* The results of `cfedit edit`: pictures side by side, the dump, and lines or a JSON object for
 * each picture. */
#ifndef CFEDIT_EDIT_OUTPUT_H
#define CFEDIT_EDIT_OUTPUT_H

#include "engine/edit_result.h"
#include "cli/console/report.h"
#include "cli/inout/output.h"
#include "cli/inout/targets.h"

/* What is told and stored of one edited picture, besides its results: one struct ce_edit_result for
 * each strength of the whole edit. */
struct ce_edited {
    size_t index;                        /* among the run's pictures */
    int64_t seed;                        /* -1: not from a seed */
    const char *photo;                   /* the file that was inverted; NULL: none. Borrowed */
    double before;                       /* cosine of the source picture with the target text */
    double after[CE_STRENGTHS_MAX];      /* cosine of the edited picture at each strength */
    const char *path;                    /* the source and all edited pictures side by side */
    const char *alone[CE_STRENGTHS_MAX]; /* in a folder: each edited picture alone; else NULL */
    const char *mark;                    /* of the command line and the source (sources.h) */
};

/* Where the pictures of a run go, and what is told of all of them. Texts are borrowed. */
struct ce_edit_output {
    const struct ce_targets *targets;
    const char *title; /* ce_targets_title() */
    const char *source, *method;
    const struct ce_sources *sources;
    bool together;     /* the pictures share work, so that each depends on the others */
    uint64_t model;    /* ce_digest_models() */
    const char *place; /* the folder, or the file of a single picture */
    bool folder;       /* `place` is a folder */
    /* What stands behind the name of a picture in the names of its edited pictures in a folder:
     * "-edited", or "-strength0.5" for each of several strengths. */
    struct ce_list endings;
    enum ce_replace replace; /* what the pictures may replace */
    struct ce_json_list json;
};

/* Finds the place of `count` pictures, -o `path` or, where that is NULL, edit.png, and the folder
 * edit for several; and the endings of their names. `targets` must be set. LT_ERR_MEMORY. */
lt_status ce_edit_place(struct ce_run *run, struct ce_edit_output *output, const char *path,
                        size_t count);
/* Names a picture, `path` and `alone`; `name` is its name in a folder, without an ending. */
lt_status ce_edit_name_picture(struct ce_run *run, const struct ce_edit_output *output,
                               const char *name, struct ce_edited *edited);
/* Whether this command line is continued (--resume) and has written the picture already. */
bool ce_edit_is_made(const struct ce_run *run, const struct ce_edited *edited);
/* LT_ERR_IO where a file of the picture must not be replaced. */
lt_status ce_edit_allow_picture(struct ce_run *run, const struct ce_edit_output *output,
                                const struct ce_edited *edited);
/* Makes the folder of the pictures. LT_ERR_IO where the file `first`, which may be replaced, could
 * not be written. */
lt_status ce_edit_prepare(struct ce_run *run, const struct ce_edit_output *output,
                          const char *first);
/* Writes "before | after", or "before | after at each strength", with the `photo` (1,3,S,S) in
 * front unless that is NULL, and each edited picture alone where it has a name. */
lt_status ce_edit_write_picture(struct ce_run *run, const struct ce_edit_output *output,
                                const struct ce_edited *edited,
                                const struct ce_edit_result *results, const lt_tensor *photo);
/* With --dump, writes `image` and `source` (N,3,S,S), `latents` (N,L,D) and, of an edit in
 * StyleSpace, `style.0`, `style.1`, ... (N,C), of all `count` results. */
lt_status ce_edit_write_dump(struct ce_run *run, const struct ce_edit_result *results,
                             size_t count);
/* Before the first picture is told, when the texts are known. */
void ce_edit_tell_begin(const struct ce_run *run, struct ce_edit_output *output);
/* Tells one picture on stdout at once: a line for each strength, or a member of the JSON value.
 * LT_ERR_MEMORY. */
lt_status ce_edit_tell(struct ce_run *run, struct ce_edit_output *output,
                       const struct ce_edited *edited, const struct ce_edit_result *results);
/* Ends the JSON value; after a failure only if it was begun. LT_ERR_MEMORY. */
lt_status ce_edit_tell_end(struct ce_run *run, struct ce_edit_output *output, bool failed);

#endif
