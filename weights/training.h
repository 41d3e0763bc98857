/* Shared by the training programs of the shipped model: options, loop, checkpoints, averages. */
#ifndef WEIGHTS_TRAINING_H
#define WEIGHTS_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/params.h"

/* The options of a training; all strings are borrowed. */
struct training_options {
    int64_t steps; /* length of the whole run; the learning rate falls to 0 at its end */
    int batch;
    int threads;
    float lr;
    int size;               /* pixels of the pictures, for programs that train in stages */
    const char *from;       /* file of weights to start from, or NULL */
    int64_t save_every;     /* steps between two writings of weights and state */
    const char *out;        /* file of the finished weights, float16 */
    const char *checkpoint; /* file of the state, from which an interrupted run continues */
    const char *log;        /* file with one JSON object a line */
};

/* Reads the command line into `options`, which holds the defaults: --steps N --batch B --threads T
 * --lr X --size S --from F --out F --checkpoint F --log F --save-every N. False after a message on
 * stderr. */
bool training_parse(struct training_options *options, int argc, char **argv);

/* The learning rate of a step: a warm-up over 100 steps, constant, then a cosine to 0 over the last
 * 40 %. */
float training_lr(const struct training_options *options, int64_t step);

/* A figure of a training that the log has. */
struct training_figure {
    const char *name; /* key of the log */
    double value;
};
enum { TRAINING_FIGURES = 40 };

/* A training: its state, and the functions that work on it. */
struct training {
    const char *name; /* of the program, for messages */
    struct training_options *options;
    lt_ctx **ctx;
    void *user;
    lt_status (*set_up)(void *user); /* makes the state, or continues from a checkpoint */
    void (*clean_up)(void *user);    /* frees the state, also of a set_up that failed */
    int64_t *step;                   /* steps done */
    lt_status (*once)(void *user);   /* does one step */
    /* Writes the figures of the moment and returns their number. */
    int (*figures)(const void *user, struct training_figure out[TRAINING_FIGURES]);
    lt_status (*save)(void *user); /* writes state and weights */
};

/* The whole program: reads the command line, makes *t->ctx, sets up, does the steps that are left
 * with a line in the log and on stderr after every fifty of them, and cleans up. Returns the exit
 * status. */
int training_main(const struct training *t, int argc, char **argv);

/* A random state for each (run, step, item). It does not depend on earlier steps, so that a resumed
 * run sees the data that it would have seen without the interruption. */
uint64_t training_seed(uint64_t run, int64_t step, int64_t item);

/* Adds all tensors of `from` to `into` under the names prefix + name; they are retained, not
 * copied. */
lt_status training_store(lt_ctx *ctx, lt_params *into, const char *prefix, const lt_params *from);
/* Copies the tensors prefix + name of `from` into the tensors of those names in `to`. */
lt_status training_restore(lt_ctx *ctx, lt_params *to, const char *prefix, const lt_params *from);
/* Copies the tensors of a file of weights into the tensors of those names. */
lt_status training_load(lt_ctx *ctx, lt_params *to, const char *path);

/* average += (1 - decay) (params - average) for every float32 tensor. Both have the same names;
 * else LT_ERR_SHAPE. */
lt_status training_average(lt_ctx *ctx, lt_params *average, const lt_params *params, float decay);
/* Copies every tensor and metadata entry of `from` into a new container, which the caller frees. */
lt_status training_clone(lt_ctx *ctx, const lt_params *from, lt_params **out);

/* Whether a file can be opened for reading. */
bool training_file_exists(const char *path);

/* Prints the failure of a context (NULL: out of memory) and returns the exit status 1. */
int training_fail(lt_ctx *ctx, const char *program);

#endif
