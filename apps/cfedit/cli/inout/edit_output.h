/* What `cfedit edit` leaves behind: pictures side by side, the dump, a line or a JSON object for
 * each. */
#ifndef CFEDIT_EDIT_OUTPUT_H
#define CFEDIT_EDIT_OUTPUT_H

#include "engine/edit_result.h"
#include "cli/console/run.h"

/* One edited picture as it is told and stored. */
struct ce_edited {
    int64_t seed;         /* -1: not from a seed */
    const char *photo;    /* the file that was inverted; NULL: none. Borrowed */
    double before, after; /* cosine of the picture with the target text */
    const char *path;     /* set when it is written; the run's memory */
};

/* Everything is borrowed. */
struct ce_edit_output {
    const char *target, *source, *method;
    const char *path; /* of -o; NULL: edit.png, or edit/ where there are several */
    size_t count;
    struct ce_edited *all;                /* [count] */
    const struct ce_edit_result *results; /* [count] */
    const lt_tensor *photos;              /* (count,3,S,S) what was inverted; NULL: none */
};

/* "before | after", with the photo in front where there is one; in a folder the edited picture
 * alone, too. */
lt_status ce_edit_write_pictures(struct ce_run *run, const struct ce_edit_output *output);
/* `image`, `source` (N,3,S,S), `latents` (N,L,D) and, of an edit in StyleSpace, `style.0`, ...
 * (N,C); only with --dump. */
lt_status ce_edit_write_dump(struct ce_run *run, const struct ce_edit_output *output);
/* On stdout; returns an exit status. */
int ce_edit_tell(const struct ce_run *run, const struct ce_edit_output *output);

#endif
