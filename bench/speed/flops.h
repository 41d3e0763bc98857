/* Arithmetic and traffic of the works: what they cost where nothing is done twice or left out.
 *
 * Multiply-adds of convolutions and matrix products, in 10^9; a GFLOP/s figure counts each as two.
 * A gradient with respect to data costs what the forward pass does; frozen weights cost none. Blur,
 * noise, activation, normalisation, resampling and softmax are in the times and not in the counts.
 * Winograd convolutions do less than is counted, so a share of the SGEMM peak may exceed 1. */
#ifndef BENCH_FLOPS_H
#define BENCH_FLOPS_H

#include "nn/models/clip.h"
#include "nn/models/stylegan2.h"

/* One picture; the transposed convolutions by their 9 taps an input pixel. */
double flops_generator(const lt_stylegan2_config *c);
/* One picture through the vision tower. */
double flops_clip_image(const lt_clip_config *c);
/* Texts (T,L) of int32 ids up to their end tokens: what comes after has no influence on the
 * feature. */
double flops_clip_texts(const lt_clip_config *c, const lt_tensor *ids);
/* A training step for one picture: generator and 8 copies through CLIP, forward and backward. */
double flops_step(const lt_stylegan2_config *g, const lt_clip_config *c);

/* Bytes of float32 that the generator's convolutions move for one picture if forward reads each
 * input and writes each result once, and backward reads the result's gradient and the saved input
 * and writes the input's gradient. */
double bytes_generator_forward(const lt_stylegan2_config *c);
double bytes_generator_backward(const lt_stylegan2_config *c);
/* Bytes of the vision tower's float32 weights. */
double bytes_clip_weights(const lt_clip_config *c);

#endif
