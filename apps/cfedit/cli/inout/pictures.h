/* Picture files as the networks read them. */
#ifndef CFEDIT_PICTURES_H
#define CFEDIT_PICTURES_H

#include "engine/edit_settings.h"
#include "cli/console/options.h"

/* Reads a PNG or JPEG file into a tensor (1, 3, H, W) in [-1, 1]. NULL on failure, with the file
 * named in the message. */
lt_tensor *ce_picture_read(lt_ctx *ctx, const char *path);

/* The option --resize of commands that show pictures to CLIP. `to`, a const char *, starts as
 * CE_RESIZE_DEFAULT. */
#define CE_OPT_RESIZE(to)                \
    CE_OPT_CHOICE(                       \
        "resize", CE_RESIZE_CHOICES, to, \
        "how pictures are brought to CLIP's size: bicubic without antialiasing, as in CF-CLIP's training, or with")
/* Whether the value of --resize asks for antialiasing. */
bool ce_resize_antialias(const char *resize);

/* The raw CLIP features (N, D) of picture files of any sizes, computed in small batches with
 * progress on stderr. NULL on failure. */
lt_tensor *ce_pictures_embed(struct ce_run *run, const struct ce_models *models,
                             const char *const *paths, size_t count, bool antialias);

#endif
