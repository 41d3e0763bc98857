/* Photos as latents: each is read, framed (framing.h) and inverted (engine/invert.h),
 * with progress on stderr. */
#ifndef CFEDIT_PHOTOS_H
#define CFEDIT_PHOTOS_H

#include "cli/inout/framing.h"
#include "engine/invert.h"

/* N inverted photos. The tensors are in the innermost scope, the arrays in the run's memory. */
struct ce_photos {
    size_t count;
    lt_tensor *x;     /* (N,3,S,S) the photos, cut and scaled to the generator's size */
    lt_tensor *w;     /* (N,L,D) */
    lt_tensor *x_hat; /* (N,3,S,S) = G(w) */
    double *psnr, *seconds;
};

/* What inverting `count` photos needs besides the generator: CE_NEED_ENCODER if the model has an
 * encoder and count is not 0, and what framing them needs. */
unsigned ce_photos_need(struct ce_run *run, const struct ce_framing *framing, size_t count);

/* Inverts `count` photos. Errors: the errors of reading a picture and of ce_invert_run(), with the
 * photo's name in front. After a signal that asks to stop (stop.h) the results mean nothing. */
lt_status ce_photos_invert(struct ce_run *run, const struct ce_models *models,
                           const struct ce_invert_config *config, const struct ce_framing *framing,
                           const char *const *paths, size_t count, struct ce_photos *photos);

#endif
