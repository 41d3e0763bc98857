/* Where the files of a model are looked for. The first match wins:
 *
 *     1. the file that its own option names (--generator FILE),
 *     2. the folder that --model names,
 *     3. the folder in the environment variable CFEDIT_MODEL,
 *     4. the model that ships with the program: "weights" beside the executable (the source tree),
 *        "../share/cfedit" from the executable (an installation), and CE_DATADIR (set when the
 *        program is built). */
#ifndef CFEDIT_MODEL_FILES_H
#define CFEDIT_MODEL_FILES_H

#include <stdbool.h>

#include "tensor/context.h"

/* What a caller says about the places of a model's files. NULL: not said. Strings are borrowed. */
struct ce_paths {
    const char *model;                                       /* a folder */
    const char *generator, *clip, *identity, *vgg, *encoder; /* single files */
    const char *bpe; /* the merge list of CLIP's tokenizer */
};

/* The path of the file `name` ("clip.safetensors"), to be given to free(). `own` is what the file's
 * own option says, or NULL. NULL where there is no such file: with LT_ERR_IO in ctx, whose message
 * tells where it was looked for, if `required`; without a failure otherwise. */
char *ce_model_file(lt_ctx *ctx, const struct ce_paths *paths, const char *own, const char *name,
                    bool required);

#endif
