/* The templates: sentences into which a text is put before CLIP reads it.
 *
 * These are the 79 distinct ones of the prompt list that CLIP's authors made for ImageNet (Radford
 * et al. 2021, section 3.1.4), in the order of CF-CLIP's training. The mean over many sentences
 * cancels what a single one adds to the feature. */
#ifndef CFEDIT_TEMPLATES_H
#define CFEDIT_TEMPLATES_H

#include "tensor/context.h"

#define CE_TEMPLATES 79

/* Template i, with "{}" where the text goes; NULL outside 0..CE_TEMPLATES-1. */
const char *ce_template(int i);

/* Template i filled with `text`, to be given to free(). NULL on failure: LT_ERR_ARGUMENT,
 * LT_ERR_MEMORY. */
char *ce_template_fill(lt_ctx *ctx, int i, const char *text);

#endif
