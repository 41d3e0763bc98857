/* The files that a training writes beside the mapper: log, loss curve, sheets of pictures. */
#ifndef CFEDIT_TRAIN_REPORT_H
#define CFEDIT_TRAIN_REPORT_H

#include "engine/mapper/trainer.h"

/* A log of one JSON object a line and step:
 *
 *     {"step":1,"loss":1.32,"loss_nce":4.38,"loss_l2_latent":0.0107,"seconds":0.31}
 *
 * A term that is off has no key. An object of a step after which the mapper was validated also has
 * "val_loss", "val_loss_nce", ... Each line is handed to the system at once. */
struct ce_train_log;

#define CE_LOG_ANEW (-1)

/* Opens the log `path` to go on after step `keep`: later lines, which a stopped training wrote
 * after its last checkpoint, are cut off. CE_LOG_ANEW replaces whatever is there. Errors:
 * LT_ERR_IO, LT_ERR_MEMORY; LT_ERR_FORMAT for a file that is no log, which is left as it is. */
lt_status ce_train_log_open(lt_ctx *ctx, const char *path, int64_t keep, struct ce_train_log **out);
/* Writes the line of step `step` (1 is the first); `validation` may be NULL. Does nothing where
 * `log` is NULL. */
lt_status ce_train_log_write(struct ce_train_log *log, int64_t step, const struct ce_terms *terms,
                             double seconds, const struct ce_terms *validation);
/* Brings the lines to the disk. Called before a checkpoint is written, which counts on them. */
lt_status ce_train_log_sync(struct ce_train_log *log);
void ce_train_log_close(struct ce_train_log *log); /* NULL is accepted */

/* Draws the losses of all steps so far as a PNG. */
lt_status ce_train_plot(lt_ctx *ctx, const struct ce_trainer *trainer, const char *path);
/* Draws latents (N,L,D) before and after the edit as a PNG: N columns, at most 8, of two
 * pictures. */
lt_status ce_train_sheet(lt_ctx *ctx, struct ce_trainer *trainer, lt_tensor *latents,
                         const char *title, const char *path);

#endif
