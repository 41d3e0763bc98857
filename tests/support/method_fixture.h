/* Networks small enough for the tests of the method: a generator of 16 pixels (6 layers, 6
 * features), a CLIP of 16 pixels and 6 features, an identity network, a VGG19 of 2 channels, an e4e
 * encoder, and a tokenizer that knows a few letters. */
#ifndef TESTS_METHOD_FIXTURE_H
#define TESTS_METHOD_FIXTURE_H

#include "engine/models.h"
#include "support/nn_check.h"

enum { METHOD_SIDE = 16, METHOD_LAYERS = 6, METHOD_D = 6, METHOD_E = 6 };

/* Fills *models, the context included, with the networks that `needs` (CE_NEED_ bits) asks for.
 * Freed by method_models_free(). */
void method_models_make(struct ce_models *models, unsigned needs);
void method_models_free(struct ce_models *models);

/* Random latents in W+, (n, L, D). A seed always gives the same. */
lt_tensor *method_latents(lt_ctx *ctx, int64_t n, uint64_t seed);

/* A new set of the tensors of `params` without those whose names begin with `prefix`. The caller
 * frees it with lt_params_free(). */
lt_params *method_params_without(lt_ctx *ctx, const lt_params *params, const char *prefix);

/* Whether both tensors are there and have the same shape and the same bits. */
bool method_same_bits(const lt_tensor *a, const lt_tensor *b);

#endif
