/* The works that are timed inside a process: what each needs, does, leaves behind, and costs. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "bench/speed/setup.h"
#include "engine/mapper/trainer.h"
#include "engine/models.h"

enum { BENCH_RESULTS = 16 };

/* What a process needs for its work. */
struct session {
    const struct setup *setup;
    lt_ctx *ctx;
    struct ce_paths paths;
    struct ce_models models;
    lt_tensor *w, *latents, *pixels, *ids, *points;
    lt_params *mapper_params;
    struct ce_trainer *trainer;
    /* Results that peers are held against; `once` fills them where `keep` is set. Retained. */
    bool keep;
    const char *result_name[BENCH_RESULTS];
    lt_tensor *result[BENCH_RESULTS];
    size_t results;
};

struct work {
    const char *key;                      /* "generator-gradient": also what a peer is asked for */
    const char *name;                     /* "generator forward and gradient to W+" */
    unsigned needs;                       /* CE_NEED_ bits */
    lt_status (*open)(struct session *s); /* NULL: the networks are all */
    lt_status (*once)(struct session *s);
    /* Multiply-adds of one run in 10^9, see flops.h; NULL: not counted. */
    double (*macs)(const struct session *s);
};

extern const struct work work_generator, work_generator_gradient, work_clip_images,
    work_clip_images_gradient, work_clip_texts, work_train_step, work_train_new;

/* Opens networks and inputs; `keep`: results are wanted. *s is given to session_close(), also after
 * a failure. */
lt_status session_open(struct session *s, const struct setup *setup, const struct work *work,
                       bool keep);
void session_close(struct session *s);
/* Keeps `t` under a name (a literal) where s->keep is set. */
void session_keep(struct session *s, const char *name, lt_tensor *t);

#endif
