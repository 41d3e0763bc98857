/* What is stored in an edited picture so that it can be made again. */
#ifndef CFEDIT_RECIPE_H
#define CFEDIT_RECIPE_H

#include "cli/inout/edit_output.h"

enum { CE_RECIPE_MAX = 12 };

/* The key of the command line that makes the picture again. */
#define CE_COMMAND_LINE "Command"

struct ce_recipe {
    ce_image_text text[CE_RECIPE_MAX];
    size_t count;
};

/* Fills the recipe of an edited picture: the program's version, sentences, source, method,
 * strength, the seed or the photo, digests of latent and model, the command line and, in a folder,
 * the mark for --resume. `only` 0, 1, ... is for the picture at one of several strengths, -1 for
 * all of them. Texts are in the run's memory or borrowed. LT_ERR_MEMORY. */
lt_status ce_recipe_make(struct ce_run *run, const struct ce_edit_output *output,
                         const struct ce_edited *edited, const struct ce_edit_result *result,
                         int only, struct ce_recipe *recipe);

#endif
