/* Training of a mapper: the loop body of CF-CLIP's training over many latents.
 *
 * A step takes the next `batch` latents, edits them with the mapper, draws the edited pictures, and
 * moves the mapper's weights down the gradient of the objective. The other networks are frozen. The
 * text feature, the template features and the features of source pictures are computed once.
 *
 * A step depends on its number, on the settings and on the state in a checkpoint, and on nothing
 * else: the order of an epoch and the perspective draws of a step are random streams named by the
 * seed and a number. So a training continued from a checkpoint ends in the same bits (for the same
 * number of threads). */
#ifndef CFEDIT_TRAINER_H
#define CFEDIT_TRAINER_H

#include "engine/mapper/mapper.h"
#include "nn/optim.h"
#include "engine/objective/objective.h"

struct ce_train_config {
    struct ce_objective_config objective;
    enum ce_mapper_type mapper_type; /* type and levels of a fresh mapper */
    bool level[CE_LEVELS];
    bool without_text; /* whether a fresh mapper is StyleCLIP's, which does not see the text */
    lt_optim_kind optimizer; /* LT_RANGER or LT_ADAM */
    float lr;
    int batch;
    bool shuffle;  /* whether each epoch has an order of its own; else the latents keep theirs */
    uint64_t seed; /* of fresh weights, of the order of latents and of perspective draws */
    size_t perc_bytes; /* memory for VGG19 features of source pictures */
};

/* The published settings: Ranger, lr 0.5, batch 2, all levels, shuffled, the published
 * objective. */
struct ce_train_config ce_train_defaults(void);

/* The texts and latents of a training; everything is borrowed. */
struct ce_train_data {
    struct ce_texts texts;
    lt_tensor *latents; /* (N,L,D), N >= batch */
    lt_tensor *tests;   /* (M,L,D) for the validation; NULL if there is none */
    lt_tensor *points;  /* (steps, copies, 2, 4, 2) of ce_perspective_load(); NULL: random draws */
};

struct ce_trainer;

/* Starts a training of the mapper in `params`, which is borrowed. `params` holds a mapper that
 * ce_mapper_load() read, or nothing: then a fresh mapper is put there. *out is freed with
 * ce_trainer_free(). Errors: those of ce_objective_prepare() and ce_mapper_create();
 * LT_ERR_ARGUMENT for fewer latents than a batch; LT_ERR_SHAPE. */
lt_status ce_trainer_create(const struct ce_models *models, const struct ce_train_config *config,
                            const struct ce_train_data *data, lt_params *params,
                            struct ce_trainer **out);
void ce_trainer_free(struct ce_trainer *trainer); /* NULL is accepted */

/* Does one step. *terms (may be NULL) are the losses before the step. Errors: LT_ERR_NUMERIC for a
 * loss that is not finite (the weights stay as they were), LT_ERR_ARGUMENT if `points` has no draws
 * for this step. */
lt_status ce_trainer_step(struct ce_trainer *trainer, struct ce_terms *terms);
/* Steps done so far. */
int64_t ce_trainer_steps(const struct ce_trainer *trainer);
/* The losses of step i (from 0), as ce_terms_values() gives them. */
const float *ce_trainer_history(const struct ce_trainer *trainer, int64_t i);

/* Computes the mean losses over the first `most` test latents, one at a time, with the same draws
 * in every validation. *better tells whether the loss is the lowest so far; the lowest is
 * remembered. */
lt_status ce_trainer_validate(struct ce_trainer *trainer, int64_t most, struct ce_terms *mean,
                              bool *better);
/* The lowest validation loss so far; NaN before the first. */
double ce_trainer_best(const struct ce_trainer *trainer);

/* Draws the pictures of latents (N,L,D) before and after the edit by the current mapper, (N,3,S,S)
 * each, in the innermost scope. */
lt_status ce_trainer_pictures(struct ce_trainer *trainer, lt_tensor *latents, lt_tensor **x,
                              lt_tensor **x_hat);

/* Writes the mapper and its metadata (texts, settings, steps) to a file. */
lt_status ce_trainer_save_mapper(struct ce_trainer *trainer, const char *path);
/* Writes a checkpoint: all that is needed to continue. The file can also be used as a mapper. */
lt_status ce_trainer_save(struct ce_trainer *trainer, const char *path);
/* Continues from a checkpoint. Errors: LT_ERR_FORMAT for a file that is no checkpoint;
 * LT_ERR_ARGUMENT, naming the setting, for a checkpoint of other settings, texts or latents. */
lt_status ce_trainer_restore(struct ce_trainer *trainer, const char *path);

/* What an observer of a training sees. It is called in each step once the gradients are there and
 * before the optimiser uses them. The gradients of the mapper are in the training's lt_params; the
 * tensors belong to the step. */
struct ce_train_view {
    int64_t step;         /* from 0 */
    const int64_t *index; /* [batch], the rows of the latents */
    lt_tensor *w, *w_hat; /* (B,L,D) */
    lt_tensor *x_hat;     /* (B,3,S,S) */
    const struct ce_source *source;
    const double (*coeffs)[8];
    struct ce_terms terms;
};
typedef void ce_train_observer(void *user, const struct ce_trainer *trainer,
                               const struct ce_train_view *view);
void ce_trainer_observe(struct ce_trainer *trainer, ce_train_observer *observer, void *user);

const struct ce_objective *ce_trainer_objective(const struct ce_trainer *trainer);
const struct ce_mapper *ce_trainer_mapper(const struct ce_trainer *trainer);

#endif
