/* Implementations of 3 x 3 convolutions against plain loops in double precision. */
#ifndef TESTS_CHECK_CONV3_H
#define TESTS_CHECK_CONV3_H

#include "tensor/kernels/conv/conv3_impl.h"

/* Rows (or columns) of output of `size` of input. */
int64_t check_conv3_size(const lt_conv3 *q, int64_t size);

/* The largest error of `run` relative to the largest value, on random values; also checks scales,
 * sums, and with check_threads that one to so many threads give the same bits. q says kind, sizes
 * of the input, channels, pad and flip. */
double check_conv3_error(lt_ctx *ctx, lt_conv3_run *run, lt_conv3 q, uint64_t seed, bool scaled,
                         bool shifted, int check_threads);

#endif
