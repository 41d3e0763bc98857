/* The works that are timed inside a process: the networks each needs, one run of it, and its
 * cost. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/speed/setup.h"
#include "engine/mapper/trainer.h"
#include "engine/models.h"

enum { BENCH_RESULTS = 16 };

/* The networks, inputs and results of one process. Tensors are retained. */
struct session {
    const struct setup *setup;
    lt_ctx *ctx;
    struct ce_paths paths;
    struct ce_models models;
    lt_tensor *w, *latents, *pixels, *ids, *points;
    lt_params *mapper_params;
    struct ce_trainer *trainer;
    /* The results of `once`, for the comparison with the peers; filled only if `keep` is set. */
    bool keep;
    const char *result_name[BENCH_RESULTS];
    lt_tensor *result[BENCH_RESULTS];
    size_t results;
};

struct work {
    const char *key;                      /* "generator-gradient"; peers know the work by it */
    const char *name;                     /* "generator forward and gradient to W+" */
    unsigned needs;                       /* CE_NEED_ bits */
    lt_status (*open)(struct session *s); /* prepares more than the networks; may be NULL */
    lt_status (*once)(struct session *s); /* one run */
    /* Multiply-adds of one run in 10^9, as flops.h counts them; NULL: not counted. */
    double (*macs)(const struct session *s);
};

extern const struct work work_generator, work_generator_gradient, work_clip_images,
    work_clip_images_gradient, work_clip_texts, work_train_step, work_train_new;

/* Opens networks and inputs; with `keep` the results of runs are kept. Call session_close() in any
 * case, also after a failure. */
lt_status session_open(struct session *s, const struct setup *setup, const struct work *work,
                       bool keep);
void session_close(struct session *s);
/* Retains `t` as the result `name`, a string literal, if s->keep is set. */
void session_keep(struct session *s, const char *name, lt_tensor *t);

#endif
