/* The spaces in which one picture's latent is moved.
 *
 *     W+          delta (1,L,D), as it is
 *     StyleSpace  one delta (1,C) per modulated convolution (Wu et al. 2021), in standard
 * deviations of each channel over random faces faces       W+ seen from the generator's own faces:
 * delta = c X / sqrt(N) with the centred w of N random faces X (N,D), c (1,L,N), so that |c| is the
 * Mahalanobis length of delta. A direction in which faces hardly differ costs much.
 *
 * A code is what a generator draws from: W+ in one tensor, or all styles of StyleSpace. */
#ifndef CFEDIT_LATENT_SPACE_H
#define CFEDIT_LATENT_SPACE_H

#include "engine/models.h"

enum ce_space { CE_SPACE_WPLUS = 0, CE_SPACE_STYLE = 1, CE_SPACE_FACES = 2 };

enum { CE_SPACE_STYLES = 32 }; /* most modulated convolutions of a generator */

struct ce_space_config {
    enum ce_space space;
    /* W+ layers that may move; StyleSpace channels by the layer that feeds them. first_layer -1:
     * what the generator's metadata key `edit_first_layer` says, else 0. */
    int first_layer, last_layer;
    bool shared_layers; /* faces: one c for all layers that may move, instead of one each */
    bool edit_rgb;      /* StyleSpace: whether the to-RGB channels may move */
};

/* Everything is retained or borrowed. */
struct ce_latent_space {
    const struct ce_models *models;
    struct ce_space_config config;
    int first_layer;                  /* resolved */
    int count;                        /* of deltas: 1 in W+, the style count in StyleSpace */
    lt_tensor *base[CE_SPACE_STYLES]; /* w, or the source's styles */
    lt_tensor *unit[CE_SPACE_STYLES]; /* StyleSpace: deviations (1,C); else (1,L,1) of 1; 0 where
                                         nothing may move */
    lt_tensor *faces;                 /* faces: X / sqrt(N) (N,D) */
    lt_params *deltas;                /* "delta.0", ... : zeros that require gradients */
};

/* The space around the picture of w (1,L,D). *space is given to ce_latent_space_close(), also after
 * a failure. Errors: LT_ERR_SHAPE, LT_ERR_UNSUPPORTED for a generator of more than CE_SPACE_STYLES
 * modulated convolutions. */
lt_status ce_latent_space_open(const struct ce_models *models, const struct ce_space_config *config,
                               lt_tensor *w, struct ce_latent_space *space);
void ce_latent_space_close(struct ce_latent_space *space);

/* Whether a W+ layer may move. */
bool ce_latent_space_moves(const struct ce_latent_space *space, int layer);

/* The base plus `strength` times the deltas -> out[count], differentiable in the deltas. */
lt_status ce_latent_space_code(const struct ce_latent_space *space, float strength,
                               lt_tensor **out);
/* The picture (1,3,S,S) of a code of this space; `size` as for lt_stylegan2_synthesis_at(). */
lt_tensor *ce_latent_space_draw(const struct ce_latent_space *space, lt_tensor *const *code,
                                int size);
/* Mean square (or, for `absolute`, mean absolute value) of all deltas together. */
lt_tensor *ce_latent_space_size(const struct ce_latent_space *space, bool absolute);

/* `wanted`, or for -1 what the generator's metadata says. */
int ce_first_layer(const struct ce_models *models, int wanted);

/* w (count, D) of random faces, not truncated. */
lt_tensor *ce_random_faces(const struct ce_models *models, int64_t count, uint64_t seed);

/* Standard deviation of every channel of every style over random faces -> out[styles], each (1,C),
 * in the innermost scope. The faces are the same ones for every picture. */
lt_status ce_style_deviations(const struct ce_models *models, lt_tensor **out);

#endif
