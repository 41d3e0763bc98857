/* The result of editing one picture, whatever the method, and how callers watch an edit. */
#ifndef CFEDIT_EDIT_RESULT_H
#define CFEDIT_EDIT_RESULT_H

#include <stdbool.h>

#include "engine/objective/terms.h"

/* Tensors are retained; ce_edit_result_free() releases them. */
struct ce_edit_result {
    lt_tensor *w;         /* (1,L,D), the latent of the source picture */
    lt_tensor *x, *x_hat; /* (1,3,S,S), the source picture and the edited one */
    lt_tensor *latents;   /* (1,L,D), w_hat; after an edit in StyleSpace the source's w */
    lt_tensor **styles;   /* [style_count], the edited styles of StyleSpace, else NULL */
    int style_count;
    struct ce_terms first, last;
    double seconds;
};

/* Fills a result; retains w, x, x_hat, latents and, where `styles` is not NULL, all `count` styles.
 * Errors: LT_ERR_MEMORY; if a tensor is NULL, the failure that stands in ctx. */
lt_status ce_edit_result_set(lt_ctx *ctx, struct ce_edit_result *result, lt_tensor *w, lt_tensor *x,
                             lt_tensor *x_hat, lt_tensor *latents, lt_tensor *const *styles,
                             int count);
void ce_edit_result_free(struct ce_edit_result *result);

/* Makes `result`, of an edit that began at the latents of `before`, the result of both edits: its
 * source becomes that of `before`, which is freed. */
void ce_edit_result_join(struct ce_edit_result *before, struct ce_edit_result *result);

/* Watches an edit. Called after each step (from 1) with the terms of its loss, `stage` being NULL.
 * Also called before work that takes long, with a phrase for it in `stage`, the steps so far and no
 * terms. If it returns false after a step, the work stops there and the result so far stands. */
typedef bool ce_edit_watch(void *user, int64_t step, const char *stage,
                           const struct ce_terms *terms);

#endif
