/* Implementations of 3 x 3 convolutions against plain loops in double precision. */
#ifndef TESTS_CHECK_CONV3_H
#define TESTS_CHECK_CONV3_H

#include "tensor/kernels/conv/conv3_impl.h"

/* The output's number of rows (or columns) for `size` rows (or columns) of input. */
int64_t check_conv3_size(const lt_conv3 *q, int64_t size);

/* Runs `run` on random values and returns its largest error relative to the largest value. q gives
 * kind, input sizes, channels, pad and flip; `scaled` and `shifted` add input scales and a bias.
 * The scales and sums of the results are checked too. With check_threads = T, contexts of 1 to T
 * threads must give the same bits. */
double check_conv3_error(lt_ctx *ctx, lt_conv3_run *run, lt_conv3 q, uint64_t seed, bool scaled,
                         bool shifted, int check_threads);

#endif
