/* The text-embedding mapping of CF-CLIP: from a latent and a text to an edited
 * latent.
 *
 *     t_w   = TextMapper(t)                                one network a layer
 *     w_hat = w + strength * 0.1 * Mapper([w ; t_w])       a fusing layer, then three levels
 *
 * L latent layers, D features of a latent (512 in published models), E features of
 * CLIP (512 likewise). Tensors, as published checkpoints name them:
 *
 *     mapper.fc.{weight (D,2D), bias (D)}
 *     mapper.{course,medium,fine}_mapping.mapping.{1..4}.{weight (D,D), bias (D)}
 *     text_mapper.mapper_{0..}.mapping.{1..4}.{weight (D,D), bias (D)}; the first weight is (D,E)
 *
 * "course" is the published spelling. A level works on layers 0-3, 4-7, 8 and up; one that is
 * switched off gives zeros and has no tensors. The single mapper of
 * `--mapper-type single`, which the published code offers but cannot run, has one
 * network mapper.mapping.mapping.{1..4} over all layers in the levels' place.
 *
 * Without text mapping it is StyleCLIP's latent mapper (Patashnik et al. 2021, section 5), whose
 * levels see w alone; then there are neither mapper.fc nor text_mapper tensors:
 *
 *     w_hat = w + strength * 0.1 * Mapper(w)
 *
 * Where a reader may stumble: the pixel norm that each network begins with goes over
 * dimension 1, which is the layer axis for the levels and an axis of size 1 in
 * the text mapper, where it leaves little more than the signs of t. Published mappers were
 * trained so. */
#ifndef CFEDIT_MAPPER_H
#define CFEDIT_MAPPER_H

#include "nn/params.h"

enum ce_mapper_type { CE_MAPPER_LEVELS = 0, CE_MAPPER_SINGLE = 1 };

enum { CE_LEVEL_COARSE = 0, CE_LEVEL_MEDIUM = 1, CE_LEVEL_FINE = 2, CE_LEVELS = 3 };

struct ce_mapper_config {
    enum ce_mapper_type type;
    bool level[CE_LEVELS]; /* coarse, medium, fine; the single mapper has no use for them */
    bool without_text;     /* StyleCLIP's mapper; text_dim has then no use */
    int latents;           /* L */
    int style_dim;         /* D */
    int text_dim;          /* E */
};

/* Metadata keys of a mapper file, the published options' names. Flags are "true" or
 * "false" ("True" and "1" are read too). */
#define CE_META_MAPPER_TYPE "mapper_type" /* "LevelsMapper" or "SingleMapper" */
#define CE_META_TARGET      "description" /* the target text */
#define CE_META_SOURCE      "source_text"
#define CE_META_W_SPACE     "w_space"

/* Fresh weights: randn / 0.01 (the equalised learning rate of 0.01), biases 0. The
 * config goes into the metadata. `rng` advances. */
lt_status ce_mapper_init(lt_ctx *ctx, lt_params *params, const struct ce_mapper_config *config,
                         lt_rng *rng);

struct ce_mapper;

/* A mapper over `params` (borrowed) for `latents` layers; what it is made of is read
 * from the names, shapes and metadata: a level whose tensors are missing, or whose
 * metadata key no_{coarse,medium,fine}_mapper is true, is off. Tensors of further text mappers than
 * `latents` (and any others) are not looked at. *out is freed with
 * ce_mapper_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE naming the tensor, LT_ERR_FORMAT
 * where no mapper is in `params`, LT_ERR_ARGUMENT, LT_ERR_MEMORY. */
lt_status ce_mapper_create(lt_ctx *ctx, const lt_params *params, int latents,
                           struct ce_mapper **out);
void ce_mapper_free(struct ce_mapper *mapper); /* NULL is accepted */
const struct ce_mapper_config *ce_mapper_describe(const struct ce_mapper *mapper);

/* Switches gradients of the tensors that the mapper uses. */
lt_status ce_mapper_require_grad(lt_ctx *ctx, const struct ce_mapper *mapper, bool on);

/* Adds (retains) to `params` the mapper's tensors and metadata that the file `path` holds,
 * and nothing else that may be in it (as a training's state). Errors: LT_ERR_IO, LT_ERR_FORMAT,
 * naming the file. */
lt_status ce_mapper_load(lt_ctx *ctx, lt_params *params, const char *path);

/* Text feature (1,E), raw -> t_w (1,L,D). Gradients reach the mapper's weights and
 * the feature. NULL, without a failure, from a mapper without text mapping. */
lt_tensor *ce_mapper_text(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *text_feature);

/* w (N,L,D) and t_w (1,L,D) (not read without text mapping) -> the residual Mapper([w ; t_w])
 * (N,L,D). */
lt_tensor *ce_mapper_residual(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w,
                              lt_tensor *t_w);

/* w + strength * 0.1 * residual (N,L,D); strength 1 is the published edit. */
lt_tensor *ce_mapper_edit(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w, lt_tensor *t_w,
                          float strength);

#endif
