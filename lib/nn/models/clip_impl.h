/* A CLIP network as its files share it: the weights that clip_load.c finds in a checkpoint and
 * clip.c runs, and the packing of texts (clip_texts.c). Private to the library. */
#ifndef LT_NN_CLIP_IMPL_H
#define LT_NN_CLIP_IMPL_H

#include "nn/models/clip.h"

/* Weights of one residual attention block of width W. */
struct lt_clip_block {
    lt_tensor *ln1_weight, *ln1_bias, *ln2_weight, *ln2_bias; /* (W) */
    lt_tensor *in_weight, *in_bias;                           /* (3W, W), (3W) */
    lt_tensor *out_weight, *out_bias;                         /* (W, W), (W) */
    lt_tensor *fc_weight, *fc_bias;                           /* (4W, W), (4W) */
    lt_tensor *proj_weight, *proj_bias;                       /* (W, 4W), (W) */
};

/* One of the two transformers. */
struct lt_clip_tower {
    const char *name; /* "visual" or "text": the first part of the names that the tap is told */
    int width, layers, heads;
    struct lt_clip_block *block; /* [layers] */
};

/* W is the width of the tower that a tensor belongs to, D the width of the embeddings, V the size
 * of the vocabulary, L the context length. */
struct lt_clip {
    lt_clip_config config;
    struct lt_clip_tower visual, text;
    lt_tensor *patch_weight;                /* (W, 3, p, p) */
    lt_tensor *class_embedding;             /* (W) */
    lt_tensor *visual_position;             /* (1 + grid^2, W) */
    lt_tensor *ln_pre_weight, *ln_pre_bias; /* (W) */
    lt_tensor *ln_post_weight, *ln_post_bias;
    lt_tensor *visual_proj;     /* (W, D) */
    lt_tensor *token_embedding; /* (V, W) */
    lt_tensor *text_position;   /* (L, W) */
    lt_tensor *ln_final_weight, *ln_final_bias;
    lt_tensor *text_proj;   /* (W, D) */
    lt_tensor *logit_scale; /* scalar */
    lt_params *widened;     /* owned: float32 copies of 16-bit weights that operations other than
                               lt_linear() and lt_embedding() use */
    lt_tensor *pixel_scale, *pixel_shift; /* retained: (1, 3), (3): from [-1, 1] to the network's
                                             input */
    void (*tap)(void *user, const char *name, lt_tensor *t);
    void *tap_user;
};

/* T texts, packed for the text transformer.
 *
 * A text is computed up to its end token only, since no feature depends on what follows. Texts that
 * begin alike have the same residual stream over that beginning, because attention looks back only;
 * so it is computed once. Hence two numberings of rows:
 *
 *     "a face with red lips", "a face with blue hair"
 *
 *     packed rows (P):  a face with red lips | a face with blue hair   read by attention
 *     stream rows (R):  a face with red lips             blue hair     used by all else
 */
struct lt_clip_texts {
    lt_tensor *starts; /* int32 (T + 1): text i has the packed rows starts[i] to starts[i + 1] */
    lt_tensor *ends;   /* int32 (T): the packed row of each end token */
    lt_tensor *row_of; /* int32 (P): the stream row of each packed row; NULL where P = R */
    lt_tensor *one_of; /* int32 (R): for each stream row, one packed row with its values */
    lt_tensor *last;   /* int32 (T): the stream row of each end token */
};

/* Packs token ids, contiguous int32 (T, L). With `whole`, texts keep all L positions and share no
 * rows. *id and *place, int32 (R), become the token and the position in the context of each stream
 * row. New tensors belong to the innermost scope. Errors: LT_ERR_MEMORY. */
lt_status lt_clip_pack_texts(lt_ctx *ctx, const lt_tensor *ids, bool whole,
                             struct lt_clip_texts *texts, lt_tensor **id, lt_tensor **place);

#endif
