/* The inner loops of the optimisers, each over n contiguous elements of one tensor: p the values, g
 * the gradient, m and v the running means of the gradient and of its square. */
#ifndef LT_NN_OPTIM_KERNELS_H
#define LT_NN_OPTIM_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

/* The scalars of one step of one tensor, computed in double and rounded once. */
typedef struct lt_optim_scalars {
    float decay;        /* p *= decay comes first; 1: no weight decay */
    float beta1, rest1; /* m = beta1 m + rest1 g */
    float beta2, rest2; /* v = beta2 v + rest2 g^2 */
    float step;         /* p -= step m / (sqrt(v) / root + eps) */
    float root, eps;
} lt_optim_scalars;

struct lt_optim_kernels {
    /* The sum of g, in double. */
    double (*sum)(const float *g, int64_t n);
    /* The sum of g^2, in double. */
    double (*sum_squares)(const float *g, int64_t n);
    /* g *= by. */
    void (*scale)(float *g, int64_t n, float by);
    /* SGD with momentum: m = momentum m + g; p = decay p - lr m. */
    void (*sgd)(float *p, float *m, const float *g, int64_t n, float decay, float momentum,
                float lr);
    /* Adam, as lt_optim_scalars says. `shift` is subtracted from g first: the mean of the gradient,
     * for gradient centralisation, or 0. */
    void (*adam)(float *p, float *m, float *v, const float *g, int64_t n, float shift,
                 const lt_optim_scalars *s);
    /* The first steps of RAdam: adam with p -= step m, which does not divide by the root of v. */
    void (*warm)(float *p, float *m, float *v, const float *g, int64_t n, float shift,
                 const lt_optim_scalars *s);
    /* Lookahead: slow += alpha (p - slow); p = slow. */
    void (*lookahead)(float *p, float *slow, int64_t n, float alpha);
};

LT_ISA_DECLARE(lt_optim_kernels);

#endif
