/* The networks of a model, opened from the files that model_files.h finds, and functions that run
 * them over many inputs at once. */
#ifndef CFEDIT_MODELS_H
#define CFEDIT_MODELS_H

#include "engine/model_files.h"
#include "engine/sentence/concepts.h"
#include "nn/models/clip.h"
#include "nn/models/encoder.h"
#include "nn/models/irse50.h"
#include "nn/models/mtcnn.h"
#include "nn/params.h"
#include "nn/models/stylegan2.h"
#include "nn/text/tokenizer.h"
#include "nn/models/vgg19.h"

enum {
    CE_NEED_GENERATOR = 1,
    CE_NEED_CLIP = 2,
    CE_NEED_TOKENIZER = 4, /* its vocabulary must fit CLIP's, if CLIP is needed too */
    CE_NEED_IDENTITY = 8,
    CE_NEED_VGG = 16,
    CE_NEED_ENCODER = 32, /* its output must fit the generator, if that is needed too */
    CE_NEED_DETECTOR = 64,
    CE_NEED_TEXT = CE_NEED_CLIP | CE_NEED_TOKENIZER
};

/* An open model. Members that were not needed are NULL. */
struct ce_models {
    lt_ctx *ctx;
    lt_params *generator_params, *clip_params, *identity_params, *vgg_params, *encoder_params,
        *detector_params;
    lt_stylegan2 *generator;
    lt_clip *clip;
    lt_irse50 *identity;
    lt_vgg19 *vgg;
    lt_encoder *encoder;
    lt_mtcnn *detector;
    lt_tokenizer *tokenizer;
    struct ce_concepts *concepts; /* opened with the tokenizer; NULL if the model has none */
    lt_safetensors *clip_file;    /* stays open: the tokenizer's merge list may be in it */
    int64_t context_length;       /* how many tokens CLIP reads; 77 for a tokenizer without CLIP */
    /* The paths of the files that were opened; owned. */
    char *generator_path, *clip_path, *identity_path, *vgg_path, *encoder_path, *detector_path;
    const char *domain; /* what the generator draws: its metadata key `domain`, else "face" */
    double truncation;  /* truncation of pictures from seeds: the metadata key `truncation`, else
                           0.7; 1 if the generator has no latent_avg */
};

/* Opens the networks that `needs` names (CE_NEED_ bits), from the places that `paths` names.
 * *models is all zero before the first call; a later call with other needs opens only the networks
 * that are not open yet. *models is closed with ce_models_close(), also after a failure. `paths` is
 * not kept. Errors, each naming the file: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE,
 * LT_ERR_DTYPE, LT_ERR_MEMORY. */
lt_status ce_models_open(lt_ctx *ctx, const struct ce_paths *paths, unsigned needs,
                         struct ce_models *models);
void ce_models_close(struct ce_models *models);

/* Records LT_ERR_NUMERIC for a result that is NaN or infinite. Where a weight of an open network is
 * NaN or infinite itself, the message names its file and tensor; else it is `otherwise`. */
lt_status ce_models_not_finite(const struct ce_models *models, const char *otherwise);

/* Whether there is a file for an optional network (one CE_NEED_ bit). No failure is recorded if
 * there is none. */
bool ce_models_has(lt_ctx *ctx, const struct ce_paths *paths, unsigned need);

/* Writes the token ids of one text to ids[0..cap), without padding, and their number to *count.
 * Error messages call the text by its number `index` (from 0): one for more than `cap` tokens, one
 * for invalid UTF-8. Needs the tokenizer. */
lt_status ce_models_tokenize(const struct ce_models *models, const char *text, size_t index,
                             int32_t *ids, size_t cap, size_t *count);
/* Texts -> int32 (count, context_length), padded with 0, as lt_clip_encode_text() takes them. Needs
 * tokenizer and CLIP. */
lt_tensor *ce_models_tokens(const struct ce_models *models, const char *const *texts, size_t count);
/* Texts -> text features (count, D), not normalised. Computed in small batches without gradient. */
lt_tensor *ce_models_embed_texts(const struct ce_models *models, const char *const *texts,
                                 size_t count);
/* Images (N,3,H,W) in [-1,1] -> image features (N,D), not normalised. Computed in small batches
 * without gradient. */
lt_tensor *ce_models_embed_images(const struct ce_models *models, lt_tensor *images,
                                  bool antialias);
/* W+ (N,L,D) -> images (N,3,S,S). Computed in small batches without gradient. `progress` may be
 * NULL; it is told the number of finished images after each batch. */
lt_tensor *ce_models_generate(const struct ce_models *models, lt_tensor *wplus,
                              void (*progress)(void *user, int64_t done), void *user);

#endif
