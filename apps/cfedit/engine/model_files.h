/* Where the files of a model are looked for. The first match wins:
 *
 *     1. the path given for that file alone (--generator FILE),
 *     2. the folder given for the model (--model DIR),
 *     3. the folder in the environment variable CFEDIT_MODEL,
 *     4. the model that ships with the program: "weights" beside the executable (the source tree),
 *        "../share/cfedit" from the executable (an installation), and CE_DATADIR (set when the
 *        program is built). */
#ifndef CFEDIT_MODEL_FILES_H
#define CFEDIT_MODEL_FILES_H

#include <stdbool.h>

#include "tensor/context.h"

/* The places that a caller names; NULL for a place that is not named. Strings are borrowed. */
struct ce_paths {
    const char *model;                                                  /* a folder */
    const char *generator, *clip, *identity, *vgg, *encoder, *detector; /* single files */
    const char *bpe;      /* merge list of CLIP's tokenizer */
    const char *concepts; /* words of the model, concepts.h */
};

/* The path of the file `name` ("clip.safetensors"), to be given to free(). `own` is the path given
 * for this file alone, or NULL. If there is no such file, the result is NULL: with LT_ERR_IO and a
 * message that tells where it was looked for if `required`, else without a failure. */
char *ce_model_file(lt_ctx *ctx, const struct ce_paths *paths, const char *own, const char *name,
                    bool required);

/* The path of the file `name` that comes with the program, to be given to free(). If there is no
 * such file, NULL: with LT_ERR_IO if `required`. */
char *ce_shipped_file(lt_ctx *ctx, const char *name, bool required);

#endif
