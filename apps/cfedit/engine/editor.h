/* A method at work: it is made ready for one sentence and then given pictures. The work itself is
 * done by the operations of the method's family (family.h). */
#ifndef CFEDIT_EDITOR_H
#define CFEDIT_EDITOR_H

#include "engine/family.h"

struct ce_editor;

/* The sentences of an edit; borrowed while the editor is opened. */
struct ce_edit_texts {
    const char *source, *target;
    /* Sentences that must not fit the edited picture (clip_nce.h); NULL: made from the target
     * (contrasts.h). Read only if the method's contrast_lambda is above 0. */
    const char *const *contrasts;
    int contrast_count;
};

/* Encodes the sentences. A target that wishes for colours of several parts, "face with green lips
 * and blue hair", is edited in stages, one for each wish, where the method can start from an edited
 * latent. For global-directions also reads the channels' effects from
 * `channels_path`, or measures them if that is NULL, calling `progress`. Settings are copied;
 * `models` must outlive the editor. *editor is freed with ce_editor_close(). Errors: those of
 * ce_nce_texts_prepare() and ce_channels_load(); LT_ERR_ARGUMENT for settings that do not fit and
 * for a network that is missing. */
lt_status ce_editor_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                         const struct ce_edit_texts *texts, const char *channels_path,
                         ce_channels_progress *progress, void *user, struct ce_editor **editor);
void ce_editor_close(struct ce_editor *editor); /* NULL is accepted */

/* Writes the channels' effects of global-directions for a later ce_editor_open(); nothing for other
 * methods. */
lt_status ce_editor_save_channels(const struct ce_editor *editor, const char *path);

/* How many steps ce_editor_run() takes for `count` pictures. */
int64_t ce_editor_steps(const struct ce_editor *editor, int64_t count);

/* Edits the pictures of w (N,L,D). The edit is found at full strength and then drawn at `strength`
 * (ce_strength_draw()): 0 is the source, 1 the full edit; it may be greater, or below 0.
 * results[N] are given to ce_edit_result_free(), also after a failure. `watch` (may be NULL) is
 * told of each step, counted over all pictures. */
lt_status ce_editor_run(struct ce_editor *editor, lt_tensor *w, float strength,
                        ce_edit_watch *watch, void *user, struct ce_edit_result *results);

#endif
