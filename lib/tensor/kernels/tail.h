/* What becomes of a convolution's outputs while they are in registers. */
#ifndef LT_TENSOR_TAIL_H
#define LT_TENSOR_TAIL_H

#include <stdbool.h>
#include <stdint.h>

struct lt_bias_act_planes; /* bias_act_impl.h */

/* For one plane: y = scale (output + bias), and with `act` then y = pre (pre > 0 ? above : below),
 * pre = y + shift + strength noise. */
typedef struct lt_tail {
    float bias, scale;
    bool stream; /* y goes past the caches; its rows are aligned to 64 bytes, and a fence follows
                    before other threads read them */
    bool act;
    float shift, strength, above, below;
} lt_tail;

/* The tail of plane n o + i: bias (o) or NULL, then out_scale (n, o) or NULL, or else `act`, whose
 * noise for the plane goes to *noise, NULL where there is none. */
lt_tail lt_tail_of(const float *bias, const float *out_scale, const struct lt_bias_act_planes *act,
                   int64_t o, int64_t plane, const float **noise);

/* A few outputs: to[j] for j < count from from[j], with and noise beside `to`, or NULL. Returns the
 * sum with `with`. */
double lt_tail_finish_few(const lt_tail *tail, const float *with, const float *noise, int64_t count,
                          const float *from, float *to);

#endif
