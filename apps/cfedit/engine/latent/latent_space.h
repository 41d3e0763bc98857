/* The spaces in which one picture's latent can be moved.
 *
 *     W+          delta (1,L,D), added to the latent as it is
 *     StyleSpace  one delta (1,C) for each modulated convolution (Wu et al. 2021), in standard
 *                 deviations of each channel over random faces
 *     faces       W+ in terms of the generator's own faces: delta = c X / sqrt(N) with the centred
 *                 w of N random faces X (N,D) and c (1,L,N). |c| is then the Mahalanobis length of
 *                 delta: a direction in which faces hardly differ costs much.
 *
 * A code is the input from which a generator draws a picture: W+ in one tensor, or all the styles
 * of StyleSpace. */
#ifndef CFEDIT_LATENT_SPACE_H
#define CFEDIT_LATENT_SPACE_H

#include "engine/models.h"

enum ce_space { CE_SPACE_WPLUS = 0, CE_SPACE_STYLE = 1, CE_SPACE_FACES = 2 };

enum { CE_SPACE_STYLES = 32 }; /* upper limit of modulated convolutions of a generator */

struct ce_space_config {
    enum ce_space space;
    /* The W+ layers that may move; in StyleSpace, the channels that these layers feed. first_layer
     * -1: the generator's metadata key `edit_first_layer` decides, else 0. */
    int first_layer, last_layer;
    bool shared_layers; /* faces: one c for all layers that may move, else one for each */
    bool edit_rgb;      /* StyleSpace: whether the to-RGB channels may move */
};

/* A space around one picture. Tensors are retained, `models` is borrowed. */
struct ce_latent_space {
    const struct ce_models *models;
    struct ce_space_config config;
    int first_layer; /* config.first_layer, or the layer that -1 stands for */
    int count;       /* number of deltas: 1 in W+, one for each style in StyleSpace */
    lt_tensor *base[CE_SPACE_STYLES]; /* the source's code: w, or its styles */
    /* What 1 in a delta stands for: deviations (1,C) in StyleSpace, else 1 for each layer (1,L,1);
     * 0 for whatever may not move. */
    lt_tensor *unit[CE_SPACE_STYLES];
    lt_tensor *faces;  /* X / sqrt(N) (N,D) in the faces space, else NULL */
    lt_params *deltas; /* "delta.0", "delta.1", ...: zeros at first; they require gradients */
};

/* Opens the space around the picture of w (1,L,D). *space is given to ce_latent_space_close(), also
 * after a failure. Errors: LT_ERR_SHAPE; LT_ERR_UNSUPPORTED for a generator with more than
 * CE_SPACE_STYLES modulated convolutions. */
lt_status ce_latent_space_open(const struct ce_models *models, const struct ce_space_config *config,
                               lt_tensor *w, struct ce_latent_space *space);
void ce_latent_space_close(struct ce_latent_space *space);

/* Whether a W+ layer may move. */
bool ce_latent_space_moves(const struct ce_latent_space *space, int layer);

/* Writes the code base + strength * delta to out[count], differentiable in the deltas. */
lt_status ce_latent_space_code(const struct ce_latent_space *space, float strength,
                               lt_tensor **out);
/* Draws the picture (1,3,S,S) of a code of this space; `size` as for
 * lt_stylegan2_synthesis_at(). */
lt_tensor *ce_latent_space_draw(const struct ce_latent_space *space, lt_tensor *const *code,
                                int size);
/* The mean square of all deltas together, or the mean absolute value if `absolute`. -> scalar. */
lt_tensor *ce_latent_space_size(const struct ce_latent_space *space, bool absolute);

/* `wanted`, or the layer that the generator's metadata names if `wanted` is -1. */
int ce_first_layer(const struct ce_models *models, int wanted);

/* w (count, D) of random faces without truncation, in the innermost scope. */
lt_tensor *ce_random_faces(const struct ce_models *models, int64_t count, uint64_t seed);

/* Writes the standard deviation of every channel of every style over random faces to out[styles],
 * each (1,C), in the innermost scope. Every call uses the same faces. */
lt_status ce_style_deviations(const struct ce_models *models, lt_tensor **out);

#endif
