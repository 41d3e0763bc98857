/* What the trainings of the two worlds' CLIPs share. */
#ifndef WEIGHTS_CLIP_TRAINING_H
#define WEIGHTS_CLIP_TRAINING_H

#include "engine/objective/templates.h"
#include "nn/models/clip.h"
#include "nn/optim.h"
#include "nn/text/tokenizer.h"

/* ---- texts ---- */

/* The texts around captions; borrowed, in static storage. */
void clip_list_templates(const char *templates[CE_TEMPLATES]);

/* Writes a random caption into text[cap]; `rng` advances. */
typedef void clip_caption_fn(uint64_t *rng, char *text, size_t cap);

/* Learns `merges` merges from 20,000 captions of less than `cap` bytes, and adds them to params as
 * `tokenizer.merges`. *tokenizer is the caller's. Errors: LT_ERR_MEMORY. */
lt_status clip_learn_vocabulary(lt_ctx *ctx, lt_params *params, int merges,
                                clip_caption_fn *caption, size_t cap, lt_tokenizer **tokenizer);

/* Tokenises a caption into ids[context], which are zeroed. *fits becomes false for a caption that
 * is too long; the caller then draws another, since shorter ones are common. */
lt_status clip_tokenize_caption(lt_ctx *ctx, const lt_tokenizer *tokenizer, const char *caption,
                                int32_t *ids, int context, bool *fits);

/* ---- pictures ---- */

/* Whether picture `item` of a batch is warped: half of them are, of each pair of twins both or
 * none. */
bool clip_is_warped(int64_t item);

/* Warps those pictures of images (B,3,S,S) by CF-CLIP's augmentation, drawn by `rng`. */
lt_tensor *clip_warp_half(lt_ctx *ctx, lt_tensor *images, lt_rng *rng);

/* ---- read-outs ---- */

/* Adds the weights of the linear read-out `name` from `in` features to `out` values, as
 * readout.NAME.weight and .bias. */
void clip_add_readout(lt_ctx *ctx, lt_params *params, const char *name, int64_t out, int64_t in,
                      lt_rng *rng);

/* The logits or values of a read-out for features x (B,D). */
lt_tensor *clip_read_out(lt_ctx *ctx, const lt_params *params, const char *name, lt_tensor *x);

/* ---- the loss and the step ---- */

/* The contrastive loss of features (B,D) of pictures and of texts (Radford et al. 2021). *logits
 * becomes the matrix (B,B) of scaled cosines. */
lt_tensor *clip_contrastive_loss(lt_ctx *ctx, const lt_clip *clip, lt_tensor *image,
                                 lt_tensor *text, lt_tensor **logits);

/* The share of rows of a square matrix whose largest entry is on the diagonal. */
double clip_diagonal_share(const lt_tensor *logits);

/* Takes the steps of `optim` down a loss at a learning rate, with gradients of norm 1 at most. The
 * temperature stays above 1/100 (Radford et al. 2021). */
lt_status clip_descend(lt_ctx *ctx, const lt_clip *clip, lt_optim *optim, lt_tensor *loss,
                       float lr);

/* Adam as both trainings use it, for the weights of params that are there now. */
lt_status clip_make_optimizer(lt_ctx *ctx, lt_params *params, lt_optim **optim);

/* Writes the network and its vocabulary as float16, without the read-outs. */
lt_status clip_write(lt_ctx *ctx, const lt_params *params, const char *path);

#endif
