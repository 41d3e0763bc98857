/* What an edit of one picture gives, whatever the method. */
#ifndef CFEDIT_EDIT_RESULT_H
#define CFEDIT_EDIT_RESULT_H

#include <stdbool.h>

#include "engine/objective/terms.h"

/* Tensors are retained; ce_edit_result_free() releases them. */
struct ce_edit_result {
    lt_tensor *x, *x_hat; /* (1,3,S,S) */
    lt_tensor *latents;   /* (1,L,D) w_hat; of an edit in StyleSpace the source's w */
    lt_tensor **styles;   /* of an edit in StyleSpace: the edited styles, else NULL */
    int style_count;
    struct ce_terms first, last;
    double seconds;
};

/* Takes references of x, x_hat, latents and, where `styles` is not NULL, of all `count` styles.
 * Errors: LT_ERR_MEMORY; the failure that stands where a tensor is NULL. */
lt_status ce_edit_result_set(lt_ctx *ctx, struct ce_edit_result *result, lt_tensor *x,
                             lt_tensor *x_hat, lt_tensor *latents, lt_tensor *const *styles,
                             int count);
void ce_edit_result_free(struct ce_edit_result *result);

/* Told after each step (from 1), `stage` being NULL; and of what takes long before a picture's
 * first step, in words, with the steps so far and no terms. False after a step stops the work
 * there, and the result so far stands. */
typedef bool ce_edit_watch(void *user, int64_t step, const char *stage,
                           const struct ce_terms *terms);

#endif
