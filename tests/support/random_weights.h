/* Small networks with random weights, under the names of checkpoints. Failures end the test. */
#ifndef TESTS_RANDOM_WEIGHTS_H
#define TESTS_RANDOM_WEIGHTS_H

#include "nn/init_impl.h"

/* A normal tensor named prefix + suffix. */
void random_weight(const struct lt_maker *to, const char *prefix, const char *suffix, int ndim,
                   const int64_t *shape, float mean, float std);

/* A convolution's weights (out, in, k, k), scaled for ReLUs (He et al. 2015). */
void random_filter(const struct lt_maker *to, const char *prefix, const char *suffix, int64_t out,
                   int64_t in, int64_t k);

/* The tensors of a batch norm of c channels: weight, bias, running mean and variance. Their names
 * begin with both parts joined. */
void random_norm(const struct lt_maker *to, const char *prefix, const char *name, int64_t c);

/* The body of IR-SE50 with four units. Unit i takes channels[i] channels and gives channels[i +
 * 1]. */
void random_irse_body(const struct lt_maker *to, const char *prefix, const int64_t channels[5]);

/* The head of IR-SE50: from `in` channels of 7 x 7 pixels to 7 features. */
void random_irse_head(const struct lt_maker *to, int64_t in, float std);

/* The convolutions of VGG19, each with `width` channels. */
void random_vgg19(const struct lt_maker *to, int64_t width);

/* The three networks of MTCNN. */
void random_mtcnn(const struct lt_maker *to);

#endif
