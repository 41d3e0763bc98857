/* The file of latents that an earlier run of `cfedit invert` has written, to be continued. */
#ifndef CFEDIT_EARLIER_H
#define CFEDIT_EARLIER_H

#include "cli/console/run.h"
#include "tensor/tensor.h"

/* The key of the metadata that names the rows: a JSON list of texts. */
#define CE_ROW_NAMES "names"

struct ce_earlier {
    lt_tensor *w;       /* (count,L,D) in the innermost scope; NULL where count is 0 */
    const char **names; /* [count], the photos of the rows, in the run's memory */
    size_t count;
};

/* Reads a file that the command line with this `mark` (run->settings as a text) has written. A file
 * that is missing has no rows. LT_ERR_IO where another command line has written it, or another
 * program. */
lt_status ce_earlier_read(struct ce_run *run, const char *path, const char *mark,
                          struct ce_earlier *earlier);

/* Whether one of the rows is that of `photo`. */
bool ce_earlier_has(const struct ce_earlier *earlier, const char *photo);

#endif
