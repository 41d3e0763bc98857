/* The inner loops of the optimisers over contiguous runs of one tensor. */
#ifndef LT_NN_OPTIM_KERNELS_H
#define LT_NN_OPTIM_KERNELS_H

#include <stdint.h>

#include "tensor/kernels/isa.h"

/* The scalars of one step of one tensor, rounded once from double. */
typedef struct lt_optim_scalars {
    float decay;        /* p *= decay first; 1 where there is no weight decay */
    float beta1, rest1; /* m = beta1 m + rest1 g */
    float beta2, rest2; /* v = beta2 v + rest2 g^2 */
    float step;         /* p -= step m / (sqrt(v) / root + eps) */
    float root, eps;
} lt_optim_scalars;

struct lt_optim_kernels {
    /* Sums in double: of g, and of g^2. */
    double (*sum)(const float *g, int64_t n);
    double (*sum_squares)(const float *g, int64_t n);
    void (*scale)(float *g, int64_t n, float by);
    /* Momentum m = momentum m + g; p -= lr m. */
    void (*sgd)(float *p, float *m, const float *g, int64_t n, float decay, float momentum,
                float lr);
    /* Adam: `shift` is subtracted from g first (gradient centralisation). */
    void (*adam)(float *p, float *m, float *v, const float *g, int64_t n, float shift,
                 const lt_optim_scalars *s);
    /* The same without the division: p -= step m. */
    void (*warm)(float *p, float *m, float *v, const float *g, int64_t n, float shift,
                 const lt_optim_scalars *s);
    /* slow += alpha (p - slow); p = slow. */
    void (*lookahead)(float *p, float *slow, int64_t n, float alpha);
};

LT_ISA_DECLARE(lt_optim_kernels);

#endif
