/* What the training programs of the shipped model share: options, checkpoints, averages. */
#ifndef WEIGHTS_TRAINING_H
#define WEIGHTS_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/params.h"

struct training_options {
    int64_t steps; /* whole length of the run; the learning rate falls to 0 at its end */
    int batch;
    int threads;
    float lr;
    const char *out; /* finished weights, float16 */
    const char
        *checkpoint; /* state, written every `save_every` steps; continued from if it is there */
    const char *log; /* one JSON object a line */
    int64_t save_every;
};

/* Fills `options` (which holds the defaults) from --steps N --batch B --threads T --lr X --out F
 * --checkpoint F --log F --save-every N; says what is wrong on stderr and returns false. */
bool training_parse(struct training_options *options, int argc, char **argv);

/* Learning rate of a step: short warm-up, constant, then a cosine to 0 over the last 40 %. */
float training_lr(const struct training_options *options, int64_t step);

/* What is told of a training now and then. */
struct training_figure {
    const char *name; /* key of the log */
    double value;
};
enum { TRAINING_FIGURES = 16 };

/* One training; each function gets `user`. */
struct training {
    void *user;
    int64_t *step; /* steps done */
    lt_status (*once)(void *user);
    int (*figures)(const void *user, struct training_figure out[TRAINING_FIGURES]); /* how many */
    lt_status (*save)(void *user); /* checkpoint and finished weights */
};

/* The steps that are left, with a line in the log and on stderr every fifty of them. */
lt_status training_run(const struct training_options *options, const struct training *t);

/* A state of its own for every (run, step, item), so that a resumed run sees what it would have
 * seen. */
uint64_t training_seed(uint64_t run, int64_t step, int64_t item);

/* Adds all tensors of `from` to `into` under `prefix` (retained, not copied). */
lt_status training_store(lt_ctx *ctx, lt_params *into, const char *prefix, const lt_params *from);
/* Copies tensors `prefix`NAME of `from` into the tensors NAME of `to`. */
lt_status training_restore(lt_ctx *ctx, lt_params *to, const char *prefix, const lt_params *from);

/* average += (1 - decay) (params - average), for every float32 tensor; same names in both. */
lt_status training_average(lt_ctx *ctx, lt_params *average, const lt_params *params, float decay);
/* A copy of every tensor and metadata entry of `from` in a new container. */
lt_status training_clone(lt_ctx *ctx, const lt_params *from, lt_params **out);

/* Whether a file can be opened for reading. */
bool training_file_exists(const char *path);

/* Prints the context's failure and returns 1, the exit status. */
int training_fail(lt_ctx *ctx, const char *program);

#endif
