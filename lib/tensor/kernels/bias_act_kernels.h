/* The tail of a generator layer on one plane, one table per instruction set. */
#ifndef LT_TENSOR_BIAS_ACT_KERNELS_H
#define LT_TENSOR_BIAS_ACT_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

/* pre = scale x + strength noise + bias; y = gain (pre > 0 ? pre : slope pre). */
typedef struct lt_bias_act_plane {
    int64_t size;
    const float *noise; /* (size), or NULL */
    float scale, strength, bias, slope, gain;
} lt_bias_act_plane;

/* Sums over a plane, with g the gradient of pre. */
typedef struct lt_bias_act_sums {
    double bias;  /* g */
    double noise; /* g noise; 0 without noise */
    double value; /* g x where x is given, else g pre */
} lt_bias_act_sums;

struct lt_bias_act_kernels {
    /* y may be x. */
    void (*forward)(const lt_bias_act_plane *p, const float *x, float *y);
    /* gx = scale g (gx may be NULL, or gy) with g from gy and the side of the kink, which x
     * tells, or else y (needs slope > 0 and gain > 0). */
    lt_bias_act_sums (*backward)(const lt_bias_act_plane *p, const float *x, const float *y,
                                 const float *gy, float *gx);
};

LT_ISA_DECLARE(lt_bias_act_kernels);

#endif
