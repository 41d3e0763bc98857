/* A method at work: made ready for one sentence, then given pictures. The steps of a method are
 * operations of its family (family.h). */
#ifndef CFEDIT_EDITOR_H
#define CFEDIT_EDITOR_H

#include "engine/family.h"

struct ce_editor;

/* What an editor is made for; everything is borrowed while it is opened. */
struct ce_edit_texts {
    const char *source, *target;
    /* What the picture must not be taken for (clip_nce.h); NULL: those of contrasts.h. Read by
     * methods whose contrast_lambda is above 0. */
    const char *const *contrasts;
    int contrast_count;
};

/* Encodes the texts and, for global-directions, reads the channels' effects from `channels_path`
 * or, where that is NULL, measures them (told to `progress`). Settings are copied. *editor is freed
 * with ce_editor_close(). Errors: those of ce_nce_texts_prepare(), ce_channels_load();
 * LT_ERR_ARGUMENT for a network that is missing. */
lt_status ce_editor_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                         const struct ce_edit_texts *texts, const char *channels_path,
                         ce_channels_progress *progress, void *user, struct ce_editor **editor);
void ce_editor_close(struct ce_editor *editor); /* NULL is accepted */

/* Writes the channels' effects of global-directions, to be read by a later ce_editor_open(). */
lt_status ce_editor_save_channels(const struct ce_editor *editor, const char *path);

/* How many steps ce_editor_run() will tell of for `count` pictures. */
int64_t ce_editor_steps(const struct ce_editor *editor, int64_t count);

/* Edits the pictures of w (N,L,D); `strength` goes from 0, the source, to 1, the full edit, and on.
 * results[N] are given to ce_edit_result_free(), also after a failure. `watch` (may be NULL) is
 * told after each step, counted over all pictures. */
lt_status ce_editor_run(struct ce_editor *editor, lt_tensor *w, float strength,
                        ce_edit_watch *watch, void *user, struct ce_edit_result *results);

#endif
