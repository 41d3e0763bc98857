/* The kind of a weight file, recognised by the names of its tensors. */
#ifndef CFEDIT_KINDS_H
#define CFEDIT_KINDS_H

#include "tensor/files/safetensors.h"

enum ce_kind {
    CE_KIND_UNKNOWN = 0,
    CE_KIND_GENERATOR,
    CE_KIND_CLIP,
    CE_KIND_MAPPER,
    CE_KIND_STYLECLIP,
    CE_KIND_CHECKPOINT,
    CE_KIND_IDENTITY,
    CE_KIND_VGG,
    CE_KIND_ENCODER,
    CE_KIND_DETECTOR,
    CE_KIND_LATENTS,
    CE_KIND_Z,
    CE_KIND_PIXELS,
    CE_KIND_EMBEDDINGS,
    CE_KIND_SCORES,
    CE_KIND_CHANNELS
};

enum ce_kind ce_kind_of(const lt_safetensors *file);
/* A phrase for messages: "a StyleGAN2 generator" and so on; "something else" for
 * CE_KIND_UNKNOWN. */
const char *ce_kind_phrase(enum ce_kind kind);
/* A word for machine-readable output: "generator" and so on; "unknown" for CE_KIND_UNKNOWN. */
const char *ce_kind_word(enum ce_kind kind);

/* Opens a file that must be of the kind `wanted`. A file of another kind is LT_ERR_FORMAT, with a
 * message that names the kind that was found. */
lt_status ce_kind_open(lt_ctx *ctx, const char *path, enum ce_kind wanted, lt_safetensors **out);

/* Reads the tensor `name` of a file of that kind: float32, contiguous, free of NaN and infinity. It
 * is a copy, because another program may replace the file. NULL on failure. */
lt_tensor *ce_kind_read(lt_ctx *ctx, const char *path, enum ce_kind kind, const char *name);

/* Puts `path` in front of the message of the failure in the context, unless it is in there already.
 * Returns the status of the failure. */
lt_status ce_blame_file(lt_ctx *ctx, const char *path);

#endif
