/* What the parts of method_dump share: the inputs of a case, and the results that are written.
 *
 * Tensors are called GROUP.NAME in both files; settings are metadata of the input file. A failure
 * stands in the context and makes every later call do nothing, as in the library. */
#ifndef PARITY_METHOD_DUMP_H
#define PARITY_METHOD_DUMP_H

#include "cli/console/run.h"
#include "engine/models.h"

struct dump {
    struct ce_run run;
    struct ce_models models;
    const char *mapper; /* path or NULL */
    lt_params *in, *out;
    const char *group;
};

/* Input NAME of the running group; NULL after a failure. dump_leaf() returns a leaf that receives a
 * gradient. */
lt_tensor *dump_in(struct dump *d, const char *name);
lt_tensor *dump_leaf(struct dump *d, const char *name);
/* Whether the running group has an input NAME. */
bool dump_has(struct dump *d, const char *name);
/* A setting of the running group: its number or its text. */
const char *dump_text(struct dump *d, const char *key, const char *fallback);
double dump_number(struct dump *d, const char *key, double fallback);

/* Writes result NAME, a copy of the tensor. */
void dump_out(struct dump *d, const char *name, const lt_tensor *t);
/* Result "grad.NAME" of a leaf; zeros where no gradient reached it. */
void dump_grad(struct dump *d, const char *name, const lt_tensor *leaf);
void dump_value(struct dump *d, const char *name, float value);
/* Backward from sum(t * input NAME). */
void dump_backward(struct dump *d, lt_tensor *t, const char *name);

/* The homographies of points (copies, 2, 4, 2) or (steps, copies, 2, 4, 2), of step 0. */
lt_status dump_coefficients(struct dump *d, const lt_tensor *points, double (*coeffs)[8]);

/* The groups. */
void dump_generator(struct dump *d);
void dump_mapping(struct dump *d);
void dump_clip(struct dump *d);
void dump_texts(struct dump *d);
void dump_preprocess(struct dump *d);
void dump_perspective(struct dump *d);
void dump_identity(struct dump *d);
void dump_encoder(struct dump *d);
void dump_perceptual(struct dump *d);
void dump_space(struct dump *d);
void dump_mapper(struct dump *d);
void dump_nce(struct dump *d);
void dump_optimizer(struct dump *d);
void dump_train(struct dump *d);

#endif
