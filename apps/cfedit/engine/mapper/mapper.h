/* The text-embedding mapping of CF-CLIP: from a latent and a text to an edited latent.
 *
 *     t_w   = TextMapper(t)                                one network for each layer
 *     w_hat = w + strength * 0.1 * Mapper([w ; t_w])       a fusing layer, then three levels
 *
 * L latent layers, D features of a latent, E features of CLIP (512 both in published models).
 * Tensors, under the names of published checkpoints:
 *
 *     mapper.fc.{weight (D,2D), bias (D)}
 *     mapper.{course,medium,fine}_mapping.mapping.{1..4}.{weight (D,D), bias (D)}
 *     text_mapper.mapper_{0..}.mapping.{1..4}.{weight (D,D), bias (D)}; the first weight is (D,E)
 *
 * "course" is the published spelling. The levels work on layers 0-3, 4-7, and 8 and up. A level
 * that is switched off gives zeros and has no tensors. The published code also offers a single
 * mapper but cannot run it; here it has one network, mapper.mapping.mapping.{1..4}, over all layers
 * in place of the three levels.
 *
 * Without text mapping the mapper is StyleCLIP's (Patashnik et al. 2021, section 5). Its levels see
 * w alone, and it has neither mapper.fc nor text_mapper tensors:
 *
 *     w_hat = w + strength * 0.1 * Mapper(w)
 *
 * A reader may stumble over the pixel norm that begins each network. It goes over dimension 1: the
 * layer axis in the levels, but an axis of size 1 in the text mapper, where it leaves little more
 * than the signs of t. Published mappers were trained so. */
#ifndef CFEDIT_MAPPER_H
#define CFEDIT_MAPPER_H

#include "nn/params.h"

enum ce_mapper_type { CE_MAPPER_LEVELS = 0, CE_MAPPER_SINGLE = 1 };

enum { CE_LEVEL_COARSE = 0, CE_LEVEL_MEDIUM = 1, CE_LEVEL_FINE = 2, CE_LEVELS = 3 };

struct ce_mapper_config {
    enum ce_mapper_type type;
    bool level[CE_LEVELS]; /* coarse, medium, fine; not read by a single mapper */
    bool without_text;     /* StyleCLIP's mapper; text_dim is not read */
    int latents;           /* L */
    int style_dim;         /* D */
    int text_dim;          /* E */
};

/* Metadata keys of a mapper file, named after the published options. Flags are written as "true" or
 * "false"; "True" and "1" are read too. */
#define CE_META_MAPPER_TYPE "mapper_type" /* "LevelsMapper" or "SingleMapper" */
#define CE_META_TARGET      "description" /* the target text */
#define CE_META_SOURCE      "source_text"
#define CE_META_W_SPACE     "w_space"
#define CE_META_SIZE        "stylegan_size" /* side of the generator's pictures, in pixels */
/* The flag that switches a level off: "no_coarse_mapper", "no_medium_mapper", "no_fine_mapper". */
const char *ce_mapper_level_off(int level);

/* Adds fresh weights to `params`: normal values / 0.01 (the inverse of the equalised learning
 * rate), biases 0. The config goes into the metadata. `rng` advances. */
lt_status ce_mapper_init(lt_ctx *ctx, lt_params *params, const struct ce_mapper_config *config,
                         lt_rng *rng);

struct ce_mapper;

/* Makes a mapper for `latents` layers over `params`, which is borrowed. Type, levels and sizes
 * follow from the names and shapes of the tensors and from the metadata: a level is off if its
 * tensors are missing or its metadata key no_{coarse,medium,fine}_mapper is true. Of the 18 text
 * mappers of a published network only the first `latents` are used. Tensors of other names are
 * ignored. *out is freed with ce_mapper_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE naming the
 * tensor, or telling that the mapper belongs to a generator of another size, LT_ERR_FORMAT if
 * `params` holds no mapper, LT_ERR_ARGUMENT, LT_ERR_MEMORY. */
lt_status ce_mapper_create(lt_ctx *ctx, const lt_params *params, int latents,
                           struct ce_mapper **out);
void ce_mapper_free(struct ce_mapper *mapper); /* NULL is accepted */
const struct ce_mapper_config *ce_mapper_describe(const struct ce_mapper *mapper);
/* Whether the mapper can move any layer: a level that is on may lie behind the last layer. */
bool ce_mapper_moves(const struct ce_mapper *mapper);

/* The layers of the latents that the mapper in `params` is for, as its metadata or else the number
 * of its text mappers tells; 0 where nothing does. */
int ce_mapper_layers(const lt_params *params);

/* Switches the gradients of the mapper's tensors on or off. */
lt_status ce_mapper_require_grad(lt_ctx *ctx, const struct ce_mapper *mapper, bool on);

/* Adds to `params` the tensors and metadata of the mapper in the file `path`, and nothing else from
 * that file (such as the state of a training). Errors: LT_ERR_IO, LT_ERR_FORMAT, naming the
 * file. */
lt_status ce_mapper_load(lt_ctx *ctx, lt_params *params, const char *path);

/* t_w (1,L,D) of a text feature (1,E) that is not normalised. Gradients reach the mapper's weights
 * and the feature. NULL, without a failure, for a mapper without text mapping. */
lt_tensor *ce_mapper_text(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *text_feature);

/* The residual Mapper([w ; t_w]) (N,L,D) of w (N,L,D) and t_w (1,L,D); t_w is not read without text
 * mapping. */
lt_tensor *ce_mapper_residual(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w,
                              lt_tensor *t_w);

/* The edited latents w + strength * 0.1 * residual (N,L,D); strength 1 is the published edit. */
lt_tensor *ce_mapper_edit(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w, lt_tensor *t_w,
                          float strength);

#endif
