/* How photos become pictures of the generator's size: the face is found and straightened, or the
 * middle square is taken. */
#ifndef CFEDIT_FRAMING_H
#define CFEDIT_FRAMING_H

#include "cli/inout/faces.h"

enum { CE_FRAMING_OPTIONS = CE_FACES_OPTIONS + 1 };

struct ce_framing {
    struct ce_face_options faces;
    const char *align; /* "on", "off", or NULL: where it makes sense, see ce_framing_take() */
};

struct ce_framing ce_framing_defaults(void);

/* Writes the options --align, --face and --min-face, CE_FRAMING_OPTIONS of them, which point into
 * `framing`. */
void ce_framing_options(struct ce_framing *framing, struct ce_option *out);

/* After parsing. CE_PARSED, or the exit status of a usage error that has been told. */
int ce_framing_settle(struct ce_run *run, struct ce_framing *framing);

/* The network that framing `count` photos needs: CE_NEED_DETECTOR, or 0 where the model has none or
 * photos are not straightened. */
unsigned ce_framing_need(struct ce_run *run, const struct ce_framing *framing, size_t count);

/* Reads a photo and brings it to the generator's size: (1,3,S,S) in [-1,1], in the innermost scope.
 * NULL on failure, with the photo named in the message.
 *
 * Unless --align says otherwise, the face is straightened where the model has a detector, draws
 * faces, and the picture is not one of the generator's size already. A square picture whose face
 * stands as it would after straightening is kept as it is. With `tell`, a line on stderr says what
 * was done. */
lt_tensor *ce_framing_take(const struct ce_run *run, const struct ce_models *models,
                           const struct ce_framing *framing, const char *photo, bool tell);

#endif
