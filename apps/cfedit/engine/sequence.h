/* Several sentences on one picture, one after the other: each edit starts from the result of the
 * edit before, and each has a strength of its own.
 *
 *     w --"green lips"--> w1 --x 0.7--> w1' --"blue hair"--> w2 --x 0.4--> w2' */
#ifndef CFEDIT_SEQUENCE_H
#define CFEDIT_SEQUENCE_H

#include "engine/editor.h"

enum { CE_SEQUENCE_MAX = 16 }; /* sentences */

struct ce_sequence;

/* Makes an editor ready for each of the `count` sentences; strengths[count] are the factors of
 * their edits. All sentences use the same settings. The other arguments are those of
 * ce_editor_open(). *sequence is freed with ce_sequence_close(). Errors: those of ce_editor_open();
 * LT_ERR_ARGUMENT for more than CE_SEQUENCE_MAX sentences, and for several where the method's
 * results have no latent from which the next edit could start. */
lt_status ce_sequence_open(const struct ce_models *models, const struct ce_edit_settings *settings,
                           const struct ce_edit_texts *texts, const float *strengths, int count,
                           const char *channels_path, ce_channels_progress *progress, void *user,
                           struct ce_sequence **sequence);
void ce_sequence_close(struct ce_sequence *sequence); /* NULL is accepted */

/* The editor of sentence `index`; it belongs to the sequence. */
const struct ce_editor *ce_sequence_editor(const struct ce_sequence *sequence, int index);

/* How many steps ce_sequence_run() takes for `count` pictures. */
int64_t ce_sequence_steps(const struct ce_sequence *sequence, int64_t count);

/* Edits the pictures of w (N,L,D) by all sentences. results[N] go from the given pictures to the
 * last results, and are given to ce_edit_result_free(), also after a failure. `watch` (may be NULL)
 * is told of each step, counted over all sentences and pictures. */
lt_status ce_sequence_run(struct ce_sequence *sequence, lt_tensor *w, ce_edit_watch *watch,
                          void *user, struct ce_edit_result *results);

#endif
