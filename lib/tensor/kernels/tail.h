/* The tail: what a convolution or a filter does to its outputs while they are in registers. */
#ifndef LT_TENSOR_TAIL_H
#define LT_TENSOR_TAIL_H

#include <stdbool.h>
#include <stdint.h>

struct lt_bias_act_planes; /* bias_act_impl.h */

/* The tail of one plane: y = scale (output + bias). With `act`, y is then replaced by pre (pre > 0
 * ? above : below), where pre = y + shift + strength noise. */
typedef struct lt_tail {
    float bias, scale;
    bool stream; /* y goes past the caches: its rows start at cache lines, and vec_stream_end()
                    follows before other threads read them */
    bool act;
    float shift, strength, above, below;
} lt_tail;

/* The tail of plane number `plane` of n o planes. It is made of bias (o) and either out_scale (n,
 * o) or `act`, whose scale takes the place of out_scale; each may be NULL. *noise is the plane's
 * noise, or NULL. */
lt_tail lt_tail_of(const float *bias, const float *out_scale, const struct lt_bias_act_planes *act,
                   int64_t o, int64_t plane, const float **noise);

/* Applies the tail to `count` outputs. `with` and noise lie beside `to`, or are NULL. Returns the
 * sum of (output + bias) times `with`. */
double lt_tail_finish_few(const lt_tail *tail, const float *with, const float *noise, int64_t count,
                          const float *from, float *to);

#endif
