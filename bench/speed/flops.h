/* Arithmetic and memory traffic of the works, if nothing is done twice or left out.
 *
 * The flops_ functions count multiply-adds of convolutions and matrix products, in 10^9; a GFLOP/s
 * figure counts each of them as two operations. A gradient with respect to data costs as much as
 * the forward pass, frozen weights cost nothing. Blur, noise, activation, normalisation, resampling
 * and softmax take time but are not counted. Winograd convolutions do less arithmetic than is
 * counted, so a share of the SGEMM peak may exceed 1. */
#ifndef BENCH_FLOPS_H
#define BENCH_FLOPS_H

#include "nn/models/clip.h"
#include "nn/models/stylegan2.h"

/* The generator's synthesis of one image. Upsampling convolutions count 9 taps for each input
 * pixel. */
double flops_generator(const lt_stylegan2_config *c);
/* One image through CLIP's vision tower. */
double flops_clip_image(const lt_clip_config *c);
/* Texts (T,L) of int32 ids through CLIP's text tower, each up to its end token, since later tokens
 * have no influence on the feature. */
double flops_clip_texts(const lt_clip_config *c, const lt_tensor *ids);
/* A training step for one latent: generator and 8 copies through CLIP, forward and backward. */
double flops_step(const lt_stylegan2_config *g, const lt_clip_config *c);

/* Bytes of float32 that the generator's convolutions move for one image. The forward pass reads
 * each input once and writes each result once. The backward pass reads the gradient of the result
 * and the saved input, and writes the gradient of the input. */
double bytes_generator_forward(const lt_stylegan2_config *c);
double bytes_generator_backward(const lt_stylegan2_config *c);
/* Bytes of the vision tower's float32 weights. */
double bytes_clip_weights(const lt_clip_config *c);

#endif
