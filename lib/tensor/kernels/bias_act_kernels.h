/* The end of a generator's layer on one plane, one table per instruction set (isa.h). */
#ifndef LT_TENSOR_BIAS_ACT_KERNELS_H
#define LT_TENSOR_BIAS_ACT_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

/* One plane: pre = scale x + strength noise + bias, y = gain (pre > 0 ? pre : slope pre). */
typedef struct lt_bias_act_plane {
    int64_t size;
    const float *noise; /* (size), or NULL */
    float scale, strength, bias, slope, gain;
} lt_bias_act_plane;

/* Sums over a plane, where g is the gradient of pre. */
typedef struct lt_bias_act_sums {
    double bias;  /* sum of g */
    double noise; /* sum of g noise; 0 without noise */
    double value; /* sum of g x where x is given, else of g pre */
} lt_bias_act_sums;

struct lt_bias_act_kernels {
    /* Computes y from x; y may be x. */
    void (*forward)(const lt_bias_act_plane *p, const float *x, float *y);
    /* gx = scale g; gx may be NULL or gy. Which side of the kink a value is on is computed from x,
     * or where x is NULL read from the sign of y, which needs slope > 0 and gain > 0. */
    lt_bias_act_sums (*backward)(const lt_bias_act_plane *p, const float *x, const float *y,
                                 const float *gy, float *gx);
};

LT_ISA_DECLARE(lt_bias_act_kernels);

#endif
