/* Networks small enough for the tests of the method: a generator of 16 pixels (L 6, D 6), CLIP of
 * 16 pixels with features of 6, an identity network, VGG19 of 2 channels, an e4e encoder, a
 * tokenizer of letters. */
#ifndef TESTS_METHOD_FIXTURE_H
#define TESTS_METHOD_FIXTURE_H

#include "engine/models.h"
#include "support/nn_check.h"

enum { METHOD_SIDE = 16, METHOD_LAYERS = 6, METHOD_D = 6, METHOD_E = 6 };

/* Fills *models, ctx included; `needs` are CE_NEED_ bits. */
void method_models_make(struct ce_models *models, unsigned needs);
void method_models_free(struct ce_models *models);

/* W+ (n, L, D), the same for the same seed. */
lt_tensor *method_latents(lt_ctx *ctx, int64_t n, uint64_t seed);

/* The tensors of `params` but those whose names begin with `prefix`; given to lt_params_free(). */
lt_params *method_params_without(lt_ctx *ctx, const lt_params *params, const char *prefix);

/* Whether both have the same shape and the same bits. */
bool method_same_bits(const lt_tensor *a, const lt_tensor *b);

#endif
