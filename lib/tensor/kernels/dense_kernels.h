/* Hot loops over dense float32 arrays, one table per instruction set (isa.h).
 *
 * All run on the calling thread. Arrays do not overlap unless a comment allows it. Sums run over
 * sixteen lanes in a fixed order, so that results do not depend on the number of threads. */
#ifndef LT_TENSOR_DENSE_KERNELS_H
#define LT_TENSOR_DENSE_KERNELS_H

#include <stdint.h>

#include "tensor/isa.h"

typedef enum lt_binary_op {
    LT_BINARY_ADD,
    LT_BINARY_SUB,
    LT_BINARY_MUL,
    LT_BINARY_DIV,
    LT_BINARY_OPS
} lt_binary_op;

/* p and q are the parameters of functions that have some. */
typedef enum lt_unary_op {
    LT_UNARY_AFFINE, /* p x + q */
    LT_UNARY_EXP,
    LT_UNARY_LOG,
    LT_UNARY_SQRT,
    LT_UNARY_RSQRT,
    LT_UNARY_SQUARE,
    LT_UNARY_ABS,
    LT_UNARY_TANH,
    LT_UNARY_SIGMOID,
    LT_UNARY_CLAMP, /* to [p, q] */
    LT_UNARY_RELU,
    LT_UNARY_LEAKY_RELU, /* q (x > 0 ? x : p x) */
    LT_UNARY_GELU,
    LT_UNARY_QUICK_GELU,
    LT_UNARY_OPS
} lt_unary_op;

/* The most columns that loops along columns take at a time. */
enum { LT_COLUMN_BLOCK = 128 };

struct lt_dense_kernels {
    /* y[i] = a[i * sa] op b[i * sb]; strides 0 and 1 are fast. */
    void (*binary[LT_BINARY_OPS])(int64_t n, const float *a, int64_t sa, const float *b, int64_t sb,
                                  float *y);
    /* y = f(x) */
    void (*unary[LT_UNARY_OPS])(int64_t n, const float *x, float *y, float p, float q);
    /* gx = gy f'(x); gx may be gy. s is f(x) for exp, sqrt, rsqrt, tanh, sigmoid and relu, and x
     * for the others; for leaky relu with p >= 0 and q > 0 it may be either. Affine does not read
     * s. */
    void (*unary_grad[LT_UNARY_OPS])(int64_t n, const float *gy, const float *s, float *gx, float p,
                                     float q);

    double (*sum)(int64_t n, const float *x);
    double (*dot)(int64_t n, const float *x, const float *y); /* x may be y */
    double (*sum_square_diff)(int64_t n, const float *x, const float *y);
    double (*sum_abs_diff)(int64_t n, const float *x, const float *y);
    /* The sum of x[i] y[i] over all i with x[i] <= 0: the gradient of PReLU's slope. */
    double (*dot_negative)(int64_t n, const float *x, const float *y);
    void (*accumulate)(int64_t n, const float *x, float *y); /* y += x */

    /* sums[c] += sum over rows r of x[r * ld + c], or of x times y where y is not NULL; cols <=
     * LT_COLUMN_BLOCK. */
    void (*column_sums)(int64_t rows, int64_t cols, int64_t ld, const float *x, const float *y,
                        double *sums);

    /* Softmax of the first `valid` of n entries of a row; the others become 0. y may be x. */
    void (*softmax)(int64_t n, int64_t valid, const float *x, float *y);
    /* gx = scale y (gy - sum(y gy)); gx may be gy. */
    void (*softmax_grad)(int64_t n, const float *y, const float *gy, float scale, float *gx);
    /* log(sum(exp(x))) of a row; -infinity for an empty one. */
    float (*logsumexp)(int64_t n, const float *x);
    /* gx = g exp(x - shift) + (gy ? gy : 0) */
    void (*add_scaled_exp)(int64_t n, const float *x, float shift, float g, const float *gy,
                           float *gx);

    /* y = (x - mean) rstd w + b for a row; mean and rstd go to stats. */
    void (*layer_norm)(int64_t n, const float *x, const float *w, const float *b, float eps,
                       float *y, float *stats);
    void (*layer_norm_grad)(int64_t n, const float *x, const float *w, const float *stats,
                            const float *gy, float *gx);
    /* For each of cols <= LT_COLUMN_BLOCK columns of rows of ld floats, with stats (rows, 2): gw +=
     * sum of gy (x - mean) rstd, gb += sum of gy. */
    void (*layer_norm_columns)(int64_t rows, int64_t cols, int64_t ld, const float *x,
                               const float *stats, const float *gy, double *gw, double *gb);

    /* For each of cols <= LT_COLUMN_BLOCK columns of x (count, ld): r = 1 / sqrt(mean of x^2 over
     * the column + eps), y = x r. r is (cols). */
    void (*pixel_norm)(int64_t count, int64_t cols, int64_t ld, const float *x, float eps, float *y,
                       float *r);
    /* gx = r (gy - y mean(gy y)) */
    void (*pixel_norm_grad)(int64_t count, int64_t cols, int64_t ld, const float *y, const float *r,
                            const float *gy, float *gx);
};

LT_ISA_DECLARE(lt_dense_kernels);

#endif
