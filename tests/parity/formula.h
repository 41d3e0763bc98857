/* Weights and inputs that are a pure function of (name, shape, seed).
 *
 * The reference numbers in tests/data/goldens were computed by the published
 * PyTorch code on networks filled by this formula, so that tests need no weight
 * files. Element i (row-major) of tensor NAME is
 *
 *     key   = fnv1a64(NAME) ^ (seed * 0x9E3779B97F4A7C15)
 *     u24   = splitmix64(key + i) >> 40
 *     x     = (2 u24 + 1 - 2^24) / 2^24          in (-1, 1), exact in float32
 *     value = center + scale * x                 product rounded, then the sum
 *
 * with integers modulo 2^64. The second rounding is why formula.c must be
 * compiled without contraction (-ffp-contract=off). */
#ifndef PARITY_FORMULA_H
#define PARITY_FORMULA_H

#include <stdint.h>

#include "nn/params.h"

/* Functions that return a tensor put a new one into the innermost scope. They return NULL after a
 * failure. */
lt_tensor *formula_uniform(lt_ctx *ctx, const char *name, int ndim, const int64_t *shape,
                           uint64_t seed, float center, float scale);

/* An image (N,C,H,W) within (-amplitude, amplitude): three quarters a bilinear
 * blow-up of the lattice NAME.lattice (N,C,H/spacing+1,W/spacing+1), one quarter
 * the noise NAME.noise. `spacing` is a power of two that divides H and W,
 * `amplitude` one too: all of it is exact in double and rounded once. */
lt_tensor *formula_smooth(lt_ctx *ctx, const char *name, const int64_t shape[4], int64_t spacing,
                          uint64_t seed, double amplitude);

/* The i-th of the drawn positions among `total` flat indices; 0 <= i < 2^39 / total. */
int64_t formula_position(const char *name, uint64_t seed, int64_t i, int64_t total);

/* Adds every tensor of a network: "clip-vit-b32", "clip-tiny", "clip-tiny512",
 * "stylegan2-SIZE" (SIZE 32..1024), "mapper-N" (N 1..18), "irse50", "vgg19". Errors:
 * LT_ERR_ARGUMENT for another name. */
lt_status formula_params(lt_ctx *ctx, const char *model, uint64_t seed, lt_params *params);

/* `latent_avg` (512), the centre of truncation of the generator. It belongs to the inputs of the
 * goldens, not to the networks. */
lt_status formula_latent_avg(lt_ctx *ctx, uint64_t seed, lt_params *params);

#endif
